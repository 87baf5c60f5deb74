/*
 * TLB: taking back what the hardware remembers.
 *
 * Every call has the full sequence: the store that broke the entry, DSB ISHST, TLBI on all
 * CPUs, DSB ISH.  When it returns, no CPU uses the old entry for an access that EL0 makes from
 * then on: there is an exception return before that, which is the context synchronization event
 * that each CPU needs.  A caller that has just made an invalid entry valid needs tlb_publish()
 * only.
 *
 * Source: Arm ARM, "TLB maintenance operations and barriers", "Context synchronization event".
 */
#pragma once

#include "abi/types.h"

/*
 * Entries written so far are visible to every table walk before any that are written from here
 * on: between a table and the entry that leads to it, and after the last entry.
 */
void tlb_publish(void);

/* Forget `pages` pages, at least one, from `address` on, and the table entries that led there. */
void tlb_invalidate_pages(asid_t asid, uaddr_t address, uint64_t pages);

/* Forget everything of one address space. */
void tlb_invalidate_asid(asid_t asid);

/*
 * Implemented by domains, for its audit: an invalidation is complete.  `pages` is 0 for everything
 * of the ASID.
 */
void kernel_on_tlb_invalidation(asid_t asid, uaddr_t address, uint64_t pages);

enum { TLB_PAGES_MAX = 16 }; /* more pages than this are cheaper by ASID */

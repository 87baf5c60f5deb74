/*
 * TLB ledger: everything that a TLB could hold, were it as large as memory.
 *
 * It fills whenever tables change and forgets only what invalidations name, so it is what the worst
 * hardware remembers.  After each change it must say nothing that the tables don't; when an ASID
 * loses its domain it must be empty of it.
 *
 * Steps of the walk are remembered apart from the translations below them: an invalidation by
 * address drops the step, which was on the way, but only those translations that it names.
 */
#pragma once

#include "arch/pagetable.h"
#include "domains/domain.h"

/* The change of this domain's tables is complete: what the ledger says, they say. */
void tlb_ledger_settle(const struct domain *domain);

/* An invalidation is complete: of `pages` pages, or, if that is 0, of everything of the ASID. */
void tlb_ledger_forget(asid_t asid, uaddr_t address, uint64_t pages);

/* `domain` is the ASID's owner from now on; until now it had none. */
void tlb_ledger_give(asid_t asid, const struct domain *domain);

/* The ASID has no owner any more, and nothing of it may be left. */
void tlb_ledger_take(asid_t asid);

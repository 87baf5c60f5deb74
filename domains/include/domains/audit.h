/*
 * Audit: what a checked kernel holds against itself whenever a view or an ASID changes.
 *
 * A kernel is built with one of two folders.  domains/variant/unchecked makes every call here
 * nothing.  domains/variant/checked walks views as the hardware does, keeps a ledger of what a TLB
 * could still hold, and panics at the first thing that is not as it must be: W^X within a view and
 * between views, leaves and tables that are the segment's, rights that are the mapping's, nothing
 * of the kernel in reach, and no translation that outlives its entry or its domain.
 *
 * The calls stand where a change is complete, so whoever changes a view makes one at the end.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "domains/segment.h"

/* A domain's view begins, empty, and ends: its root is about to be freed. */
void audit_view_made(const struct domain *domain);
void audit_view_ending(const struct domain *domain);

/* `segment` is in the view with these rights now; 0: it isn't any more. */
void audit_view_changed(const struct domain *domain, const struct segment *segment,
                        rights_t rights);

/* The domain has a new ASID; nobody has this one any more. */
void audit_asid_given(const struct domain *domain);
void audit_asid_taken(asid_t asid);

/* Memory of the kernel's own, which no view may lead to. */
void audit_forbid(paddr_t base, uint64_t bytes);

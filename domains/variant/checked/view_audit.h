/*
 * View audit: one view against the segments that it should show.
 */
#pragma once

#include "domains/domain.h"

#include <stdbool.h>

/*
 * Walk the view and claim, of every step and leaf: it belongs to a segment that was granted to the
 * domain (grants.h; `entries` in all), gives exactly the rights that were granted, never writing
 * with executing, never anything to EL1's execution, is not global, and leads to a frame of a
 * segment's.  `is_sweep` adds the rights to those of the views before it (frame_rights.h).
 *
 * All entries of the view's own are looked at.  Of the tables of leaves below them it is all of up
 * to sixteen, and about sixteen of more, by chance.
 */
void view_audit(const struct domain *domain, uint32_t entries, bool is_sweep);

/* No leaf may lead there. */
void view_audit_forbid(paddr_t base, uint64_t bytes);

/*
 * Grants: the audit's own record of which segments are in which views, and with which rights.
 *
 * Kept by what the audit is told at each change, not by looking at the kernel's tables: those are
 * held against it.
 */
#pragma once

#include "domains/segment.h"

/* From now on the segment is in the view with these rights; 0 takes it out. */
void grants_set(const struct domain *domain, const struct segment *segment, rights_t rights);

/* 0 if it isn't there. */
rights_t grants_find(const struct domain *domain, const struct segment *segment);

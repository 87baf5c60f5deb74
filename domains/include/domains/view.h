/*
 * View: what one domain sees of the shared space.
 *
 * The domain's root table (level 1) and the level 2 tables below it are its own; what those point
 * to belongs to segments.  A mapping remembers that a segment is in a view, and with which rights.
 *
 * Invariant: no view holds a page both writable and executable.  It follows from leaves, which
 * are never both, and from narrowing, which never adds a right.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "domains/segment.h"

struct mapping {
    struct segment *segment; /* owns a reference */
    struct domain *domain;
    rights_t rights;
    struct list_node segment_node;
    struct list_node domain_node;
    struct mapping *next_in_bucket;
};

void views_init(void);

/* Give `domain` an empty view.  Errors: OUT_OF_QUOTA, OUT_OF_MEMORY. */
CHECK_RESULT enum status view_create(struct domain *domain);

/* The root goes; no mappings are left. */
void view_destroy(struct domain *domain);

/*
 * Put `segment` into the domain's view with `rights`, or change its rights there.
 * Errors: BAD_ARGUMENT (no READ, or WRITE with EXECUTE), NO_RIGHT (wider than the segment),
 * OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status view_grant(struct domain *domain, struct segment *segment,
                                    rights_t rights);

/* Take it out; afterwards no CPU can reach it through this view.  Errors: NOT_FOUND. */
CHECK_RESULT enum status view_revoke(struct domain *domain, struct segment *segment);

/* Borrowed; NULL if the view doesn't show the segment. */
struct mapping *view_find(const struct domain *domain, const struct segment *segment);

/* What EL0 may do at `address` in this view, by walking its tables as the hardware does. */
rights_t view_rights_at(const struct domain *domain, uaddr_t address);

/* Take out at most `budget` segments; returns whether the view is empty. */
bool view_drain(struct domain *domain, unsigned budget);

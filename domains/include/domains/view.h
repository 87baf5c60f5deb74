/*
 * View: what one domain sees of the shared space.
 *
 * The domain's root table (level 1) and the level 2 tables below it are its own; what those point
 * to belongs to segments.  Nothing else remembers what is in a view: an entry that is valid says
 * that the segment whose slot it is (domains/space.h) is shown, and with which rights.
 *
 * Invariant: no view holds a page both writable and executable.  It follows from leaves, which
 * are never both, and from narrowing, which never adds a right.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "domains/segment.h"

/* Give `domain` an empty view.  Errors: OUT_OF_QUOTA, OUT_OF_MEMORY. */
CHECK_RESULT enum status view_create(struct domain *domain);

/* The root goes; nothing is in the view. */
void view_destroy(struct domain *domain);

/*
 * Put `segment` into the domain's view with `rights`, or change its rights there.
 * Ownership: the view has a reference to a segment that is in it.
 * Errors: PEER_DEAD (it has stopped), BAD_ARGUMENT (no READ, or WRITE with EXECUTE), NO_RIGHT
 * (wider than the segment), OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status view_grant(struct domain *domain, struct segment *segment,
                                    rights_t rights);

/*
 * The same where nothing is in the way: a segment of one entry, not in the view, in a table that
 * the view has.  False: nothing has changed, and view_grant() is to say what is the matter.
 */
CHECK_RESULT bool view_grant_usual(struct domain *domain, struct segment *segment, rights_t rights);

/* Take it out; afterwards no CPU can reach it through this view.  Errors: NOT_FOUND. */
CHECK_RESULT enum status view_revoke(struct domain *domain, struct segment *segment);

/* The rights with which the segment is in the view; 0 if it isn't. */
rights_t view_granted(const struct domain *domain, const struct segment *segment);

/* What EL0 may do at `address` in this view, by walking its tables as the hardware does. */
COLD rights_t view_rights_at(const struct domain *domain, uaddr_t address);

/*
 * Borrowed: the first segment in the view of those that reach to `from` or beyond; NULL if none.
 * `*next` is where to look for those behind it; 0 if there are none.
 */
struct segment *view_next(const struct domain *domain, uaddr_t from, uaddr_t *next);

/* Take out at most `budget` segments, in a bounded step; returns whether the view is empty. */
bool view_drain(struct domain *domain, unsigned budget);

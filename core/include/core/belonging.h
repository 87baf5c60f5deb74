/*
 * Belonging: what portals, events, interrupts and clocks have in common.
 *
 * A domain makes it, is charged for it, and loses it when it stops.  The object may stay longer,
 * for those who have handles to it; then it belongs to nobody.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "domains/domain.h"
#include "domains/pool.h"

struct belonging {
    struct object object;  /* its uses: how many objects of the quota it counts as */
    struct domain *domain; /* who made it; NULL once that has stopped */
    struct list_node node; /* in the domain's list */
};

struct belonging_class {
    struct object_class object;
    struct pool *pool; /* of structures that start with a struct belonging */

    /*
     * The domain has stopped: takes leave of it, unless it takes more steps than `*budget`, which
     * becomes less by those taken.
     */
    void (*stop)(struct belonging *belonging, unsigned *budget);
};

static inline struct belonging *belonging_of_object(struct object *object)
{
    return (struct belonging *)(void *)object; /* its first member */
}

/*
 * Zeroed memory of the class's pool, but for what is in struct belonging.
 * Ownership: one reference, the caller's.  Errors: OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status belonging_create(struct domain *domain,
                                          const struct belonging_class *class, uint32_t uses,
                                          struct belonging **out);

/* It belongs to nobody from here on, as it may do already. */
void belonging_leave(struct belonging *belonging);

/* Take leave, and give the memory back: nobody refers to it. */
void belonging_free(struct belonging *belonging);

/* Let the domain, which has stopped, lose what it has; returns whether `*budget` is left. */
bool belongings_stop_some(struct domain *domain, unsigned *budget);

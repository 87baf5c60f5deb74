/*
 * Timeouts: what is to happen at a point in time.
 *
 * A leftist heap, linked through the timeouts themselves: adding and cancelling are O(log n) and
 * never allocate, the earliest is at hand for the one hardware deadline.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/types.h"

#include <stdbool.h>

struct timeout {
    nsec_t deadline_ns;
    struct timeout *left; /* the heavier child */
    struct timeout *right;
    struct timeout *parent;
    uint32_t rank; /* shortest way down to a missing child; 0: not in a heap */
    void (*fire)(struct timeout *timeout);
    struct timeouts *heap; /* that it is in, or was last */
};

struct timeouts {
    struct timeout *first; /* earliest; NULL when empty */
};

/* Add; `timeout` is in no heap and its deadline and fire are set. */
void timeout_add(struct timeouts *timeouts, struct timeout *timeout);

/* Remove it from the heap that it is in, if it is in one. */
void timeout_cancel(struct timeout *timeout);

static inline bool timeout_is_armed(const struct timeout *timeout)
{
    return timeout->rank != 0;
}

/* Fire the earliest one if its time has come; returns whether it had. */
bool timeouts_fire_one(struct timeouts *timeouts, nsec_t now_ns);

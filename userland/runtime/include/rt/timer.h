/*
 * A queue of timers: pure logic, no clock of its own.
 *
 * An intrusive pairing heap: starting is constant, stopping and taking the earliest logarithmic.
 * A program uses it through rt/loop.h.
 */
#pragma once

#include "abi/types.h"

struct timer {
    nsec_t deadline_ns;                    /* 0 while it isn't in a queue */
    struct timer *child, *next, *previous; /* `previous`: elder sibling or parent */
};

struct timer_queue {
    struct timer *first; /* the earliest; NULL: empty */
};

/* Put `t` in (again: it moves).  `deadline_ns` must not be 0. */
void timer_queue_insert(struct timer_queue *q, struct timer *t, nsec_t deadline_ns);

/* Take `t` out; nothing happens if it isn't in. */
void timer_queue_remove(struct timer_queue *q, struct timer *t);

/* Take out and return the earliest timer whose deadline is at or before `now_ns`, else NULL. */
struct timer *timer_queue_expire(struct timer_queue *q, nsec_t now_ns);

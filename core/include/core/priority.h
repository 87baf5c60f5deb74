/*
 * Priority: what a thread was given, and what it runs at.
 *
 *     priority = 0                            while its budget is used up
 *                max(base, what it inherits)  otherwise
 *
 * Whoever waits for a portal's stack lends its priority to all who run on one, since any of them
 * may be the first to give it back.  A thread inherits from the most urgent waiter of each portal
 * that it holds a wanted stack of.  So does whoever runs on the stack that a parked thread says it
 * waits for: that is the debtor, and those its creditors.  A thread that waits itself passes on
 * what it inherits.
 *
 * A change is made at once to the thread that it is of.  What follows for those that it lends to is
 * deferred (core/deferred.h).
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "core/thread.h"

struct portal;
struct record;

/* Compute it anew, and move the thread to where it belongs: queues, its portal's line. */
COLD void priority_update(struct thread *thread);

COLD void priority_set_base(struct thread *thread, uint32_t base);

/* Somebody waits for this stack: its holder inherits, by priority_lend() or priority_update(). */
COLD void priority_want(struct record *record);
/* A wanted stack is given back by `holder`. */
COLD void priority_unwant(struct record *record, struct thread *holder);

/* Whose stack an address is in: the one whose top is the nearest at or above it. */
struct stack_search {
    uaddr_t address;
    uint64_t nearest;
    struct thread *thread; /* whose stack it is, */
    struct record *record; /* or which portal's; both NULL: there is none */
};

/* Among the stacks of the domain.  False: an interrupt waits; nothing has changed. */
COLD CHECK_RESULT bool priority_search(struct stack_search *search, const struct domain *domain);

/*
 * `thread`, which is parked, lends its priority to whoever runs on a stack of its domain's: a
 * thread of the domain, or a visitor on a portal's stack, until that leaves it.  So a domain
 * decides about its own, and about callers for as long as they are inside.
 */
COLD void priority_lend_to(struct thread *thread, const struct stack_search *debtor);
/* It doesn't any more, if it did. */
COLD void priority_unlend(struct thread *thread);

/* The portal's line has changed. */
COLD void priority_lend(struct portal *portal);

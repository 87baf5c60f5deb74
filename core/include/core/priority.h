/*
 * Priority: what a thread was given, and what it runs at.
 *
 *     priority = 0                            while its budget is used up
 *                max(base, what it inherits)  otherwise
 *
 * Whoever waits for a portal's stack lends its priority to all who run on one, since any of them
 * may be the first to give it back.  A thread inherits from the most urgent waiter of each portal
 * that it holds a wanted stack of.  So does whoever a parked thread says that it waits for: it is
 * the debtor, and those its creditors.  A thread that waits itself passes on what it inherits.
 *
 * A change goes on to those that are lent to, at once, but one change looks at a bounded number of
 * stacks: threads that stand farther behind hear of it with the next.  A thread that gives a wanted
 * stack back always does that by the slow path, and is looked at anew.
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

/*
 * `thread`, which is parked, lends its priority to whoever runs on the stack of its domain's that
 * `address` is in: a thread of the domain, or a visitor on a portal's stack, until that leaves it.
 * So a domain decides about its own, and about callers for as long as they are inside.
 */
COLD void priority_lend_to(struct thread *thread, uaddr_t address);
/* It doesn't any more, if it did. */
COLD void priority_unlend(struct thread *thread);
/* Nor does anybody who is parked in the domain. */
COLD void priority_forgive(struct thread *debtor, const struct domain *domain);

/* The portal's line has changed. */
COLD void priority_lend(struct portal *portal);

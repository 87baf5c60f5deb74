/*
 * Budget: how much of each period a thread may run at its priority.
 *
 *            +------- its CPU time reaches budget_end, the period is over: the next begins ------+
 *            v                                                                                   |
 *     IN BUDGET --- its CPU time reaches budget_end, the period isn't over ---> USED UP          |
 *         ^   |__________________________________________________________________ | ____________|
 *         +------------------------- the period ends: the next begins ------------+
 *
 * One that has used it up goes on in the background, at priority 0, so a machine that has nothing
 * better to do isn't idle.  A period begins when it is asked for, not by the clock: a thread that
 * stays within its budget costs no interrupt.  So budgets begin a period apart at the least;
 * in any stretch of a period's length it gets no more than two.
 *
 * What counts is the thread's own CPU time, in whatever domain it executes: it pays for the calls
 * that it makes.
 *
 * A domain may have a budget, which is its threads' each; theirs can only be narrower.  A thread
 * that is created within the period of one that has ended begins with no more than that left.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/types.h"
#include "base/path.h"
#include "core/timeout.h"

struct thread;

/* Shorter ones would be used up by the interrupts that end them. */
#define BUDGET_NS_MIN        (UINT64_C(50) * 1000)
#define BUDGET_PERIOD_NS_MAX (UINT64_C(60) * 1000 * 1000 * 1000)

struct budget {
    uint64_t ticks; /* of CPU time in a period; 0: no budget */
    uint64_t used;  /* in the current one, when the budget was set or used up, if not since */
    nsec_t budget_ns;
    nsec_t period_ns;
    struct timeout replenishment; /* at the period's end; armed while it is used up */
};

/* 0 and 0 is none. */
COLD bool budget_is_valid(nsec_t budget_ns, nsec_t period_ns);

/* A thread of a domain that has a budget, which it gets; it is not ready yet. */
COLD void budget_begin(struct thread *thread);
/* A thread that has one ends. */
COLD void budget_finish(struct thread *thread);

/* What was used in the current period stays used, and that period goes on. */
COLD void budget_set(struct thread *thread, nsec_t budget_ns, nsec_t period_ns);

/* The thread, which executes, has a budget that isn't used up: whether it is now. */
COLD void budget_check(struct thread *thread);

/* Whether it goes on in the background. */
bool budget_is_used_up(const struct thread *thread);

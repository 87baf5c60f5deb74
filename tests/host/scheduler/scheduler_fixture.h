/*
 * What the tests of the scheduler share: one CPU whose clock is the test's, three domains, and
 * threads that are added to them.  All else that the scheduler calls is played here.
 */
#pragma once

#include "arch/timer.h"
#include "core/scheduler.h"

enum { TICK_NS = 16, SLICE = THREAD_SLICE_NS / TICK_NS, THREADS = 24, STEPS = 100000 };

extern struct cpu cpu;
extern struct domain domains[3];
extern struct thread *threads[THREADS]; /* in the order of add() */
extern unsigned thread_count;           /* the next one's domain is domains[thread_count % 3] */
extern uint64_t now;                    /* ticks */
extern nsec_t deadline_ns;              /* that the timer is set for; 0: none */
extern bool is_interrupted;             /* by something else than the timer */
extern uint64_t tpidr_el0;
extern unsigned waits;       /* how often the CPU waited for an interrupt */
extern unsigned assignments; /* of ASIDs */
extern unsigned armed;       /* how often a thread's lazy deadlines were looked at */
extern unsigned messages;    /* to itself: it is to come back at once */

/* A machine with domains and no thread yet. */
int setup(void **state);

struct thread *add(uint32_t priority);

/* Which of `threads` it is. */
unsigned index_of(const struct thread *thread);

/* Leave the kernel, and come back as long as there is work; whoever runs then. */
struct thread *leave(void);

/* Time passes at EL0, until the timer interrupts, if it does. */
void run(uint64_t ticks);

/*
 * The timer interrupts at `when_ns`, or earlier: a deadline that is due no more is not worth moving
 * the timer.
 */
bool timer_is_set_by(nsec_t when_ns);

/* The thread waits without a deadline. */
void block(struct thread *thread);

/* What is deferred is done, whoever is to run. */
void settle(void);

/* The same steps in every run. */
uint32_t random_below(uint32_t bound);

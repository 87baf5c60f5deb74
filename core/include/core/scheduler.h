/*
 * Scheduler: the most urgent ready thread runs; equals take turns.
 *
 * 64 priorities, a queue each, and a word that says which are not empty.  There is no tick: the
 * timer is set for the earliest timeout, or for the end of a turn when somebody of the same
 * priority waits for it.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "core/thread.h"

/* Context: boot, once the timer is known. */
void scheduler_init(void);

void scheduler_enqueue(struct thread *thread);
void scheduler_dequeue(struct thread *thread);

/* The calling thread goes behind its equals. */
void scheduler_yield(struct thread *thread);

/* A timeout was added on this CPU; leaving the kernel will set the timer. */
void scheduler_timeout_add(struct thread *thread, struct timeout *timeout);

/*
 * Leave the kernel: choose who runs, switch to it, set the timer and drop the kernel lock.
 * Waits for an interrupt while nobody is ready.
 */
struct cross_thread *scheduler_leave(void);

/* What the timer's interrupt means: fire what is due. */
void scheduler_on_timer(void);

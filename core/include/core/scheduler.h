/*
 * Scheduler: the most urgent ready thread runs; equals take turns.
 *
 * 64 priorities, a queue each, and a word that says which are not empty.  There is no tick: the
 * timer is set for the earliest timeout, or for the end of a turn when somebody of the same
 * priority waits for it; it may interrupt too early, since it isn't moved when that goes.
 *
 * Most switches are a signal to a more urgent thread, which waits again soon.  The thread that it
 * preempts is `suspended` meanwhile, one for each CPU: ready, and before its equals, but in no
 * queue.  So is one that was woken and isn't urgent, if no equal of it is in the queues.  Whoever
 * chooses puts it into one first (event.S doesn't choose, it goes there).
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "base/path.h"
#include "core/thread.h"

/* Context: boot, once the timer is known. */
BOOT_ONLY void scheduler_init(void);

/* Behind its equals, with a whole turn to come. */
void scheduler_enqueue(struct thread *thread);
/* The same with what is left of its turn. */
void scheduler_requeue(struct thread *thread);

/* Whether it is in a queue, or suspended. */
bool scheduler_has_queued(const struct thread *thread);

void scheduler_dequeue(struct thread *thread);

/* The calling thread goes behind its equals. */
void scheduler_yield(struct thread *thread);

/* Add a timeout to this CPU's; leaving the kernel will set the timer. */
void scheduler_timeout_add(struct timeout *timeout, uint32_t priority);

/* The CPU that a new thread is to start on: the one with the fewest to run. */
struct cpu *scheduler_cpu_for_new(const struct thread *thread);

/* Whether one of these CPUs is in use. */
bool scheduler_can_run_on(uint64_t cpus);

/* Something has changed about the threads of a CPU: it is to choose anew. */
COLD void scheduler_reconsider(struct cpu *cpu);

/*
 * `waiter` waits no longer: it is in no queue, and its results are in its context.  Leave the
 * kernel, into it if it is more urgent than `current`, and drop the kernel lock.
 */
struct cross_thread *scheduler_wake(struct thread *current, struct thread *waiter);

/*
 * `current` waits in `state`, until `deadline_ns` at the latest (DEADLINE_NEVER: no limit).  Leave
 * the kernel into whoever is most urgent, and drop the kernel lock.
 */
struct cross_thread *scheduler_wait(struct thread *current, enum thread_state state,
                                    nsec_t deadline_ns);

/* Leave the kernel into the current thread, unless there is reason to choose anew. */
struct cross_thread *scheduler_go_on(void);

/*
 * Leave the kernel: choose who runs, switch to it, set the timer and drop the kernel lock.
 * Waits for an interrupt while nobody is ready.
 */
struct cross_thread *scheduler_leave(void);

/* What the timer's interrupt means: fire what is due. */
void scheduler_on_timer(void);

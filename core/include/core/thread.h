/*
 * Thread: something that executes, now at home, now in a domain whose portal it called.
 *
 *                      +--------------- make_ready --------------+
 *                      v                                         |
 *     create ----->  READY  <--preempt-- RUNNING --block--> WAITING_x, PARKED, SLEEPING
 *                      |---- dispatch ----^  |
 *                      +--- domain stops ----+--------------> STOPPED --> gone
 *
 * A thread belongs to its home domain for ever.  Where it executes is `cross.domain`; the frames below
 * `cross.top` lead back home.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "arch/fp.h"
#include "core/cpu.h"
#include "core/timeout.h"
#include "domains/domain.h"

struct event;
struct portal;
struct segment;

enum { THREAD_SLICE_NS = 10 * 1000 * 1000 };

struct thread_fault {
    enum fault_reason reason;
    uint64_t address;
    uint64_t esr;
};

struct thread {
    struct cross_thread cross;
    struct object object;
    uint32_t id; /* never reused */
    uint32_t priority;
    enum thread_state state;
    bool is_doomed;      /* ends as soon as it is back home */
    struct domain *home; /* owns a reference */
    struct list_node home_node;
    struct cpu *cpu;
    struct list_node run_node;  /* ready queue */
    struct list_node wait_node; /* portal queue, or park bucket */

    struct timeout timeout; /* of the wait it is in */
    struct event *waiting_event;
    struct portal *waiting_portal;
    uaddr_t parked_word;
    struct domain *parked_domain;

    uint64_t tpidr;        /* TPIDR_EL0 while it does not run */
    bool call_has_handles; /* of the portal call that waits for a stack */
    uint64_t call_badge;
    nsec_t call_deadline_ns;
    struct segment *building; /* segment_create in progress; owns a reference */

    struct thread_fault fault; /* what a fault's handler was asked about */

    int64_t slice_left_ticks; /* of its turn */
    uint64_t cpu_ticks;
    uint64_t dispatches;

    struct fp_registers fp[2]; /* second: of a fault's handler, while cross.has_fault */
};
_Static_assert(sizeof(struct thread) <= THREAD_BYTES,
               "a frame each, for what vectors.S reads of it");

/* Where its FP registers are kept now. */
static inline struct fp_registers *thread_fp(struct thread *thread)
{
    return &thread->fp[thread->cross.has_fault];
}

static inline struct thread *thread_of_cross(struct cross_thread *cross)
{
    return (struct thread *)cross; /* its first member */
}

static inline struct thread *thread_of_object(struct object *object)
{
    return LIST_ENTRY(object, struct thread, object);
}

static inline struct thread *thread_current(void)
{
    return cpu_self()->current;
}

/* Where the thread executes. */
static inline struct domain *thread_domain(const struct thread *thread)
{
    return domain_of_cross(thread->cross.domain);
}

void threads_init(void);

/*
 * A thread of `home` that starts at `entry` with x0 = `argument`; ready at once.
 * Ownership: `*out` has one reference, the caller's; the thread has one of its own until it ends.
 * Errors: OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status thread_create(struct domain *home, uaddr_t entry, uaddr_t stack_top,
                                       uint64_t argument, uint32_t priority, struct thread **out);

/* Let it run when its turn comes.  `thread` is in no queue. */
void thread_make_ready(struct thread *thread);

/* Take it from whatever queue or wait it is in; it is in none afterwards, and not ready. */
void thread_unqueue(struct thread *thread);

/* The current thread waits, until `deadline_ns` at the latest (DEADLINE_NEVER: no limit). */
void thread_block(struct thread *thread, enum thread_state state, nsec_t deadline_ns);

/* End a wait: the thread's system call returns `status`. */
void thread_wake(struct thread *thread, enum status status);

void thread_set_priority(struct thread *thread, uint32_t priority);

/* It never runs again; its stack of calls is empty. */
void thread_end(struct thread *thread);

/* Sleeping on a word (abi/syscall.h, SYS_THREAD_PARK). */
void thread_park(struct thread *thread, uaddr_t word, nsec_t deadline_ns);
uint32_t thread_unpark(struct domain *domain, uaddr_t word, uint32_t count);

nsec_t thread_cpu_time_ns(const struct thread *thread);

/*
 * Thread: something that executes, now at home, now in a domain whose portal it called.
 *
 *                      +--------------- make_ready --------------+
 *                      v                                         |
 *     create ----->  READY  <--preempt-- RUNNING --block--> WAITING_x, PARKED, SLEEPING
 *                      |---- dispatch ----^  |
 *                      +--- domain stops ----+--------------> STOPPED --> gone
 *
 * A thread belongs to its home domain for ever.  Where it executes is `cross.domain`; the frames
 * below `cross.top` lead back home.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "arch/fp.h"
#include "base/line.h"
#include "base/path.h"
#include "core/budget.h"
#include "core/cpu.h"
#include "core/deferred.h"
#include "core/timeout.h"
#include "domains/domain.h"

struct event;
struct portal;
struct record;
struct segment;

enum { THREAD_SLICE_NS = 10 * 1000 * 1000 };

struct thread {
    struct cross_thread cross;

    uint64_t tpidr; /* TPIDR_EL0 while it does not run */
    struct event *waiting_event;
    uint64_t turn_end; /* the value of cpu_ticks that ends its turn; 0: that has not begun */
    uint64_t cpu_ticks;
    uint64_t dispatches;
    uint32_t priority; /* that it runs at; see core/priority.h */
    enum thread_state state;
    struct timeout timeout; /* of the wait it is in */
    uint64_t budget_end;    /* the value of cpu_ticks that ends its budget; 0: nothing does */

    struct object object;
    uint32_t id;         /* never reused */
    bool is_doomed;      /* ends as soon as it is back home */
    struct domain *home; /* uses it */
    struct list_node home_node;
    struct cpu *cpu;   /* that runs it, or did last; whose queue it is in, if it is in one */
    uint64_t affinity; /* a bit for each CPU that it may run on */
    struct list_node run_node; /* ready queue */
    struct waiter sleeper;     /* in the line of parked_domain's sleepers */

    struct portal *waiting_portal;

    bool call_has_handles; /* of the portal call that waits for a stack */
    uint64_t call_badge;
    nsec_t call_deadline_ns;
    struct segment *building; /* segment_create in progress; owns a reference */

    struct fp_registers fp[2]; /* second: of a fault's handler, while cross.has_fault */

    uint32_t base_priority;   /* that it was given */
    struct list wanted;       /* struct record, wanted_node: of its stacks those in demand */
    struct deferred outdated; /* its priority is to be computed anew */
    struct budget budget;
    struct waiter waiter; /* in waiting_portal's line, or among the creditors of a stack */

    uaddr_t stack_top; /* that it was created with */
    uaddr_t parked_word;
    struct domain *parked_domain;
    struct line *lends_in;    /* whose creditor it is while it is parked; NULL: nobody's */
    struct object *lends_to;  /* the thread whose line that is, or the portal; refers to it */
    struct record *parked_at; /* that portal's stack; NULL: the thread's */
    struct line creditors;    /* struct thread, waiter: who is parked and lends to its own stack */
};
ASSERT_OFFSET(struct thread, tpidr, THREAD_TPIDR);
ASSERT_OFFSET(struct thread, waiting_event, THREAD_WAITING_EVENT);
ASSERT_OFFSET(struct thread, turn_end, THREAD_TURN_END);
ASSERT_OFFSET(struct thread, cpu_ticks, THREAD_CPU_TICKS);
ASSERT_OFFSET(struct thread, dispatches, THREAD_DISPATCHES);
ASSERT_OFFSET(struct thread, priority, THREAD_PRIORITY);
ASSERT_OFFSET(struct thread, state, THREAD_STATE);
ASSERT_OFFSET(struct thread, timeout.rank, THREAD_TIMEOUT_RANK);
ASSERT_OFFSET(struct thread, budget_end, THREAD_BUDGET_END);
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
OUT_OF_LINE void thread_block(struct thread *thread, enum thread_state state, nsec_t deadline_ns);

/* End a wait: the thread's system call returns `status`. */
void thread_wake(struct thread *thread, enum status status);

/* It is to run on these CPUs only, one of which is in use. */
void thread_set_affinity(struct thread *thread, uint64_t cpus);

/* If another CPU runs it, it makes no step until the kernel lock is dropped. */
void thread_hold(const struct thread *thread);

/*
 * The same before it is thrown out of where it is, or ends: what it is doing there is void, and if
 * it goes on, its whole context is loaded.
 */
void thread_recall(struct thread *thread);

/* It never runs again; its stack of calls is empty. */
void thread_end(struct thread *thread);

/* The segment that it was making, if there is one, comes to nothing. */
OUT_OF_LINE void thread_building_drop(struct thread *thread);

/* Sleeping on a word (abi/syscall.h, SYS_THREAD_PARK).  WOULD_BLOCK: an interrupt waits. */
CHECK_RESULT enum status thread_park(struct thread *thread, uaddr_t word, nsec_t deadline_ns,
                                     uaddr_t owner);
/* The priority of one that sleeps has changed. */
COLD void thread_park_anew(struct thread *thread);
/* False: an interrupt waits, and the call is to be made again. */
CHECK_RESULT bool thread_unpark(const struct domain *domain, uaddr_t word, uint32_t count,
                                uint32_t *woken);

/* With what it has used since it was dispatched. */
uint64_t thread_cpu_ticks(const struct thread *thread);
COLD nsec_t thread_cpu_time_ns(const struct thread *thread);

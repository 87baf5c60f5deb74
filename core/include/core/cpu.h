/*
 * CPU: what each processor has to itself.
 *
 * Found through TPIDR_EL1.  Everything that one CPU does without asking the others is here: what
 * it runs, what is ready to run on it, and what happens when on it.
 *
 * Locking: the kernel lock, but for `current` and `exit_work`, which only their own CPU touches.
 *
 * Lock order of the kernel: 1. kernel_lock, 2. the log's.  All slow paths hold the first from
 * entry to exit; they are short.  The portal path holds none.
 */
#pragma once

#include "arch/cpu.h"
#include "arch/crossing.h"
#include "base/list.h"
#include "base/spinlock.h"
#include "core/timeout.h"

struct thread;

enum exit_work {
    EXIT_SCHEDULE = 1U << 0, /* another thread may have to run */
    EXIT_RESULTS = 1U << 1,  /* results beyond x1 are in the thread's context */
    EXIT_RESTART = 1U << 2,  /* the call is to be made again; arguments are in the context */
    EXIT_STOP = 1U << 3,     /* the current thread's domain is to be stopped */
    EXIT_END = 1U << 4,      /* the current thread ends */
    EXIT_REAP = 1U << 5,     /* teardown is outstanding */
};

struct cpu {
    struct thread *current; /* never NULL once it has run one */
    uint32_t exit_work;     /* enum exit_work */
    uint32_t is_shared;     /* more than one CPU runs: switching needs the kernel lock */
    nsec_t programmed_ns;   /* when the timer will interrupt, if not earlier; 0: never */
    uint64_t switched_at_ticks;
    struct thread *suspended; /* ready, and in no queue: goes on before its equals; NULL: nobody */
    uint64_t ready_mask;      /* bit p: ready[p] is not empty */
    struct list ready[PRIORITY_COUNT]; /* struct thread, run_node */

    uint32_t number;
    bool is_idle;
    uint64_t mpidr;
    struct thread *corpse; /* was current when it ended, and goes once it is switched away from */
    struct timeouts timeouts;

    uint64_t kernel_stack_top;
    uint64_t idle_ticks;
};

ASSERT_OFFSET(struct cpu, current, CPU_CURRENT);
ASSERT_OFFSET(struct cpu, exit_work, CPU_EXIT_WORK);
ASSERT_OFFSET(struct cpu, is_shared, CPU_IS_SHARED);
ASSERT_OFFSET(struct cpu, programmed_ns, CPU_PROGRAMMED_NS);
ASSERT_OFFSET(struct cpu, switched_at_ticks, CPU_SWITCHED_AT);
ASSERT_OFFSET(struct cpu, suspended, CPU_SUSPENDED);
ASSERT_OFFSET(struct cpu, ready_mask, CPU_READY_MASK);

extern struct spinlock kernel_lock;

static inline struct cpu *cpu_self(void)
{
    return (struct cpu *)SYSREG_READ(tpidr_el1);
}

/* Set up the calling CPU's structure: the first to run. */
void cpu_init_boot(void);
uint32_t cpu_online_count(void);

/*
 * CPU: what each processor has to itself.
 *
 * Found through TPIDR_EL1.  Everything that one CPU does without asking the others is here: what
 * it runs, what is ready to run on it, and what happens when on it.  docs/smp.md is the contract
 * between them.
 *
 * Locking: the kernel lock, but for `current` and `exit_work`, which their own CPU reads without
 * it, and for `state` and `waits`, which are read and written atomically.
 *
 * Lock order of the kernel: 1. kernel_lock, 2. the log's.  All slow paths hold the first from
 * entry to exit; they are short.  The portal path holds none.
 */
#pragma once

#include "abi/info.h"
#include "arch/cpu.h"
#include "arch/crossing.h"
#include "arch/secondary.h"
#include "base/list.h"
#include "base/path.h"
#include "base/spinlock.h"
#include "core/timeout.h"

struct domain;
struct thread;

enum {
    CPU_MAX = 64, /* as many as an affinity mask has bits */
    TIMEOUT_CLASSES = 4,
};

/* What one CPU interrupts another for. */
enum cpu_message {
    CPU_MESSAGE_KICK = 0, /* look at your queues, or just come into the kernel */
    CPU_MESSAGE_STOP = 1, /* halt */
    CPU_MESSAGE_TURN = 2, /* the kernel lock is yours */
};

enum exit_work {
    EXIT_SCHEDULE = 1U << 0, /* another thread may have to run */
    EXIT_RESULTS = 1U << 1,  /* results beyond x1 are in the thread's context */
    EXIT_RESTART = 1U << 2,  /* the call is to be made again; arguments are in the context */
    EXIT_END = 1U << 3,      /* the current thread ends */
    EXIT_REAP = 1U << 4,     /* teardown is outstanding */
};

struct cpu {
    struct thread *current; /* never NULL once it has run one */
    uint32_t exit_work;     /* enum exit_work */
    uint32_t is_shared;     /* more than one CPU runs: switching needs the kernel lock */
    nsec_t programmed_ns;   /* when the timer will interrupt, if not earlier; 0: never */
    uint64_t switched_at_ticks;
    struct thread *suspended;  /* ready, and in no queue: goes on before its equals; NULL: nobody */
    uint64_t ready_mask;       /* bit p: ready[p] is not empty */
    uint64_t turn_ticks;       /* how long a turn is */
    uint64_t programmed_ticks; /* `programmed_ns` on the counter; UINT64_MAX: never */
    struct list ready[PRIORITY_COUNT]; /* struct thread, run_node */
    uint32_t ready_count;              /* threads in them */

    uint32_t number;
    bool is_idle;
    bool is_recalled; /* its thread was thrown out of where it was, or ended, by another CPU */
    uint64_t mpidr;
    struct thread *corpse; /* was current when it ended, and goes once it is switched away from */
    struct timeouts timeouts[TIMEOUT_CLASSES]; /* by whose they are; the last: the most urgent */
    nsec_t earliest_ns; /* none is due before, and one may be then; 0: there is none */
    bool is_behind;     /* it was due when another was fired */

    uint64_t kernel_stack_top;
    uint64_t idle_ticks;

    enum cpu_state state;
    bool waits;      /* shows no view, and executes nothing before it has the kernel lock */
    bool is_kicked;  /* a KICK is under way that it will come to the queues for */
    bool sleeps;     /* waits for its turn at the kernel lock asleep */
    uint32_t ticket; /* that it waits for */
    void *borrowed;  /* found without the lock, used once it is there; NULL: it is gone */
    uint32_t midr;
    char name[CPU_NAME_SIZE]; /* that belongs to it */
    uint64_t online_ticks;    /* the time when it came */
    uint64_t kicks;           /* messages that it got */
    struct secondary_start start;
    enum status start_status; /* what it found out about itself when it came */
};

ASSERT_OFFSET(struct cpu, current, CPU_CURRENT);
ASSERT_OFFSET(struct cpu, exit_work, CPU_EXIT_WORK);
ASSERT_OFFSET(struct cpu, is_shared, CPU_IS_SHARED);
ASSERT_OFFSET(struct cpu, programmed_ns, CPU_PROGRAMMED_NS);
ASSERT_OFFSET(struct cpu, switched_at_ticks, CPU_SWITCHED_AT);
ASSERT_OFFSET(struct cpu, suspended, CPU_SUSPENDED);
ASSERT_OFFSET(struct cpu, ready_mask, CPU_READY_MASK);
ASSERT_OFFSET(struct cpu, turn_ticks, CPU_TURN_TICKS);
ASSERT_OFFSET(struct cpu, programmed_ticks, CPU_TURN_TICKS + 8);

extern struct spinlock kernel_lock;
extern uint32_t kernel_lock_sleepers; /* CPUs that sleep until it is their turn */

/* Wake the CPU whose turn it is, if it sleeps. */
void kernel_lock_wake(void);

static inline void kernel_lock_drop(void)
{
    if (kernel_lock.is_shared == 0)
        return;
    spinlock_unlock(&kernel_lock);
    /* Pairs with the one in ticket_sleep(): either sees the other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&kernel_lock_sleepers, __ATOMIC_RELAXED) != 0)
        kernel_lock_wake();
}

static inline struct cpu *cpu_self(void)
{
    return (struct cpu *)SYSREG_READ(tpidr_el1);
}

/*
 * Take the kernel lock; if others have it, show no view meanwhile (docs/smp.md).  False: the
 * current thread was thrown out of where it was, so what it came for is void.  Context: not idle.
 */
CHECK_RESULT static inline bool kernel_lock_take(void)
{
    if (kernel_lock.is_shared == 0)
        return true;
    const uint32_t ticket = __atomic_fetch_add(&kernel_lock.next, 1, __ATOMIC_RELAXED);

    /* Pairs with the release in spinlock_unlock(). */
    return __atomic_load_n(&kernel_lock.serving, __ATOMIC_ACQUIRE) == ticket
           || kernel_lock_wait(ticket);
}

/* The same with an object that was found without the lock; `*object` is NULL if it is gone. */
CHECK_RESULT static inline bool kernel_lock_take_with(void **object)
{
    if (kernel_lock.is_shared == 0)
        return true;
    struct cpu *cpu = cpu_self();

    cpu->borrowed = *object;
    const bool goes_on = kernel_lock_take();
    *object = cpu->borrowed;
    cpu->borrowed = NULL;
    return goes_on;
}

/* Whether a CPU's current thread is in the domain, so that the CPU shows its view. */
bool cpus_show(const struct domain *domain);

/* An idle CPU drops the lock, showing no view, until it takes it again. */
void kernel_lock_drop_idle(void);
void kernel_lock_take_idle(void);

/* Set up the calling CPU's structure: the first to run. */
BOOT_ONLY void cpu_init_boot(void);

/*
 * Make another CPU's, whose number is the next.
 * Errors: OUT_OF_SPACE (there are CPU_MAX already), OUT_OF_MEMORY.
 */
BOOT_ONLY CHECK_RESULT enum status cpu_add(uint64_t mpidr, struct cpu **out);

/* Count a CPU that has come.  Context: boot, before any thread runs. */
BOOT_ONLY void cpu_count_online(struct cpu *cpu);

/* All have been counted: from here on threads run on them. */
BOOT_ONLY void cpus_share(void);

/* Leave STARTING for `state`; false if somebody else has left it already. */
bool cpu_settle(struct cpu *cpu, enum cpu_state state);

/*
 * The last thing that a new CPU does in boot's text: be `state` and, if that is ONLINE and nobody
 * has given it up, idle until there is something to run.
 */
__attribute__((noreturn)) void cpu_join(struct cpu *cpu, enum cpu_state state);

/* How many are numbered, and how many of those are in use. */
uint32_t cpu_count(void);
uint32_t cpu_online_count(void);

/* Borrowed, for ever; `number` is below cpu_count(). */
struct cpu *cpu_at(uint32_t number);

/* Interrupt another CPU, so that it comes into the kernel and looks at its queues. */
COLD void cpu_kick(struct cpu *cpu);

/*
 * Let the world stand still: returns when every other CPU waits for the kernel lock, which the
 * caller holds, and shows no view.  It lasts until the lock is dropped.
 */
void cpus_hold(void);

/* The same, and what the other CPUs' threads were doing inside `domain` is over. */
void cpus_recall(const struct domain *domain);

/* The object goes: CPUs that wait for the lock with it will find that.  Context: cpus_hold(). */
void cpus_forget(const void *object);

/* The other CPUs halt, as far as they can be reached.  Context: the machine's last moments. */
void cpus_stop(void);

/* A message has come. */
void cpu_on_message(enum cpu_message message);

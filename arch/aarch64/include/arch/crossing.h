/*
 * The crossing: what the portal path reads and writes, and how C meets it.
 *
 * The path (vectors.S) is a few dozen instructions without a lock, a queue or a stack.
 * Its data are the leading parts of the kernel's objects, laid out here so that assembly and
 * C agree; core embeds these structures and adds the rest behind them.
 *
 * While a thread runs at EL0, SP_EL1 holds its struct cross_thread: the first thing an
 * exception needs is where to save, and it is there without a load.
 */
#pragma once

/* Offsets for assembly, each asserted below. */
#define THREAD_X            0
#define THREAD_SP           248
#define THREAD_PC           256
#define THREAD_PSTATE       264
#define THREAD_DOMAIN       272
#define THREAD_RECORD       280
#define THREAD_DEPTH_LEFT   288
#define THREAD_FP_STATE     296
#define THREAD_KERNEL_STACK 304
#define THREAD_ZERO         312

#define DOMAIN_CHUNKS 0
#define DOMAIN_TTBR   16
#define DOMAIN_MASK   24

#define PORTAL_OBJECT_BYTES 16
#define PORTAL_DOMAIN       0
#define PORTAL_FREE         8
#define PORTAL_ENTRY        16

#define RECORD_NEXT      0
#define RECORD_PORTAL    8
#define RECORD_STACK     16
#define RECORD_CALLER    24
#define RECORD_CALLER_SP 40
#define RECORD_CALLS     56
#define RECORD_THREAD    64
#define RECORD_FLAGS     72

#define SLOT_KEY         0
#define SLOT_BADGE       16
#define SLOT_BYTES_LOG2  5
#define CHUNK_SLOTS_LOG2 7

#define CPU_CURRENT   0
#define CPU_EXIT_WORK 8

#define FP_STATE_NONE  0 /* registers hold nothing of this thread; EL0 use traps */
#define FP_STATE_LIVE  1 /* in the registers; and how many crossings they stay open, in credits */
#define FP_STATE_SAVED 2 /* in the thread's save area; EL0 use traps */

#define FP_STATE_CREDIT  0x100
#define FP_STATE_CREDITS (16 * FP_STATE_CREDIT)

#define CPACR_TRAP_EL0 0x100000 /* FPEN = 01 */
#define CPACR_OPEN     0x300000 /* FPEN = 11 */

#ifndef __ASSEMBLER__

#include "abi/types.h"

/* What EL0 sees of a CPU, as at the exception. */
struct context {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
};

struct cross_record;
struct cross_portal;
struct handle_slot;

struct cross_domain {
    struct handle_slot **chunks; /* handle table, CHUNK_SLOTS each */
    uint64_t chunk_count;
    uint64_t ttbr; /* TTBR0_EL1 of its view; 0: has no ASID, or is not running */
    uint64_t syscall_mask;
};

struct cross_thread {
    struct context regs;         /* valid while the thread does not run */
    struct cross_domain *domain; /* where it executes */
    struct cross_record *record; /* innermost portal call; NULL at home */
    uint64_t depth_left;         /* further portal calls it may nest */
    uint64_t fp_state;           /* FP_STATE_* */
    uint64_t kernel_stack;       /* top of the stack of the CPU it was dispatched to */
    uint64_t zero[2];            /* always 0: one load clears two registers */
};

struct cross_portal {
    struct cross_domain *domain;
    struct cross_record *free; /* stacks at hand, last used first */
    uaddr_t entry;
    uint64_t cookie;
};

/* One portal stack and, while it is taken, the return record of the call that runs on it. */
struct cross_record {
    struct cross_record *next_free;
    struct cross_portal *portal;
    uaddr_t stack_top;
    struct cross_domain *caller;
    struct cross_record *previous;
    uaddr_t caller_sp;
    uaddr_t caller_pc;
    uint64_t calls;              /* ever served on this stack */
    struct cross_thread *thread; /* NULL while the stack is free */
    uint32_t flags;              /* not 0: the slow path returns */
    uint32_t unused;
};

#define ASSERT_OFFSET(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), "vectors.S depends on this")
ASSERT_OFFSET(struct cross_thread, regs.x, THREAD_X);
ASSERT_OFFSET(struct cross_thread, regs.sp, THREAD_SP);
ASSERT_OFFSET(struct cross_thread, regs.pc, THREAD_PC);
ASSERT_OFFSET(struct cross_thread, regs.pstate, THREAD_PSTATE);
ASSERT_OFFSET(struct cross_thread, domain, THREAD_DOMAIN);
ASSERT_OFFSET(struct cross_thread, record, THREAD_RECORD);
ASSERT_OFFSET(struct cross_thread, depth_left, THREAD_DEPTH_LEFT);
ASSERT_OFFSET(struct cross_thread, fp_state, THREAD_FP_STATE);
ASSERT_OFFSET(struct cross_thread, kernel_stack, THREAD_KERNEL_STACK);
ASSERT_OFFSET(struct cross_thread, zero, THREAD_ZERO);
ASSERT_OFFSET(struct cross_domain, chunks, DOMAIN_CHUNKS);
ASSERT_OFFSET(struct cross_domain, ttbr, DOMAIN_TTBR);
ASSERT_OFFSET(struct cross_domain, syscall_mask, DOMAIN_MASK);
ASSERT_OFFSET(struct cross_portal, domain, PORTAL_DOMAIN);
ASSERT_OFFSET(struct cross_portal, free, PORTAL_FREE);
ASSERT_OFFSET(struct cross_portal, entry, PORTAL_ENTRY);
ASSERT_OFFSET(struct cross_record, next_free, RECORD_NEXT);
ASSERT_OFFSET(struct cross_record, portal, RECORD_PORTAL);
ASSERT_OFFSET(struct cross_record, stack_top, RECORD_STACK);
ASSERT_OFFSET(struct cross_record, caller, RECORD_CALLER);
ASSERT_OFFSET(struct cross_record, caller_sp, RECORD_CALLER_SP);
ASSERT_OFFSET(struct cross_record, calls, RECORD_CALLS);
ASSERT_OFFSET(struct cross_record, flags, RECORD_FLAGS);
ASSERT_OFFSET(struct cross_record, thread, RECORD_THREAD);

/*
 * Take a free stack, as the portal path does; NULL if there is none.  Exclusive accesses, not
 * compare-and-swap: a record that left and came back in between makes the store fail.
 */
static inline struct cross_record *cross_record_pop(struct cross_portal *portal)
{
    struct cross_record *record, *next;
    uint32_t failed;

    do {
        __asm__ volatile("ldaxr %0, [%1]" : "=r"(record) : "r"(&portal->free) : "memory");
        if (record == NULL) {
            __asm__ volatile("clrex");
            return NULL;
        }
        next = record->next_free;
        __asm__ volatile("stxr %w0, %1, [%2]"
                         : "=&r"(failed)
                         : "r"(next), "r"(&portal->free)
                         : "memory");
    } while (failed != 0);
    return record;
}

/* Give a stack back; whoever pops it sees all that was stored before. */
static inline void cross_record_push(struct cross_portal *portal, struct cross_record *record)
{
    struct cross_record *head;
    uint32_t failed;

    do {
        __asm__ volatile("ldxr %0, [%1]" : "=r"(head) : "r"(&portal->free) : "memory");
        record->next_free = head;
        __asm__ volatile("stlxr %w0, %1, [%2]"
                         : "=&r"(failed)
                         : "r"(record), "r"(&portal->free)
                         : "memory");
    } while (failed != 0);
}

/* Leave the kernel into `thread`, whose whole context is loaded; its view is current. */
__attribute__((noreturn)) void crossing_resume(struct cross_thread *thread);

/* Names of vectors.S. */
extern const char exception_vectors[];

/*
 * What vectors.S calls, implemented by core.  Each runs on the CPU's kernel stack with
 * interrupts masked and returns the thread to resume.
 */
struct cross_thread *kernel_on_exception(struct cross_thread *thread, uint64_t esr);
struct cross_thread *kernel_on_interrupt(struct cross_thread *thread);
struct cross_thread *kernel_on_serror(struct cross_thread *thread);
/* A system call left work behind (struct cpu, exit_work); `status` and `value` are its results. */
struct cross_thread *kernel_on_syscall_exit(struct cross_thread *thread, uint64_t status,
                                            uint64_t value);
/* An exception inside the kernel that is not the checked copy's; `regs` are as at it. */
__attribute__((noreturn)) void kernel_on_kernel_fault(const struct context *regs, uint64_t esr,
                                                      uint64_t far);
#endif

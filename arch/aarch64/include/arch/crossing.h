/*
 * The crossing: what the portal path reads and writes, and how C meets it.
 *
 * The path (crossing.S) is a few dozen instructions without a lock, a queue or a stack.
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
#define THREAD_TOP          280
#define THREAD_FP_STATE     288
#define THREAD_IS_LAZY      296
#define THREAD_ZERO         304
#define THREAD_IS_LIGHT     368
#define THREAD_KERNEL_STACK 376
#define THREAD_FAULT_IN     384
#define THREAD_FAULT        432
#define THREAD_HAS_FAULT    704
#define THREAD_FAULT_FP     712
#define THREAD_FRAMES       1024
#define THREAD_BYTES        4096 /* a frame, so aligned */

/* What core keeps of a thread, as far as event.S uses it; asserted in core/thread.h. */
#define THREAD_TPIDR         1536
#define THREAD_WAITING_EVENT 1544
#define THREAD_TURN_END      1552
#define THREAD_CPU_TICKS     1560
#define THREAD_DISPATCHES    1568
#define THREAD_PRIORITY      1576
#define THREAD_STATE         1580
#define THREAD_TIMEOUT_RANK  1616
#define THREAD_BUDGET_END    1640

#define THREAD_DEPTH_MAX 16

#define DOMAIN_CHUNK0       0
#define DOMAIN_TTBR         8
#define DOMAIN_MASK         16
#define DOMAIN_FAULT_PORTAL 24
#define DOMAIN_CHUNKS       32

#define PORTAL_OBJECT_BYTES 40
#define PORTAL_DOMAIN       0
#define PORTAL_FIRST        8
#define PORTAL_ENTRY        16

#define RECORD_THREAD      0
#define RECORD_FLAGS       8
#define RECORD_CALLS       16
#define RECORD_STACK       24
#define RECORD_NEXT        32
#define RECORD_DEADLINE_NS 40

/* Of record flags, the ones that the portal path knows. */
#define RECORD_FLAG_FAULT 1 /* the call is a fault's; its answer is a verdict */
#define RECORD_FLAG_LAZY  2 /* a deadline, which the CPU's timer will look at before it passes */

#define FRAME_SP     0
#define FRAME_CALLER 16
#define FRAME_BYTES  32

/*
 * The word that says where the next frame goes also says whether crossing is more than pushing it:
 * frames lie where bit FRAME_SPECIAL_BIT of their address is clear, and it is set in the end's
 * address and by the tag, which marks a thread that has FP registers, live or saved.  The tag alone
 * sets bit FRAME_TAG_BIT.
 */
#define FRAME_SPECIAL_BIT 9
#define FRAME_TAG_BIT     11
#define FRAME_TAG         0xa00

#define EVENT_OBJECT_BYTES 40
#define EVENT_WORD         0
#define EVENT_WAITER       8

#define SLOT_KEY         0
#define SLOT_OBJECT      8
#define SLOT_BADGE       16
#define SLOT_RIGHTS      24
#define SLOT_BYTES_LOG2  5
#define CHUNK_SLOTS_LOG2 7

/* What a slot's key differs in from its handle; see domains/handle.c. */
#define KEY_CALLABLE    0
#define KEY_SIGNALLABLE 1

#define CPU_CURRENT       0
#define CPU_EXIT_WORK     8 /* with CPU_IS_SHARED one word */
#define CPU_IS_SHARED     12
#define CPU_PROGRAMMED_NS 16
#define CPU_SWITCHED_AT   24
#define CPU_SUSPENDED     32
#define CPU_READY_MASK    40
#define CPU_TURN_TICKS    48 /* and programmed_ticks behind it */

#define FP_STATE_NONE  0 /* registers hold nothing of this thread; EL0 use traps */
#define FP_STATE_LIVE  1 /* in the registers; and how many crossings they stay open, in credits */
#define FP_STATE_SAVED 2 /* in the thread's save area; EL0 use traps */

#define FP_STATE_CREDIT  0x100
#define FP_STATE_CREDITS (16 * FP_STATE_CREDIT)

#define CPACR_TRAP_EL0 0x100000 /* FPEN = 01 */
#define CPACR_OPEN     0x300000 /* FPEN = 11 */

#ifndef __ASSEMBLER__

#include "abi/types.h"

#include <stdbool.h>

/* What EL0 sees of a CPU, as at the exception. */
struct context {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
};

struct cross_record;
struct handle_slot;

struct cross_domain {
    struct handle_slot *chunk0; /* the handle table's first chunk, an empty one if it has none */
    uint64_t ttbr;              /* TTBR0_EL1 of its view; 0: has no ASID, or is not running */
    uint64_t syscall_mask;
    struct object *fault_portal; /* owns a reference, may be NULL */
    struct handle_slot **chunks; /* handle table, CHUNK_SLOTS each */
    uint64_t chunk_count;
};

/* Where a portal call came from: pushed by the call, popped by the return. */
struct cross_frame {
    uaddr_t sp;
    uaddr_t pc;
    struct cross_domain *caller;
    struct cross_record *record; /* the stack that the call runs on */
};

struct cross_thread {
    struct context regs;         /* valid while the thread does not run */
    struct cross_domain *domain; /* where it executes */
    uintptr_t top;               /* where the next frame goes, and FRAME_TAG */
    uint64_t fp_state;           /* FP_STATE_* */
    uint64_t is_lazy;            /* some record may have RECORD_FLAG_LAZY */
    uint64_t zero[8];            /* always 0: one load clears two registers, or four of SIMD */
    uint64_t is_light;           /* x2..x17 and pstate are 0, whatever `regs` holds there */
    uint64_t kernel_stack;       /* top of the stack of the CPU it runs on */
    uint64_t fault_in[6];        /* what a fault's handler finds in x0..x5 */
    struct context fault_regs;   /* while a fault's handler runs: what it will let go on */
    uint64_t has_fault;          /* a fault's handler runs */
    uint64_t fault_fp;           /* what `fp_state` will be when it has answered: NONE or SAVED */
    uint64_t unused[34];
    struct cross_frame home; /* below the first frame: returning from home is for the slow path */
    struct cross_frame frames[THREAD_DEPTH_MAX];
};

/* Where calls come in; behind struct object. */
struct cross_portal {
    struct cross_domain *domain;
    struct cross_record *first; /* of its stacks, a ring */
    uaddr_t entry;
    uint64_t cookie;
};

/* One portal stack. */
struct cross_record {
    struct cross_thread *thread; /* whose call runs on it; NULL while it is free */
    uint32_t flags;              /* not 0: the slow path returns */
    uint32_t unused;
    uint64_t calls; /* ever served on this stack */
    uaddr_t stack_top;
    struct cross_record *next;
    nsec_t deadline_ns; /* while RECORD_FLAG_LAZY is set; once late, where the grace ends */
};

/* Behind struct object. */
struct cross_event {
    uint64_t *word; /* in the direct map; NULL once its owner has stopped */
    void *waiter;   /* struct thread; NULL if nobody waits */
};

#define ASSERT_OFFSET(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), "assembly depends on this")
ASSERT_OFFSET(struct cross_thread, regs.x, THREAD_X);
ASSERT_OFFSET(struct cross_thread, regs.sp, THREAD_SP);
ASSERT_OFFSET(struct cross_thread, regs.pc, THREAD_PC);
ASSERT_OFFSET(struct cross_thread, regs.pstate, THREAD_PSTATE);
ASSERT_OFFSET(struct cross_thread, domain, THREAD_DOMAIN);
ASSERT_OFFSET(struct cross_thread, top, THREAD_TOP);
ASSERT_OFFSET(struct cross_thread, fp_state, THREAD_FP_STATE);
ASSERT_OFFSET(struct cross_thread, kernel_stack, THREAD_KERNEL_STACK);
ASSERT_OFFSET(struct cross_thread, zero, THREAD_ZERO);
ASSERT_OFFSET(struct cross_thread, is_light, THREAD_IS_LIGHT);
ASSERT_OFFSET(struct cross_thread, is_lazy, THREAD_IS_LAZY);
ASSERT_OFFSET(struct cross_thread, fault_regs, THREAD_FAULT);
ASSERT_OFFSET(struct cross_thread, fault_in, THREAD_FAULT_IN);
ASSERT_OFFSET(struct cross_thread, has_fault, THREAD_HAS_FAULT);
ASSERT_OFFSET(struct cross_thread, fault_fp, THREAD_FAULT_FP);
ASSERT_OFFSET(struct cross_thread, home, THREAD_FRAMES - FRAME_BYTES);
ASSERT_OFFSET(struct cross_thread, frames, THREAD_FRAMES);
_Static_assert((THREAD_FRAMES & 1 << FRAME_SPECIAL_BIT) == 0
                   && THREAD_FRAMES + THREAD_DEPTH_MAX * FRAME_BYTES
                          == (THREAD_FRAMES | 1 << FRAME_SPECIAL_BIT),
               "the end of the frames, and nothing in them, has the bit");
ASSERT_OFFSET(struct cross_domain, chunk0, DOMAIN_CHUNK0);
ASSERT_OFFSET(struct cross_domain, ttbr, DOMAIN_TTBR);
ASSERT_OFFSET(struct cross_domain, syscall_mask, DOMAIN_MASK);
ASSERT_OFFSET(struct cross_domain, fault_portal, DOMAIN_FAULT_PORTAL);
ASSERT_OFFSET(struct cross_domain, chunks, DOMAIN_CHUNKS);
ASSERT_OFFSET(struct cross_portal, domain, PORTAL_DOMAIN);
ASSERT_OFFSET(struct cross_portal, first, PORTAL_FIRST);
ASSERT_OFFSET(struct cross_portal, entry, PORTAL_ENTRY);
ASSERT_OFFSET(struct cross_record, thread, RECORD_THREAD);
ASSERT_OFFSET(struct cross_record, flags, RECORD_FLAGS);
ASSERT_OFFSET(struct cross_record, calls, RECORD_CALLS);
ASSERT_OFFSET(struct cross_record, stack_top, RECORD_STACK);
ASSERT_OFFSET(struct cross_record, next, RECORD_NEXT);
ASSERT_OFFSET(struct cross_record, deadline_ns, RECORD_DEADLINE_NS);
ASSERT_OFFSET(struct cross_frame, sp, FRAME_SP);
ASSERT_OFFSET(struct cross_frame, caller, FRAME_CALLER);
_Static_assert(sizeof(struct cross_frame) == FRAME_BYTES, "vectors.S");
ASSERT_OFFSET(struct cross_event, word, EVENT_WORD);
ASSERT_OFFSET(struct cross_event, waiter, EVENT_WAITER);

/* How many portal calls the thread is inside of. */
static inline unsigned cross_depth(const struct cross_thread *thread)
{
    const uintptr_t tag = (thread->top >> FRAME_TAG_BIT & 1) != 0 ? FRAME_TAG : 0;

    return (unsigned)((thread->top - tag - (uintptr_t)thread->frames) / FRAME_BYTES);
}

/* The frame of the innermost call; NULL at home. */
static inline struct cross_frame *cross_innermost(struct cross_thread *thread)
{
    const unsigned depth = cross_depth(thread);

    return depth == 0 ? NULL : &thread->frames[depth - 1];
}

/* Set how many frames there are, and tag the word if the thread has FP registers. */
static inline void cross_set_depth(struct cross_thread *thread, unsigned depth)
{
    const bool tagged = thread->fp_state != FP_STATE_NONE && depth < THREAD_DEPTH_MAX;

    thread->top = (uintptr_t)&thread->frames[depth] + (tagged ? FRAME_TAG : 0);
}

/* Take a stack for `thread`, as the portal path does; false: another call has it. */
static inline bool cross_record_claim(struct cross_record *record, struct cross_thread *thread)
{
    struct cross_thread *nobody = NULL;

    return __atomic_compare_exchange_n(&record->thread, &nobody, thread, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Give it back; whoever claims it sees all that was stored before. */
static inline void cross_record_release(struct cross_record *record)
{
    __atomic_store_n(&record->thread, NULL, __ATOMIC_RELEASE);
}

/* `regs` gets what it stands for, before somebody reads or changes more than x0, x1 and x18 on. */
static inline void cross_make_whole(struct cross_thread *thread)
{
    if (thread->is_light == 0)
        return;
    for (unsigned i = 2; i < 18; i++)
        thread->regs.x[i] = 0;
    thread->regs.pstate = 0;
    thread->is_light = 0;
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
/*
 * A system call has drawn a ticket of the kernel lock and found another one served: wait for it.
 * False: the thread was thrown out meanwhile (docs/smp.md), and kernel_on_recall() is the way on.
 */
bool kernel_lock_wait(uint32_t ticket);
struct cross_thread *kernel_on_recall(void);
/* A system call left work behind (struct cpu, exit_work); `status` and `value` are its results. */
struct cross_thread *kernel_on_syscall_exit(struct cross_thread *thread, uint64_t status,
                                            uint64_t value);
/*
 * The current thread calls from the domain `from`, and is in `to` already: pass the handles in
 * `words`, which get their names there.  Returns enum status; the next is for what is no success,
 * and throws the thread out.
 */
uint32_t kernel_on_pass(struct cross_domain *from, struct cross_domain *to, uint64_t *words);
struct cross_thread *kernel_on_refusal(struct cross_thread *thread, uint32_t status);
/* Bits were set in the event's word (struct event), and somebody waits there. */
struct cross_thread *kernel_on_signal(struct cross_thread *thread, void *event);
/* The event's word was 0: the thread waits. */
struct cross_thread *kernel_on_wait(struct cross_thread *thread, void *event, nsec_t deadline_ns);

/*
 * An abort in `domain`, whose fault portal the thread has entered: fill `fault_in`.  The context is
 * in `fault_regs`.
 */
void kernel_on_fault(struct cross_thread *thread, struct cross_domain *domain, uint64_t esr);
/* The same, but the portal can't be entered just so. */
struct cross_thread *kernel_on_slow_fault(struct cross_thread *thread, uint64_t esr);
/* An exception inside the kernel that is not the checked copy's; `regs` are as at it. */
__attribute__((noreturn)) void kernel_on_kernel_fault(const struct context *regs, uint64_t esr,
                                                      uint64_t far);
#endif

/*
 * Exceptions, and the crossing path.
 *
 * Enters from EL0 with SP_EL1 = the running thread's struct cross_thread (arch/crossing.h) and
 * interrupts masked; the kernel never unmasks them.  The portal path works in x9..x17, which every
 * svc gives up, touches no stack, takes no lock and leaves by eret; whatever is not the common case
 * goes to C with nothing changed.
 *
 * Invariant: nothing that a domain must not see is in any register at an eret.  x9..x17 are zeroed
 * where the path used them; NZCV is zeroed through SPSR_EL1; FP/SIMD registers are cleared, or of
 * another owner and out of reach behind CPACR_EL1.FPEN.
 *
 * Source: Arm ARM, "Exception entry", "ESR_EL1", "TTBR0_EL1", "Load-Exclusive/Store-Exclusive".
 */
#include "arch/crossing.h"
#include "arch/layout.h"

#define ESR_SVC64 0x56000000            /* EC 0x15, IL 1, immediate 0 */
/* Asserted in core/syscall.c against the ABI. */
#define SYS_COUNT_LIMIT         46
#define SYS_EVENT_SIGNAL_NUMBER 32
#define SYS_EVENT_WAIT_NUMBER   33
#define RIGHT_WAIT_BIT          6
#define FAULT_VERDICT_RESTART   1

/* struct spinlock; asserted in base/spinlock.h. */
#define LOCK_OWNER     4
#define LOCK_IS_SHARED 8

        .arch   armv8-a+fp+simd

/* Save x0..x30, SP_EL0, ELR_EL1, SPSR_EL1 at sp + `at`; x9 and x10 are there already. */
.macro save_context at
        stp     x0, x1, [sp, #\at + 0]
        stp     x2, x3, [sp, #\at + 16]
        stp     x4, x5, [sp, #\at + 32]
        stp     x6, x7, [sp, #\at + 48]
        str     x8, [sp, #\at + 64]
        stp     x11, x12, [sp, #\at + 88]
        stp     x13, x14, [sp, #\at + 104]
        stp     x15, x16, [sp, #\at + 120]
        stp     x17, x18, [sp, #\at + 136]
        stp     x19, x20, [sp, #\at + 152]
        stp     x21, x22, [sp, #\at + 168]
        stp     x23, x24, [sp, #\at + 184]
        stp     x25, x26, [sp, #\at + 200]
        stp     x27, x28, [sp, #\at + 216]
        stp     x29, x30, [sp, #\at + 232]
        mrs     x9, sp_el0
        mrs     x10, elr_el1
        mrs     x11, spsr_el1
        stp     x9, x10, [sp, #\at + 248]
        str     x11, [sp, #\at + 264]
.endm

/* The reverse; x9, x10 and x11 hold sp, pc and pstate. */
.macro restore_context at
        msr     sp_el0, x9
        msr     elr_el1, x10
        msr     spsr_el1, x11
        ldp     x0, x1, [sp, #\at + 0]
        ldp     x2, x3, [sp, #\at + 16]
        ldp     x4, x5, [sp, #\at + 32]
        ldp     x6, x7, [sp, #\at + 48]
        ldp     x8, x9, [sp, #\at + 64]
        ldp     x10, x11, [sp, #\at + 80]
        ldp     x12, x13, [sp, #\at + 96]
        ldp     x14, x15, [sp, #\at + 112]
        ldp     x16, x17, [sp, #\at + 128]
        ldp     x18, x19, [sp, #\at + 144]
        ldp     x20, x21, [sp, #\at + 160]
        ldp     x22, x23, [sp, #\at + 176]
        ldp     x24, x25, [sp, #\at + 192]
        ldp     x26, x27, [sp, #\at + 208]
        ldp     x28, x29, [sp, #\at + 224]
        ldr     x30, [sp, #\at + 240]
.endm

/* x0 = thread, and onto its CPU's kernel stack.  Ends the frame chain for kernel backtraces. */
.macro enter_c
        mov     x0, sp
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
        mov     x29, xzr
        mov     x30, xzr
.endm

/* Zero these registers, two a load. */
.macro zero_pair a, b
        ldp     \a, \b, [sp, #THREAD_ZERO]
.endm

/* A system call that may switch: C keeps nothing of it but x0, x1 and what a svc keeps. */
.macro save_light
        stp     xzr, xzr, [sp, #THREAD_X + 0]
        stp     x18, x19, [sp, #THREAD_X + 144]
        stp     x20, x21, [sp, #THREAD_X + 160]
        stp     x22, x23, [sp, #THREAD_X + 176]
        stp     x24, x25, [sp, #THREAD_X + 192]
        stp     x26, x27, [sp, #THREAD_X + 208]
        stp     x28, x29, [sp, #THREAD_X + 224]
        str     x30, [sp, #THREAD_X + 240]
        mrs     x9, sp_el0
        mrs     x10, elr_el1
        stp     x9, x10, [sp, #THREAD_SP]
        str     x8, [sp, #THREAD_IS_LIGHT] /* the call's number, not 0 */
.endm

/*
 * The FP registers' contents stay behind at a crossing.  Live ones are cleared and stay open for a
 * few more crossings, since who has used them is likely to go on; then access closes, and the next
 * use traps.  Saved ones are just forgotten.  `top` loses its tag; `state` is 0 if it is to stay so.
 */
.macro leave_fp top, state, base
        sub     \top, \top, #FRAME_TAG
        ldr     \state, [sp, #THREAD_FP_STATE]
        tbz     \state, #0, 89f        /* FP_STATE_LIVE */
        subs    \state, \state, #FP_STATE_CREDIT
        add     \base, sp, #THREAD_ZERO
        ld1     {v0.2d - v3.2d}, [\base]
        ld1     {v4.2d - v7.2d}, [\base]
        ld1     {v8.2d - v11.2d}, [\base]
        ld1     {v12.2d - v15.2d}, [\base]
        ld1     {v16.2d - v19.2d}, [\base]
        ld1     {v20.2d - v23.2d}, [\base]
        ld1     {v24.2d - v27.2d}, [\base]
        ld1     {v28.2d - v31.2d}, [\base]
        msr     fpsr, xzr
        msr     fpcr, xzr
        b.ge    90f
        mov     \base, #CPACR_TRAP_EL0
        msr     cpacr_el1, \base
89:     mov     \state, #FP_STATE_NONE
90:     str     \state, [sp, #THREAD_FP_STATE]
.endm

.macro vector name
        .balign 128
        b       \name
.endm

        .text
        .balign 2048
        .global exception_vectors
exception_vectors:
        vector  kernel_fault            /* EL1t */
        vector  kernel_fault
        vector  kernel_fault
        vector  kernel_fault
        vector  el1_sync                /* EL1h */
        vector  kernel_fault
        vector  kernel_fault
        vector  kernel_fault

        .balign 128                     /* EL0, AArch64 */
        stp     x9, x10, [sp, #THREAD_X + 72]
        mrs     x9, esr_el1
        mov     x10, #ESR_SVC64
        subs    x9, x9, x10
        b.eq    portal_call
        cmp     x9, #1
        b.eq    portal_return
        cmp     x9, #2
        b.eq    system_call
        cmp     x9, #3
        b.eq    portal_call_with
        b       el0_other
        .balign 128
        stp     x9, x10, [sp, #THREAD_X + 72]
        b       el0_interrupt
        vector  kernel_fault            /* FIQ: never configured */
        .balign 128
        stp     x9, x10, [sp, #THREAD_X + 72]
        b       el0_serror
        vector  kernel_fault            /* EL0, AArch32: no domain runs it */
        vector  kernel_fault
        vector  kernel_fault
        vector  kernel_fault
        .balign 128

/*
 * svc #0.  x8: handle.
 *
 * x9 caller's domain, x10 slot, x11 record, x12 portal, x13 callee's domain, x14 frame, x16 the
 * callee's TTBR value.
 */
.macro call_lookup far, slow
        ldp     x9, x14, [sp, #THREAD_DOMAIN]
        ldr     x10, [x9, #DOMAIN_CHUNK0]
        bfi     x10, x8, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
\far\()_found:
        ldp     x11, x12, [x10, #SLOT_KEY]
        cmp     x11, x8                 /* index, generation, kind and right in one word */
        b.ne    \far
        ldp     x13, x11, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_DOMAIN)]
        ldr     x16, [x13, #DOMAIN_TTBR]
        cbz     x16, \slow
.endm

/* Not in the first chunk, or no handle at all. */
.macro call_lookup_far found, slow
        ldp     x10, x11, [x9, #DOMAIN_CHUNKS]
        ubfx    x12, x8, #CHUNK_SLOTS_LOG2, #(32 - CHUNK_SLOTS_LOG2)
        cbz     x12, \slow
        cmp     x12, x11
        b.hs    \slow
        ldr     x10, [x10, x12, lsl #3]
        bfi     x10, x8, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
        ldr     x11, [x10, #SLOT_KEY]
        cmp     x11, x8
        b.ne    \slow
        b       \found
.endm

.macro call_claim slow
        mov     x15, sp
91:     ldaxr   x17, [x11]              /* pairs with the stlr in portal_return */
        cbnz    x17, 92f
        stxr    w17, x15, [x11]
        cbnz    w17, 91b
        .subsection 1
92:     ldr     x17, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_FIRST)]
        ldr     x11, [x11, #RECORD_NEXT]
        cmp     x11, x17
        b.ne    91b
        clrex
        b       \slow                   /* all are taken */
        .previous
.endm

/* Nothing in here fails. */
.macro call_commit
        mrs     x15, sp_el0
        mrs     x17, elr_el1
        stp     x9, x11, [x14, #FRAME_CALLER]
        stp     x15, x17, [x14], #FRAME_BYTES
        ldp     x17, x15, [x11, #RECORD_CALLS]
        add     x17, x17, #1
        str     x17, [x11, #RECORD_CALLS]
.endm

.macro call_enter
        stp     x13, x14, [sp, #THREAD_DOMAIN]
        ldr     x8, [x10, #SLOT_BADGE]
        ldp     x14, x13, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_ENTRY)]
        msr     ttbr0_el1, x16          /* the eret makes it the view: nothing of it is used here */
        msr     elr_el1, x14
        msr     sp_el0, x15
        msr     spsr_el1, xzr
        zero_pair x9, x10
        zero_pair x11, x12
        zero_pair x14, x15
        zero_pair x16, x17
        eret
.endm

portal_call:
        call_lookup portal_call_far, el0_slow
        tbnz    x14, #FRAME_SPECIAL_BIT, portal_call_fp
        call_claim el0_slow
        call_commit
        call_enter
portal_call_far:
        call_lookup_far portal_call_far_found, el0_slow

/* The caller has FP registers, or its frames are used up. */
portal_call_fp:
        tbz     x14, #FRAME_TAG_BIT, el0_slow
        and     x15, x14, #(THREAD_DEPTH_MAX - 1) * FRAME_BYTES
        cmp     x15, #(THREAD_DEPTH_MAX - 1) * FRAME_BYTES
        b.eq    el0_slow                /* the end of the frames has no tag: C closes access */
        call_claim el0_slow
        leave_fp x14, x15, x17
        call_commit
        ldr     x17, [sp, #THREAD_FP_STATE]
        cbz     x17, 1f
        add     x14, x14, #FRAME_TAG
1:      call_enter

/*
 * svc #3: the same with handles in x9..x12 and a deadline in x13.  A deadline that the CPU's timer
 * will look at in time is only written down; the scheduler arms it if the thread is still inside
 * then, or leaves the CPU.
 */
portal_call_with:
        ldp     x9, x10, [sp, #THREAD_X + 72]
        orr     x14, x11, x12
        orr     x15, x9, x10
        orr     x14, x14, x15
        cbnz    x14, el0_slow
        str     x13, [sp, #THREAD_X + 104]
        cbz     x13, 1f
        mrs     x14, tpidr_el1
        ldr     x14, [x14, #CPU_PROGRAMMED_NS]
        sub     x14, x14, #1            /* none programmed, 0, is later than any */
        cmp     x14, x13
        b.hs    el0_slow
1:      call_lookup portal_call_with_far, portal_call_with_slow
        tbnz    x14, #FRAME_SPECIAL_BIT, portal_call_with_slow
        call_claim portal_call_with_slow
        call_commit
        ldr     x17, [sp, #THREAD_X + 104]
        cbz     x17, 2f
        str     x17, [x11, #RECORD_DEADLINE_NS]
        mov     w17, #RECORD_FLAG_LAZY
        str     w17, [x11, #RECORD_FLAGS]
        str     x17, [sp, #THREAD_IS_LAZY]
2:      call_enter
portal_call_with_far:
        call_lookup_far portal_call_with_far_found, portal_call_with_slow
portal_call_with_slow:
        mov     x11, xzr                /* no handles; the lookup has used the registers */
        mov     x12, xzr
        ldr     x13, [sp, #THREAD_X + 104]
        b       el0_slow

/* svc #1.  x10 frame, x11 caller's domain, x12 record. */
portal_return:
        ldr     x10, [sp, #THREAD_TOP]
        tbnz    x10, #FRAME_SPECIAL_BIT, portal_return_fp
        ldp     x11, x12, [x10, #(FRAME_CALLER - FRAME_BYTES)]
        ldr     w14, [x12, #RECORD_FLAGS]
        cbnz    w14, portal_return_flags
portal_return_unflagged:
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow

        /* Committed. */
        ldp     x16, x17, [x10, #-FRAME_BYTES]!
        stp     x11, x10, [sp, #THREAD_DOMAIN]
portal_return_commit:
        stlr    xzr, [x12]              /* RECORD_THREAD; pairs with the ldaxr in portal_call */
        msr     ttbr0_el1, x13
        msr     sp_el0, x16
        msr     elr_el1, x17
        msr     spsr_el1, xzr
        zero_pair x8, x9                /* x8: STATUS_OK */
        zero_pair x10, x11
        zero_pair x12, x13
        zero_pair x14, x15
        zero_pair x16, x17
        eret

/* The callee has FP registers, or all frames are in use. */
portal_return_fp:
        tbz     x10, #FRAME_TAG_BIT, el0_slow
        sub     x14, x10, #FRAME_TAG
        ldp     x11, x12, [x14, #(FRAME_CALLER - FRAME_BYTES)]
        ldr     w14, [x12, #RECORD_FLAGS]
        cbnz    w14, el0_slow
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow
        leave_fp x10, x15, x17
        ldp     x16, x17, [x10, #-FRAME_BYTES]!
        cbz     x15, 3f
        add     x10, x10, #FRAME_TAG
3:      stp     x11, x10, [sp, #THREAD_DOMAIN]
        b       portal_return_commit

portal_return_flags:
        cmp     w14, #RECORD_FLAG_LAZY
        b.ne    fault_return
        str     wzr, [x12, #RECORD_FLAGS]
        b       portal_return_unflagged

/* A fault's handler has answered: x0 is its verdict. */
fault_return:
        cmp     w14, #RECORD_FLAG_FAULT
        b.ne    el0_slow
        sub     x15, x0, #FAULT_VERDICT_RESTART
        cmp     x15, #1                 /* restart, or skip */
        b.hi    el0_slow
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow
        sub     x10, x10, #FRAME_BYTES
        ldr     x14, [sp, #THREAD_FAULT_FP]
        str     x14, [sp, #THREAD_FP_STATE]
        cbz     x14, 1f
        add     x10, x10, #FRAME_TAG
1:      stp     x11, x10, [sp, #THREAD_DOMAIN]
        str     wzr, [x12, #RECORD_FLAGS]
        stlr    xzr, [x12]              /* RECORD_THREAD; pairs with the ldaxr in portal_call */
        str     xzr, [sp, #THREAD_HAS_FAULT]
        msr     ttbr0_el1, x13
        add     sp, sp, #THREAD_FAULT   /* in reach of ldp */
        ldp     x9, x10, [sp, #248]
        ldr     x11, [sp, #264]
        add     x10, x10, x15, lsl #2
        restore_context 0
        sub     sp, sp, #THREAD_FAULT
        eret

/*
 * An abort in a domain whose faults go to a portal.  C looks who the address belongs to and takes
 * the handler's stack; the handler starts from here with the six words about it.
 */
el0_fault:
        ldp     x9, x10, [sp, #THREAD_X + 72]
        add     sp, sp, #THREAD_FAULT   /* in reach of stp */
        stp     x9, x10, [sp, #72]
        save_context 0
        sub     sp, sp, #THREAD_FAULT
        mrs     x1, esr_el1
        enter_c
        bl      kernel_on_fault
        mrs     x9, tpidr_el1
        ldr     x10, [x9, #CPU_CURRENT]
        cbz     x0, 1f
        mov     sp, x10
        ldr     x11, [sp, #THREAD_DOMAIN]
        ldr     x11, [x11, #DOMAIN_TTBR]
        ldr     x12, [x0, #RECORD_STACK]
        ldp     x14, x13, [x1, #PORTAL_ENTRY]
        msr     ttbr0_el1, x11
        msr     sp_el0, x12
        msr     elr_el1, x14
        msr     spsr_el1, xzr
        ldp     x0, x1, [sp, #THREAD_FAULT_IN + 0]
        ldp     x2, x3, [sp, #THREAD_FAULT_IN + 16]
        ldp     x4, x5, [sp, #THREAD_FAULT_IN + 32]
        zero_pair x6, x7
        zero_pair x8, x9                /* x8: the badge of a handle that nobody used */
        zero_pair x10, x11
        zero_pair x12, x14
        zero_pair x15, x16
        zero_pair x17, x18
        zero_pair x19, x20
        zero_pair x21, x22
        zero_pair x23, x24
        zero_pair x25, x26
        zero_pair x27, x28
        zero_pair x29, x30
        eret
1:      mov     x0, x1
        b       crossing_resume

/*
 * svc #2.  x8: number, x0..x7 arguments.  The handlers are C functions of x0..x7 that return status
 * and value in x0 and x1, and keep x18..x29 as any C function does, so nothing else is saved unless
 * the call leaves work behind.  Doing nothing, signalling an event for which nobody waits and
 * waiting for one that has been signalled need no C.
 */
system_call:
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldr     x10, [x9, #DOMAIN_MASK]
        cmp     x8, #SYS_COUNT_LIMIT
        b.hs    el0_slow
        lsr     x10, x10, x8
        tbz     x10, #0, el0_slow
        cbz     x8, null_call
        cmp     x8, #SYS_EVENT_SIGNAL_NUMBER
        b.eq    signal_call
        cmp     x8, #SYS_EVENT_WAIT_NUMBER
        b.eq    wait_call
system_call_in_c:
        str     x30, [sp, #THREAD_X + 240]
        adrp    x10, syscall_table
        add     x10, x10, :lo12:syscall_table
        ldr     x10, [x10, x8, lsl #3]
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
        stp     x29, x10, [sp, #-16]!
        mov     x29, xzr                /* the kernel's chain of frames ends here */
        adrp    x9, kernel_lock
        add     x9, x9, :lo12:kernel_lock
        ldr     w11, [x9, #LOCK_IS_SHARED]
        cbnz    w11, 6f
3:      blr     x10
        mrs     x9, tpidr_el1
        ldr     w10, [x9, #CPU_EXIT_WORK]
        cbnz    w10, 5f
        adrp    x11, kernel_lock
        add     x11, x11, :lo12:kernel_lock
        ldr     w12, [x11, #LOCK_IS_SHARED]
        cbnz    w12, 7f
4:      ldr     x29, [sp]
        ldr     x10, [x9, #CPU_CURRENT]
        mov     sp, x10
        ldr     x30, [sp, #THREAD_X + 240]
        msr     spsr_el1, xzr
        zero_pair x2, x3
        zero_pair x4, x5
        zero_pair x6, x7
        zero_pair x8, x9
        zero_pair x10, x11
        zero_pair x12, x13
        zero_pair x14, x15
        zero_pair x16, x17
        eret
5:      ldr     x29, [sp]               /* C has restored x19..x28; now save what the call kept */
        ldr     x10, [x9, #CPU_CURRENT]
        mov     sp, x10
        stp     x18, x19, [sp, #THREAD_X + 144]
        stp     x20, x21, [sp, #THREAD_X + 160]
        stp     x22, x23, [sp, #THREAD_X + 176]
        stp     x24, x25, [sp, #THREAD_X + 192]
        stp     x26, x27, [sp, #THREAD_X + 208]
        stp     x28, x29, [sp, #THREAD_X + 224]
        mrs     x9, sp_el0
        mrs     x10, elr_el1
        stp     x9, x10, [sp, #THREAD_SP]
        str     xzr, [sp, #THREAD_PSTATE]
        mov     x2, x1
        mov     x1, x0
        enter_c
        bl      kernel_on_syscall_exit
        b       crossing_resume
6:      ldaxr   w11, [x9]               /* draw a ticket (base/spinlock.h) */
        add     w12, w11, #1
        stxr    w13, w12, [x9]
        cbnz    w13, 6b
        add     x14, x9, #LOCK_OWNER
8:      ldar    w12, [x14]              /* pairs with the stlr of the holder before us */
        cmp     w12, w11
        b.eq    3b
        b       8b
7:      add     x11, x11, #LOCK_OWNER
        ldr     w12, [x11]
        add     w12, w12, #1
        stlr    w12, [x11]              /* pairs with the ldar of the next holder */
        b       4b

null_call:
        mov     x0, #0                  /* STATUS_OK */
        zero_pair x9, x10
        eret

/* x0: handle.  x12: the event, x10: the slot; not an event that may be signalled: goes to C. */
.macro event_lookup
        ldr     x10, [x9, #DOMAIN_CHUNK0]
        bfi     x10, x0, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
        ldp     x11, x12, [x10, #SLOT_KEY]
        eor     x11, x11, #KEY_SIGNALLABLE
        cmp     x11, x0
        b.ne    system_call_in_c
        ldr     x13, [x12, #(EVENT_OBJECT_BYTES + EVENT_WORD)]
        cbz     x13, system_call_in_c
.endm

/* x0: handle, x1: bits. */
signal_call:
        event_lookup
        ldr     x14, [x10, #SLOT_BADGE]
        cmp     x14, #0
        csinv   x14, x14, xzr, ne       /* no badge: every bit */
        and     x14, x14, x1
1:      ldxr    x15, [x13]
        orr     x15, x15, x14
        stlxr   w16, x15, [x13]         /* what we wrote before is there when the bits are taken */
        cbnz    w16, 1b
        dmb     ish                     /* pairs with the one in event_wait(): either sees the other */
        ldr     x15, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        cbnz    x15, 3f
2:      mov     x0, #0                  /* STATUS_OK */
        zero_pair x9, x10
        zero_pair x11, x12
        zero_pair x13, x14
        zero_pair x15, x16
        eret
3:      cbz     x14, 2b
        save_light
        mov     x1, x12
        enter_c
        bl      kernel_on_signal
        b       crossing_resume

/* x0: handle, x1: deadline. */
wait_call:
        event_lookup
        ldr     w14, [x10, #SLOT_RIGHTS]
        tbz     w14, #RIGHT_WAIT_BIT, system_call_in_c
        ldar    x14, [x13]              /* pairs with the stlxr in signal_call */
        cbnz    x14, 2b
        save_light
        mov     x2, x1
        mov     x1, x12
        enter_c
        bl      kernel_on_wait
        b       crossing_resume

/* No svc that has a path here.  Aborts of a domain with a fault portal have one of their own. */
el0_other:
        mrs     x9, esr_el1
        lsr     x9, x9, #26
        bic     x9, x9, #4              /* EC 0x20 and 0x24: instruction and data aborts */
        cmp     x9, #0x20
        b.ne    el0_slow
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldr     x9, [x9, #DOMAIN_FAULT_PORTAL]
        cbz     x9, el0_slow
        ldr     x9, [sp, #THREAD_HAS_FAULT]
        cbz     x9, el0_fault

/* Everything else that EL0 does synchronously; x9 and x10 are saved, all else is as it was. */
el0_slow:
        save_context THREAD_X
        mrs     x1, esr_el1
        enter_c
        bl      kernel_on_exception
        b       crossing_resume

el0_interrupt:
        save_context THREAD_X
        enter_c
        bl      kernel_on_interrupt
        b       crossing_resume

el0_serror:
        save_context THREAD_X
        enter_c
        bl      kernel_on_serror
        b       crossing_resume

/* void crossing_resume(struct cross_thread *thread) */
        .global crossing_resume
crossing_resume:
        mov     sp, x0
        ldr     x12, [sp, #THREAD_IS_LIGHT]
        ldp     x9, x10, [sp, #THREAD_SP]
        cbnz    x12, 1f
        ldr     x11, [sp, #THREAD_PSTATE]
        restore_context THREAD_X
        eret
1:      str     xzr, [sp, #THREAD_IS_LIGHT]
        msr     sp_el0, x9
        msr     elr_el1, x10
        msr     spsr_el1, xzr
        ldp     x0, x1, [sp, #THREAD_X + 0]
        ldp     x18, x19, [sp, #THREAD_X + 144]
        ldp     x20, x21, [sp, #THREAD_X + 160]
        ldp     x22, x23, [sp, #THREAD_X + 176]
        ldp     x24, x25, [sp, #THREAD_X + 192]
        ldp     x26, x27, [sp, #THREAD_X + 208]
        ldp     x28, x29, [sp, #THREAD_X + 224]
        ldr     x30, [sp, #THREAD_X + 240]
        zero_pair x2, x3
        zero_pair x4, x5
        zero_pair x6, x7
        zero_pair x8, x9
        zero_pair x10, x11
        zero_pair x12, x13
        zero_pair x14, x15
        zero_pair x16, x17
        eret

/*
 * The kernel itself: only the checked copy may abort, and then only by data abort.  ELR_EL1 and
 * SPSR_EL1 of the user are put back by usercopy.c.
 */
el1_sync:
        stp     x0, x1, [sp, #-16]!
        mrs     x0, esr_el1
        lsr     x0, x0, #26
        cmp     x0, #0x25               /* data abort, same level */
        b.ne    1f
        mrs     x0, elr_el1
        adr     x1, usercopy_begin
        cmp     x0, x1
        b.lo    1f
        adr     x1, usercopy_end
        cmp     x0, x1
        b.hs    1f
        adr     x0, usercopy_failed
        msr     elr_el1, x0
        ldp     x0, x1, [sp], #16
        eret
1:      ldp     x0, x1, [sp], #16

kernel_fault:
        sub     sp, sp, #288
        stp     x9, x10, [sp, #THREAD_X + 72]
        save_context THREAD_X
        add     x9, sp, #288
        str     x9, [sp, #THREAD_SP]
        mov     x0, sp
        mrs     x1, esr_el1
        mrs     x2, far_el1
        bl      kernel_on_kernel_fault
        b       .

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
#define SYS_COUNT_LIMIT 46              /* asserted against SYS_COUNT in core/syscall.c */

/* Save x0..x30, SP_EL0, ELR_EL1, SPSR_EL1 into the thread at sp; x9 and x10 are there already. */
.macro save_context
        stp     x0, x1, [sp, #THREAD_X + 0]
        stp     x2, x3, [sp, #THREAD_X + 16]
        stp     x4, x5, [sp, #THREAD_X + 32]
        stp     x6, x7, [sp, #THREAD_X + 48]
        str     x8, [sp, #THREAD_X + 64]
        stp     x11, x12, [sp, #THREAD_X + 88]
        stp     x13, x14, [sp, #THREAD_X + 104]
        stp     x15, x16, [sp, #THREAD_X + 120]
        stp     x17, x18, [sp, #THREAD_X + 136]
        stp     x19, x20, [sp, #THREAD_X + 152]
        stp     x21, x22, [sp, #THREAD_X + 168]
        stp     x23, x24, [sp, #THREAD_X + 184]
        stp     x25, x26, [sp, #THREAD_X + 200]
        stp     x27, x28, [sp, #THREAD_X + 216]
        stp     x29, x30, [sp, #THREAD_X + 232]
        mrs     x9, sp_el0
        mrs     x10, elr_el1
        mrs     x11, spsr_el1
        stp     x9, x10, [sp, #THREAD_SP]
        str     x11, [sp, #THREAD_PSTATE]
.endm

/* x0 = thread, and onto its CPU's kernel stack.  Ends the frame chain for kernel backtraces. */
.macro enter_c
        mov     x0, sp
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
        mov     x29, xzr
        mov     x30, xzr
.endm

/*
 * The FP registers' contents stay behind at a crossing.  Live ones are cleared and stay open for a
 * few more crossings, since who has used them is likely to go on; then access closes, and the next
 * use traps.  Saved ones are just forgotten.
 */
.macro leave_fp state
        tbz     \state, #0, 91f         /* FP_STATE_LIVE */
        subs    \state, \state, #FP_STATE_CREDIT
        b.lt    90f
        str     \state, [sp, #THREAD_FP_STATE]
        mov     x9, x30
        bl      fp_registers_zero       /* arch/fp.h; touches nothing else */
        mov     x30, x9
        b       92f
90:     mov     x9, #CPACR_TRAP_EL0
        msr     cpacr_el1, x9
91:     str     xzr, [sp, #THREAD_FP_STATE]
92:
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
        b       el0_slow
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

/* svc #0.  x8: handle. */
portal_call:
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldp     x10, x11, [x9, #DOMAIN_CHUNKS]
        ubfx    x12, x8, #CHUNK_SLOTS_LOG2, #(32 - CHUNK_SLOTS_LOG2)
        cmp     x12, x11
        b.hs    el0_slow
        ldr     x10, [x10, x12, lsl #3]
        ubfx    x12, x8, #0, #CHUNK_SLOTS_LOG2
        add     x10, x10, x12, lsl #SLOT_BYTES_LOG2
        ldp     x11, x12, [x10, #SLOT_KEY]
        cmp     x11, x8                 /* index, generation, kind and right in one word */
        b.ne    el0_slow
        ldr     x13, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_DOMAIN)]
        ldr     x16, [x13, #DOMAIN_TTBR]
        cbz     x16, el0_slow
        ldp     x14, x17, [sp, #THREAD_DEPTH_LEFT]
        cbz     x14, el0_slow
        cbnz    x17, 3f
1:      add     x15, x12, #(PORTAL_OBJECT_BYTES + PORTAL_FREE)
2:      ldaxr   x11, [x15]              /* pairs with the stlxr in portal_return */
        cbz     x11, 4f
        ldr     x17, [x11, #RECORD_NEXT]
        stxr    w9, x17, [x15]
        cbnz    w9, 2b

        /* Committed: nothing below fails. */
        sub     x14, x14, #1
        str     x14, [sp, #THREAD_DEPTH_LEFT]
        ldp     x9, x14, [sp, #THREAD_DOMAIN]
        stp     x9, x14, [x11, #RECORD_CALLER]
        mrs     x14, sp_el0
        mrs     x15, elr_el1
        stp     x14, x15, [x11, #RECORD_CALLER_SP]
        stp     x13, x11, [sp, #THREAD_DOMAIN]
        ldr     x14, [x11, #RECORD_CALLS]
        mov     x15, sp
        add     x14, x14, #1
        stp     x14, x15, [x11, #RECORD_CALLS]
        ldr     x8, [x10, #SLOT_BADGE]
        msr     ttbr0_el1, x16
        ldp     x14, x13, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_ENTRY)]
        ldr     x15, [x11, #RECORD_STACK]
        msr     elr_el1, x14
        msr     sp_el0, x15
        msr     spsr_el1, xzr
        isb                             /* the view is the callee's from here on */
        ldp     x9, x10, [sp, #THREAD_ZERO]
        ldp     x11, x12, [sp, #THREAD_ZERO]
        ldp     x14, x15, [sp, #THREAD_ZERO]
        ldp     x16, x17, [sp, #THREAD_ZERO]
        eret
3:      leave_fp x17                    /* the caller's FP registers */
        b       1b
4:      clrex
        b       el0_slow

/* svc #1. */
portal_return:
        ldr     x10, [sp, #THREAD_RECORD]
        cbz     x10, el0_slow
        ldr     w11, [x10, #RECORD_FLAGS]
        cbnz    w11, el0_slow
        ldp     x11, x12, [x10, #RECORD_CALLER]
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow
        ldr     x15, [x10, #RECORD_PORTAL]
        ldp     x14, x17, [sp, #THREAD_DEPTH_LEFT]
        cbnz    x17, 3f

        /* Committed. */
1:      add     x14, x14, #1
        str     x14, [sp, #THREAD_DEPTH_LEFT]
        stp     x11, x12, [sp, #THREAD_DOMAIN]
        ldp     x16, x17, [x10, #RECORD_CALLER_SP]
        str     xzr, [x10, #RECORD_THREAD]
        add     x15, x15, #PORTAL_FREE
2:      ldxr    x14, [x15]
        str     x14, [x10, #RECORD_NEXT]
        stlxr   w9, x10, [x15]          /* pairs with the ldaxr in portal_call */
        cbnz    w9, 2b
        msr     ttbr0_el1, x13
        msr     sp_el0, x16
        msr     elr_el1, x17
        msr     spsr_el1, xzr
        isb                             /* the view is the caller's from here on */
        ldp     x8, x9, [sp, #THREAD_ZERO] /* x8: STATUS_OK */
        ldp     x10, x11, [sp, #THREAD_ZERO]
        ldp     x12, x13, [sp, #THREAD_ZERO]
        ldp     x14, x15, [sp, #THREAD_ZERO]
        ldp     x16, x17, [sp, #THREAD_ZERO]
        eret
3:      leave_fp x17                    /* the callee's FP registers */
        b       1b

/*
 * svc #2.  x8: number, x0..x7 arguments.  The handlers are C functions of x0..x7 that return status
 * and value in x0 and x1, and keep x18..x29 as any C function does, so nothing else is saved unless
 * the call leaves work behind.
 */
system_call:
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldr     x9, [x9, #DOMAIN_MASK]
        cmp     x8, #SYS_COUNT_LIMIT
        b.hs    el0_slow
        lsr     x9, x9, x8
        tbz     x9, #0, el0_slow
        str     x30, [sp, #THREAD_X + 240]
        adrp    x10, syscall_table
        add     x10, x10, :lo12:syscall_table
        ldr     x10, [x10, x8, lsl #3]
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
        stp     x29, x10, [sp, #-16]!
        mov     x29, xzr                /* the kernel's chain of frames ends here */
        cbz     x8, 1f                  /* SYS_NULL needs no lock */
        adrp    x9, kernel_lock
        add     x9, x9, :lo12:kernel_lock
2:      ldaxr   w11, [x9]               /* draw a ticket (base/spinlock.h) */
        add     w12, w11, #1
        stxr    w13, w12, [x9]
        cbnz    w13, 2b
3:      add     x14, x9, #4
        ldar    w12, [x14]              /* pairs with the stlr of the holder before us */
        cmp     w12, w11
        b.ne    3b
        blr     x10
        mrs     x9, tpidr_el1
        ldr     w10, [x9, #CPU_EXIT_WORK]
        cbnz    w10, 5f
        adrp    x11, kernel_lock
        add     x11, x11, :lo12:kernel_lock + 4
        ldr     w12, [x11]
        add     w12, w12, #1
        stlr    w12, [x11]              /* pairs with the ldar of the next holder */
        b       4f
1:      blr     x10
        mrs     x9, tpidr_el1
4:      ldr     x29, [sp]
        ldr     x10, [x9, #CPU_CURRENT]
        mov     sp, x10
        ldr     x30, [sp, #THREAD_X + 240]
        msr     spsr_el1, xzr
        ldp     x2, x3, [sp, #THREAD_ZERO]
        ldp     x4, x5, [sp, #THREAD_ZERO]
        ldp     x6, x7, [sp, #THREAD_ZERO]
        ldp     x8, x9, [sp, #THREAD_ZERO]
        ldp     x10, x11, [sp, #THREAD_ZERO]
        ldp     x12, x13, [sp, #THREAD_ZERO]
        ldp     x14, x15, [sp, #THREAD_ZERO]
        ldp     x16, x17, [sp, #THREAD_ZERO]
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

/* Everything else that EL0 does synchronously; x9 and x10 are saved, all else is as it was. */
el0_slow:
        save_context
        mrs     x1, esr_el1
        enter_c
        bl      kernel_on_exception
        b       crossing_resume

el0_interrupt:
        save_context
        enter_c
        bl      kernel_on_interrupt
        b       crossing_resume

el0_serror:
        save_context
        enter_c
        bl      kernel_on_serror
        b       crossing_resume

/* void crossing_resume(struct cross_thread *thread) */
        .global crossing_resume
crossing_resume:
        mov     sp, x0
        ldp     x9, x10, [sp, #THREAD_SP]
        ldr     x11, [sp, #THREAD_PSTATE]
        msr     sp_el0, x9
        msr     elr_el1, x10
        msr     spsr_el1, x11
        ldp     x0, x1, [sp, #THREAD_X + 0]
        ldp     x2, x3, [sp, #THREAD_X + 16]
        ldp     x4, x5, [sp, #THREAD_X + 32]
        ldp     x6, x7, [sp, #THREAD_X + 48]
        ldp     x8, x9, [sp, #THREAD_X + 64]
        ldp     x10, x11, [sp, #THREAD_X + 80]
        ldp     x12, x13, [sp, #THREAD_X + 96]
        ldp     x14, x15, [sp, #THREAD_X + 112]
        ldp     x16, x17, [sp, #THREAD_X + 128]
        ldp     x18, x19, [sp, #THREAD_X + 144]
        ldp     x20, x21, [sp, #THREAD_X + 160]
        ldp     x22, x23, [sp, #THREAD_X + 176]
        ldp     x24, x25, [sp, #THREAD_X + 192]
        ldp     x26, x27, [sp, #THREAD_X + 208]
        ldp     x28, x29, [sp, #THREAD_X + 224]
        ldr     x30, [sp, #THREAD_X + 240]
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
        save_context
        add     x9, sp, #288
        str     x9, [sp, #THREAD_SP]
        mov     x0, sp
        mrs     x1, esr_el1
        mrs     x2, far_el1
        bl      kernel_on_kernel_fault
        b       .

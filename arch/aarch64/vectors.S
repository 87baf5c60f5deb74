/*
 * Exceptions: the vectors, and the way into C and back.
 *
 * Enters from EL0 with SP_EL1 = the running thread's struct cross_thread (arch/crossing.h) and
 * interrupts masked; the kernel never unmasks them.  What has a path of its own goes there:
 * crossing.S, system_call.S, event.S, fault.S.  Everything else saves the whole context and goes to
 * C.
 *
 * Invariant, of all of them: nothing that a domain must not see is in any register at an eret.
 * What a path used is zeroed; FP/SIMD registers are cleared, or of another owner and out of reach
 * behind CPACR_EL1.FPEN.
 *
 * Source: Arm ARM, "Exception entry", "ESR_EL1".
 */
#include "arch/layout.h"
#include "entry.h"

#define ESR_SVC64 0x56000000            /* EC 0x15, IL 1, immediate 0 */
#define EC_ABORT  0x20                  /* instruction abort; data abort has bit 2 too */

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
        b.eq    portal_call_path
        cmp     x9, #1
        b.eq    portal_return_path
        cmp     x9, #2
        b.eq    system_call_path
        cmp     x9, #3
        b.eq    portal_call_with_path
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

/* No svc that has a path here.  Aborts of a domain with a fault portal have one of their own. */
el0_other:
        mrs     x9, esr_el1
        lsr     x9, x9, #26
        bic     x9, x9, #4
        cmp     x9, #EC_ABORT
        b.ne    el0_slow
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldr     x9, [x9, #DOMAIN_FAULT_PORTAL]
        cbz     x9, el0_slow
        ldr     x9, [sp, #THREAD_HAS_FAULT]
        cbz     x9, el0_fault

/* Everything else that EL0 does synchronously; x9 and x10 are saved, all else is as it was. */
        .global el0_slow
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

/* void crossing_resume(struct cross_thread *thread); crossing_resume_sp: it is in sp. */
        .global crossing_resume, crossing_resume_sp
crossing_resume:
        mov     sp, x0
crossing_resume_sp:
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

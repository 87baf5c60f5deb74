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

/* What is at vector `number`: 0 to 3 EL1t, 4 to 7 EL1h, 8 to 11 EL0, 12 to 15 EL0 in AArch32. */
.macro vector number
        .section .vector.\number, "ax"
.endm

.macro vector_of_nothing number
        vector  \number
        b       kernel_fault
.endm

        .global exception_vectors, el0_slow, crossing_resume, crossing_resume_sp

        vector  0
exception_vectors:
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

        vector_of_nothing 1
        vector_of_nothing 2
        vector_of_nothing 3

/*
 * The kernel itself: only the checked copy may abort, and then only by data abort.  ELR_EL1 and
 * SPSR_EL1 of the user are put back by usercopy.c.
 */
        vector  4
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
        b       kernel_fault

        vector_of_nothing 5
        vector_of_nothing 6
        vector_of_nothing 7

        vector  8
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

        /* No svc that has a path.  Aborts of a domain with a fault portal have one of their own. */
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
        b       el0_slow

        vector  9                       /* IRQ */
        stp     x9, x10, [sp, #THREAD_X + 72]
        save_context THREAD_X
        enter_c
        bl      kernel_on_interrupt
        b       crossing_resume

        vector_of_nothing 10            /* FIQ: never configured */

        vector  11                      /* SError */
        stp     x9, x10, [sp, #THREAD_X + 72]
        save_context THREAD_X
        enter_c
        bl      kernel_on_serror
        b       crossing_resume

        vector_of_nothing 12            /* no domain runs in AArch32 */
        vector_of_nothing 13
        vector_of_nothing 14
        vector_of_nothing 15

/* Everything else that EL0 does synchronously; x9 and x10 are saved, all else is as it was. */
        behind_vector 10
el0_slow:
        save_context THREAD_X
        mrs     x1, esr_el1
        enter_c
        bl      kernel_on_exception
        b       crossing_resume

/* void crossing_resume(struct cross_thread *thread); crossing_resume_sp: it is in sp. */
        behind_vector 12
crossing_resume:
        mov     sp, x0
crossing_resume_sp:
        ldr     x12, [sp, #THREAD_IS_LIGHT]
        ldp     x9, x10, [sp, #THREAD_SP]
        cbnz    x12, crossing_resume_light
        ldr     x11, [sp, #THREAD_PSTATE]
        restore_context THREAD_X
        eret

        behind_vector 13
crossing_resume_light:
        str     xzr, [sp, #THREAD_IS_LIGHT]
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

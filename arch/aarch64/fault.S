/*
 * Faults: an abort in a domain with a fault portal, and the handler's answer.
 *
 * Enters from vectors.S (el0_fault: the domain has a fault portal, and no fault of the thread is
 * being handled yet) and from crossing.S (fault_return).  The context is saved where it stays while
 * the handler runs; C only finds out what the handler is to be told.  With more than one CPU C does
 * it all: it might have to wait for the kernel lock halfway.
 */
#include "entry.h"

#define FAULT_VERDICT_RESTART 1         /* asserted in core/fault.c; 2 is skip */

        .text
        .global el0_fault
el0_fault:
        ldp     x9, x10, [sp, #THREAD_X + 72]
        add     sp, sp, #THREAD_FAULT   /* in reach of stp */
        stp     x9, x10, [sp, #72]
        save_context 0                  /* x9: sp, x10: pc */
        sub     sp, sp, #THREAD_FAULT
        mrs     x1, tpidr_el1
        ldr     w1, [x1, #CPU_IS_SHARED]
        cbnz    w1, fault_in_c
        ldp     x1, x14, [sp, #THREAD_DOMAIN]
        ldr     x12, [x1, #DOMAIN_FAULT_PORTAL]
        ldp     x13, x11, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_DOMAIN)]
        ldr     x21, [x13, #DOMAIN_TTBR]
        cbz     x21, fault_in_c
        ldr     x3, [sp, #THREAD_FP_STATE]
        tbnz    x3, #0, fault_in_c      /* FP_STATE_LIVE */
        tbz     x14, #FRAME_SPECIAL_BIT, 1f
        tbz     x14, #FRAME_TAG_BIT, fault_in_c
        sub     x14, x14, #FRAME_TAG
1:      call_claim fault_in_c
        stp     x1, x11, [x14, #FRAME_CALLER]
        stp     x9, x10, [x14], #FRAME_BYTES
        ldr     x15, [x11, #RECORD_CALLS]
        add     x15, x15, #1
        str     x15, [x11, #RECORD_CALLS]
        mov     w15, #RECORD_FLAG_FAULT
        str     w15, [x11, #RECORD_FLAGS]
        str     x15, [sp, #THREAD_HAS_FAULT]
        str     x3, [sp, #THREAD_FAULT_FP]
        str     xzr, [sp, #THREAD_FP_STATE]
        stp     x13, x14, [sp, #THREAD_DOMAIN]
        mov     x19, x11
        mov     x20, x12
        mov     x22, sp
        mrs     x2, esr_el1
        enter_c
        bl      kernel_on_fault
        mov     sp, x22
        ldr     x12, [x19, #RECORD_STACK]
        ldp     x14, x13, [x20, #(PORTAL_OBJECT_BYTES + PORTAL_ENTRY)]
        msr     ttbr0_el1, x21
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

        behind_vector 1
fault_in_c:
        mrs     x1, esr_el1
        enter_c
        bl      kernel_on_slow_fault
        b       crossing_resume

/* x0: verdict; x10 frame, x11 caller's domain, x12 record, w14 its flags. */
        .global fault_return
        before_vectors
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

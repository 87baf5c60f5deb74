/*
 * Entry and exit: the pieces of code that saving and loading a thread's registers are made of, for
 * the assembly files that begin at a vector.
 *
 * In all of them sp is the running thread's struct cross_thread (arch/crossing.h) and interrupts
 * are masked.
 */
#pragma once

#include "arch/crossing.h"

#ifdef __ASSEMBLER__

        .arch   armv8-a+fp+simd

/*
 * A vector has 128 bytes, and most need one instruction of them: behind it there is room for code
 * that is somewhere else anyway.  Here goes what comes behind vector `number` (kernel.ld sees that
 * it fits).
 */
.macro behind_vector number
        .section .vector.\number\().behind, "ax"
.endm

/* The hole before the vectors is filled with small things; this is one more. */
.macro before_vectors
        .section .before_vectors, "ax"
.endm

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

/* Onto the CPU's kernel stack. */
.macro enter_stack
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
.endm

/* The same, and x0 = thread. */
.macro enter_c
        mov     x0, sp
        enter_stack
.endm

/* Zero these registers, two a load. */
.macro zero_pair a, b
        ldp     \a, \b, [sp, #THREAD_ZERO]
.endm

/* A system call that switches: of its context, x0 and x1 (both 0) and what a svc keeps. */
.macro save_light
        stp     xzr, xzr, [sp, #THREAD_X + 0]
        stp     x18, x19, [sp, #THREAD_X + 144]
        stp     x20, x21, [sp, #THREAD_X + 160]
        stp     x22, x23, [sp, #THREAD_X + 176]
        stp     x24, x25, [sp, #THREAD_X + 192]
        stp     x26, x27, [sp, #THREAD_X + 208]
        stp     x28, x29, [sp, #THREAD_X + 224]
        str     x30, [sp, #THREAD_X + 240]
        mrs     x10, sp_el0
        mrs     x11, elr_el1
        stp     x10, x11, [sp, #THREAD_SP]
        str     x8, [sp, #THREAD_IS_LIGHT] /* the call's number, not 0 */
.endm

/*
 * Take a stack of the portal in x12 for the thread, beginning with the one in x11, or go to `slow`.
 * x15 and x17 are used.
 */
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

#endif

/*
 * System calls: svc #2.
 *
 * Enters from vectors.S: x8 number, x0..x7 arguments.  The handlers are C functions of x0..x7 that
 * return status and value in x0 and x1, and keep x18..x29 as any C function does, so nothing else
 * is saved unless the call leaves work behind.  Doing nothing needs no C, nor do the calls of
 * event.S mostly.
 */
#include "entry.h"

/* Asserted in core/syscall.c against the ABI. */
#define SYS_COUNT_LIMIT         48
#define SYS_EVENT_SIGNAL_NUMBER 32
#define SYS_EVENT_WAIT_NUMBER   33

/* struct spinlock; asserted in base/spinlock.h. */
#define LOCK_OWNER     4
#define LOCK_IS_SHARED 8

        .text
        .global system_call_path, system_call_in_c
system_call_path:
        ldr     x9, [sp, #THREAD_DOMAIN]
        ldr     x10, [x9, #DOMAIN_MASK]
        cmp     x8, #SYS_COUNT_LIMIT
        b.hs    el0_slow
        lsr     x10, x10, x8
        tbz     x10, #0, el0_slow
        cbz     x8, null_call
        cmp     x8, #SYS_EVENT_SIGNAL_NUMBER
        b.eq    signal_path
        cmp     x8, #SYS_EVENT_WAIT_NUMBER
        b.eq    wait_path
system_call_in_c:
        str     x30, [sp, #THREAD_X + 240]
        adrp    x10, syscall_table
        add     x10, x10, :lo12:syscall_table
        ldr     x10, [x10, x8, lsl #3]
        ldr     x9, [sp, #THREAD_KERNEL_STACK]
        mov     sp, x9
        adrp    x9, kernel_lock
        add     x9, x9, :lo12:kernel_lock
        ldr     w11, [x9, #LOCK_IS_SHARED]
        cbnz    w11, lock_wait
system_call_locked:
        blr     x10
        mrs     x9, tpidr_el1
        ldr     w10, [x9, #CPU_EXIT_WORK]
        cbnz    w10, system_call_exit_work
        adrp    x11, kernel_lock
        add     x11, x11, :lo12:kernel_lock
        ldr     w12, [x11, #LOCK_IS_SHARED]
        cbnz    w12, lock_drop
system_call_unlocked:
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

        behind_vector 14
system_call_exit_work:
        ldr     x10, [x9, #CPU_CURRENT] /* C has restored x19..x29; now save what the call kept */
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

        behind_vector 7
lock_wait:
        ldaxr   w11, [x9]               /* draw a ticket (base/spinlock.h) */
        add     w12, w11, #1
        stxr    w13, w12, [x9]
        cbnz    w13, lock_wait
        add     x14, x9, #LOCK_OWNER
        ldar    w12, [x14]              /* pairs with the stlr of the holder before us */
        cmp     w12, w11
        b.eq    system_call_locked
        stp     x0, x1, [sp, #-80]!
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        str     x10, [sp, #64]
        mov     w0, w11
        bl      kernel_lock_wait
        mov     w9, w0
        ldr     x10, [sp, #64]
        ldp     x6, x7, [sp, #48]
        ldp     x4, x5, [sp, #32]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp], #80
        cbnz    w9, system_call_locked
        bl      kernel_on_recall        /* the call and its arguments are the past's */
        b       crossing_resume

        behind_vector 5
lock_drop:
        add     x11, x11, #LOCK_OWNER
        ldr     w12, [x11]
        add     w12, w12, #1
        stlr    w12, [x11]              /* pairs with the ldar of the next holder */
        dmb     ish                     /* pairs with the one in ticket_sleep() */
        adrp    x11, kernel_lock_sleepers
        ldr     w12, [x11, :lo12:kernel_lock_sleepers]
        cbz     w12, system_call_unlocked
        stp     x0, x1, [sp, #-16]!
        bl      kernel_lock_wake
        ldp     x0, x1, [sp], #16
        mrs     x9, tpidr_el1
        b       system_call_unlocked

null_call:
        mov     x0, #0                  /* STATUS_OK */
        zero_pair x9, x10
        eret

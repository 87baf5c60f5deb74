/*
 * Events: signalling and waiting, when they need no more than a look at the event and, at most, a
 * switch between two threads.
 *
 * Enters from system_call.S with x9 = the caller's domain, x0 and x1 arguments; whatever is not the
 * common case goes to C with nothing changed but the event's bits.  The two that switch are for one
 * CPU: with more of them, CPU_IS_SHARED sends them to C, which takes the kernel lock.
 *
 * A thread that a signal preempts, or that it wakes and that isn't urgent, is not put into a queue:
 * it is its CPU's `suspended` thread (see core/scheduler.h), the first to go on when the one that
 * runs waits.
 */
#include "entry.h"

#define THREAD_STATE_RUNNING_NUMBER 1   /* asserted in core/event.c */
#define THREAD_STATE_WAITING_NUMBER 2
#define RIGHT_WAIT_BIT              6

/* x0: handle.  x12: the event, x13: its word, x10: the slot. */
.macro event_lookup
        ldr     x10, [x9, #DOMAIN_CHUNK0]
        bfi     x10, x0, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
        ldar    x11, [x10]              /* SLOT_KEY; pairs with key_refresh() */
        eor     x11, x11, #KEY_SIGNALLABLE
        cmp     x11, x0
        b.ne    system_call_in_c        /* no event, or none that may be signalled */
        ldr     x12, [x10, #SLOT_OBJECT]
        ldr     x13, [x12, #(EVENT_OBJECT_BYTES + EVENT_WORD)]
        cbz     x13, system_call_in_c
.endm

/* The thread can leave the CPU without C: no live FP registers, no deadline to arm. */
.macro check_leave slow
        ldp     x10, x11, [sp, #THREAD_FP_STATE]
        tbnz    x10, #0, \slow          /* FP_STATE_LIVE */
        cbnz    x11, \slow              /* THREAD_IS_LAZY */
.endm

/* The thread in x15 has a view, whose TTBR value goes to x16. */
.macro check_view slow
        ldr     x16, [x15, #THREAD_DOMAIN]
        ldr     x16, [x16, #DOMAIN_TTBR]
        cbz     x16, \slow
.endm

        .text
/* x0: handle, x1: bits. */
        .global signal_path
signal_path:
        event_lookup
        ldr     x14, [x10, #SLOT_BADGE]
        cmp     x14, #0
        csinv   x14, x14, xzr, ne       /* no badge: every bit */
        and     x14, x14, x1
1:      ldxr    x15, [x13]
        orr     x15, x15, x14
        stlxr   w16, x15, [x13]         /* what we wrote before is there when the bits are taken */
        cbnz    w16, 1b
        dmb     ish                     /* pairs with waiter_register()'s: either sees the other */
        ldr     x15, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        cbnz    x15, signal_wake
event_done:
        mov     x0, #0                  /* STATUS_OK */
        zero_pair x9, x10
        zero_pair x11, x12
        zero_pair x13, x14
        zero_pair x15, x16
        eret

/* The thread in x15 waits for the event. */
signal_wake:
        cbz     x14, event_done
        mrs     x9, tpidr_el1
        ldr     x10, [x9, #CPU_EXIT_WORK] /* and CPU_IS_SHARED */
        cbnz    x10, signal_in_c
        ldr     x10, [x9, #CPU_SUSPENDED]
        cbnz    x10, signal_in_c
        ldr     w10, [x15, #THREAD_TIMEOUT_RANK]
        cbnz    w10, signal_in_c
        ldr     x10, [x15, #THREAD_BUDGET_END]
        cbnz    x10, signal_in_c        /* the timer has to look after it */
        ldr     w10, [x15, #THREAD_PRIORITY]
        ldr     w11, [sp, #THREAD_PRIORITY]
        cmp     w10, w11
        b.ls    signal_wake_later
        check_leave signal_in_c
        check_view signal_in_c
        str     xzr, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        str     xzr, [x15, #THREAD_WAITING_EVENT]
        str     wzr, [sp, #THREAD_STATE] /* ready */
        mov     x10, sp
        str     x10, [x9, #CPU_SUSPENDED]

/* From the thread at sp to the one in x15, whose view is x16.  x9: this CPU. */
switch_thread:
        save_light
        mov     w10, #THREAD_STATE_RUNNING_NUMBER
        str     w10, [x15, #THREAD_STATE]
        mrs     x10, cntvct_el0
        ldr     x11, [x9, #CPU_SWITCHED_AT]
        str     x10, [x9, #CPU_SWITCHED_AT]
        sub     x10, x10, x11
        ldr     x11, [sp, #THREAD_CPU_TICKS]
        add     x11, x11, x10
        str     x11, [sp, #THREAD_CPU_TICKS]
        ldr     x11, [x15, #THREAD_DISPATCHES]
        add     x11, x11, #1
        str     x11, [x15, #THREAD_DISPATCHES]
        mrs     x10, tpidr_el0
        str     x10, [sp, #THREAD_TPIDR]
        ldr     x10, [x15, #THREAD_TPIDR]
        msr     tpidr_el0, x10
        str     x15, [x9, #CPU_CURRENT]
        msr     ttbr0_el1, x16
        mov     sp, x15
        b       crossing_resume_sp

/*
 * It isn't more urgent, so this thread goes on, and it becomes the suspended one.  That comes
 * before its equals in the queues: there must be none.  If it is this thread's equal, the timer
 * must interrupt by the end of this thread's turn, which is compared if it began with its dispatch.
 */
        behind_vector 1
signal_wake_later:
        ldr     x16, [x9, #CPU_READY_MASK]
        lsr     x16, x16, x10
        tbnz    w16, #0, signal_in_c
        b.ne    1f
        ldr     x10, [sp, #THREAD_TURN_END]
        cbnz    x10, signal_in_c
        ldp     x10, x11, [x9, #CPU_TURN_TICKS]
        ldr     x16, [x9, #CPU_SWITCHED_AT]
        add     x10, x10, x16
        cmp     x11, x10
        b.hi    signal_in_c
1:      str     xzr, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        str     xzr, [x15, #THREAD_WAITING_EVENT]
        str     xzr, [x15, #THREAD_TURN_END]
        str     wzr, [x15, #THREAD_STATE] /* ready */
        str     x15, [x9, #CPU_SUSPENDED]
        b       event_done

        behind_vector 2
signal_in_c:
        save_light
        mov     x1, x12
        enter_c
        bl      kernel_on_signal
        b       crossing_resume

/* x0: handle, x1: deadline. */
        .text
        .global wait_path
wait_path:
        event_lookup
        ldr     w14, [x10, #SLOT_RIGHTS]
        tbz     w14, #RIGHT_WAIT_BIT, system_call_in_c
        ldar    x14, [x13]              /* pairs with the stlxr in signal_path */
        cbnz    x14, event_done
        cbnz    x1, wait_in_c
        mrs     x9, tpidr_el1
        ldr     x10, [x9, #CPU_EXIT_WORK] /* and CPU_IS_SHARED */
        cbnz    x10, wait_in_c
        ldr     x10, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        cbnz    x10, wait_in_c
        ldr     x15, [x9, #CPU_SUSPENDED]
        cbz     x15, wait_in_c
        ldr     x10, [x9, #CPU_READY_MASK]
        ldr     w11, [x15, #THREAD_PRIORITY]
        lsr     x10, x10, x11
        cmp     x10, #1
        b.hi    wait_in_c               /* somebody in the queues is more urgent */
        check_leave wait_in_c
        check_view wait_in_c
        mov     x10, sp
        str     x10, [x12, #(EVENT_OBJECT_BYTES + EVENT_WAITER)]
        str     x12, [sp, #THREAD_WAITING_EVENT]
        mov     w10, #THREAD_STATE_WAITING_NUMBER
        str     w10, [sp, #THREAD_STATE]
        str     xzr, [sp, #THREAD_TURN_END]
        str     xzr, [x9, #CPU_SUSPENDED]
        b       switch_thread

        behind_vector 3
wait_in_c:
        mov     x2, x1
        save_light
        mov     x1, x12
        enter_c
        bl      kernel_on_wait
        b       crossing_resume

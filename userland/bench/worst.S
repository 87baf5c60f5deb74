// What the threads of worst_load.c execute; see there.  None has a stack: a handle, a word or a
// deadline is all that each needs.

        .equ    SYS_THREAD_EXIT, 23
        .equ    SYS_THREAD_PARK, 27
        .equ    STATUS_WOULD_BLOCK, 16

        .text
// x0: struct worst_call.  Calls with a deadline, and ends.
        .global entry_worst_call
        .type   entry_worst_call, %function
entry_worst_call:
        ldp     x8, x13, [x0]
        mov     x9, xzr
        mov     x10, xzr
        mov     x11, xzr
        mov     x12, xzr
        svc     #3
        mov     x8, #SYS_THREAD_EXIT
        svc     #2
        .size   entry_worst_call, . - entry_worst_call

// x0: struct worst_sleep.  Sleeps for somebody, until it is woken, and ends.
        .global entry_worst_sleep
        .type   entry_worst_sleep, %function
entry_worst_sleep:
        mov     x19, x0
1:      ldp     x0, x3, [x19]
        mov     x1, xzr
        mov     x2, xzr                 // no deadline
        mov     x8, #SYS_THREAD_PARK
        svc     #2
        cmp     x0, #STATUS_WOULD_BLOCK
        b.eq    1b
        mov     x8, #SYS_THREAD_EXIT
        svc     #2
        .size   entry_worst_sleep, . - entry_worst_sleep

// A portal's entry: sleeps on the word at x13, and never returns.
        .global entry_worst_inside
        .type   entry_worst_inside, %function
entry_worst_inside:
        mov     x19, x13
1:      mov     x0, x19
        mov     x1, xzr
        mov     x2, xzr
        mov     x3, xzr
        mov     x8, #SYS_THREAD_PARK
        svc     #2
        b       1b
        .size   entry_worst_inside, . - entry_worst_inside

        .section .note.GNU-stack, "", %progbits

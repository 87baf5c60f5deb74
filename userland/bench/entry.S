// Exact pieces of code; see entry.h.  Entered at EL0 with the C calling convention, except for
// entry_thread_*, which are where bare threads start.

        .equ    SYS_THREAD_EXIT, 23
        .equ    SYS_THREAD_PARK, 27

        .text
        .global entry_thread_counted
        .type   entry_thread_counted, %function
entry_thread_counted:
        mov     x8, #SYS_THREAD_EXIT
        isb
        mrs     x1, pmevcntr0_el0
        str     x1, [sp, #-16]
        svc     #2
        brk     #0
        .size   entry_thread_counted, . - entry_thread_counted

        .global entry_thread_timed
        .type   entry_thread_timed, %function
entry_thread_timed:
        mov     x8, #SYS_THREAD_EXIT
        isb
        mrs     x1, cntvct_el0
        str     x1, [sp, #-16]
        svc     #2
        brk     #0
        .size   entry_thread_timed, . - entry_thread_timed

        .global entry_thread_parked
        .type   entry_thread_parked, %function
entry_thread_parked:
        adr     x0, 1f
        ldr     w1, [x0]
        mov     x2, xzr                 // no deadline
        mov     x8, #SYS_THREAD_PARK
        svc     #2
        b       entry_thread_parked
1:      .word   0
        .size   entry_thread_parked, . - entry_thread_parked

        .global entry_fp
        .type   entry_fp, %function
entry_fp:
        movi    v0.2d, #0
        ret
        .size   entry_fp, . - entry_fp

        .global entry_fault
        .type   entry_fault, %function
entry_fault:
        ldr     xzr, [x0]
        ret
        .size   entry_fault, . - entry_fault

        .global entry_list_sum
        .type   entry_list_sum, %function
entry_list_sum:
        mov     x1, xzr
1:      ldp     x2, x0, [x0]            // struct list_node
        add     x1, x1, x2
        cbnz    x0, 1b
        mov     x0, x1
        ret
        .size   entry_list_sum, . - entry_list_sum

        .section .note.GNU-stack, "", %progbits

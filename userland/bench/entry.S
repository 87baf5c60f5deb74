// Exact pieces of code; see entry.h.  Entered at EL0 with the C calling convention, except for
// entry_thread_exit, which is where a bare thread starts: no stack, x0 = argument.

        .equ    SYS_THREAD_EXIT, 23

        .text
        .global entry_thread_exit
        .type   entry_thread_exit, %function
entry_thread_exit:
        mov     x8, #SYS_THREAD_EXIT
        svc     #2
        brk     #0
        .size   entry_thread_exit, . - entry_thread_exit

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

        .section .note.GNU-stack, "", %progbits

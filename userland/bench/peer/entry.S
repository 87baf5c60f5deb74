// Portals of the peer that are exact numbers of instructions; entered as abi/syscall.h says.

        .equ    FAULT_SKIP, 2

        .text

// A fault's handler: go on behind the instruction.
        .global peer_entry_fault
        .type   peer_entry_fault, %function
peer_entry_fault:
        mov     x0, #FAULT_SKIP
        svc     #1
        .size   peer_entry_fault, . - peer_entry_fault

// A service that computes: one FP instruction, then back.
        .global peer_entry_fp
        .type   peer_entry_fp, %function
peer_entry_fp:
        movi    v0.2d, #0
        svc     #1
        .size   peer_entry_fp, . - peer_entry_fp

// Store w1 to [x0], a device register that raises an interrupt, right behind a reading of the
// counter, which is the answer.  The load waits until the store has reached the device.
        .global peer_entry_store
        .type   peer_entry_store, %function
peer_entry_store:
        mov     x3, x0
        isb
        mrs     x0, pmevcntr0_el0
        isb
        str     w1, [x3]
        ldr     w1, [x3]
        svc     #1
        .size   peer_entry_store, . - peer_entry_store

// The sum of a list of struct list_node, the address of whose head is x0.
        .global peer_entry_list_sum
        .type   peer_entry_list_sum, %function
peer_entry_list_sum:
        mov     x1, xzr
1:      ldp     x2, x0, [x0]
        add     x1, x1, x2
        cbnz    x0, 1b
        mov     x0, x1
        svc     #1
        .size   peer_entry_list_sum, . - peer_entry_list_sum

        .section .note.GNU-stack, "", %progbits

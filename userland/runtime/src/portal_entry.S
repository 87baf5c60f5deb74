/*
 * Where portal calls come in.
 *
 * Enters at EL0 on the caller's thread with the registers of abi/syscall.h: x0-x7 words, x8 badge,
 * x9-x12 handles, x13 cookie = struct portal_server *, sp = top of one of the portal's stacks, just
 * below that stack's thread-local block (portal.c lays the stacks out so that TPIDR_EL0 = sp).
 * x18-x30 hold what the caller's stub left; an honest one leaves zeroes.
 *
 * On return x19-x29 go back as they came, because C keeps them; x18 and x30 may have been used and
 * are cleared, x9-x17 and FP/SIMD the kernel clears.
 */

/* void portal_entry(void): builds a struct portal_message on the stack and calls
 * portal_dispatch(server, badge, message), which says how many handles go back. */
        .text
        .global portal_entry
        .type   portal_entry, %function
portal_entry:
        mov     x14, sp
        msr     tpidr_el0, x14
        stp     x0, x1, [sp, #-112]!
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x9, x10, [sp, #64]
        stp     x11, x12, [sp, #80]
        str     x29, [sp, #96]
        mov     x29, xzr                /* backtraces end here; the kernel knows the caller */
        mov     x30, xzr
        mov     x0, x13
        mov     x1, x8
        mov     x2, sp
        bl      portal_dispatch
        mov     x14, x0
        ldr     x29, [sp, #96]
        ldp     x0, x1, [sp]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        mov     x18, xzr
        mov     x30, xzr
        cbnz    w14, 1f
        svc     #1                      /* SVC_RETURN */
1:      ldp     x9, x10, [sp, #64]
        ldp     x11, x12, [sp, #80]
        svc     #4                      /* SVC_RETURN_WITH */
        .size   portal_entry, . - portal_entry

/* void portal_entry_null(void) */
        .global portal_entry_null
        .type   portal_entry_null, %function
portal_entry_null:
        svc     #1
        .size   portal_entry_null, . - portal_entry_null

        .section .note.GNU-stack, "", %progbits

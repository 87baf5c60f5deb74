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

/*
 * enum status portal_call_with(handle_t portal, struct portal_message *m, nsec_t deadline_ns)
 *
 * x19-x30 and TPIDR_EL0 are lost across the call, so they are saved here; then x18-x30 are
 * cleared, for the callee isn't to see them.  d8-d15 are lost too, but programs are compiled to
 * keep nothing there (-ffixed-v8 and on, cmake/program.cmake): saving them would use the FP unit,
 * and a thread that doesn't use it crosses faster.
 */
        .global portal_call_with
        .type   portal_call_with, %function
portal_call_with:
        mrs     x3, tpidr_el0
        stp     x29, x30, [sp, #-128]!
        mov     x29, sp
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     x1, x3, [sp, #96]
        stp     xzr, xzr, [sp, #112]
        mov     x8, x0
        mov     x13, x2
        ldp     x9, x10, [x1, #64]
        ldp     x11, x12, [x1, #80]
        mov     x14, x1
        ldp     x0, x1, [x14]
        ldp     x2, x3, [x14, #16]
        ldp     x4, x5, [x14, #32]
        ldp     x6, x7, [x14, #48]
        ldp     x18, x30, [sp, #112]
        ldp     x19, x20, [sp, #112]
        ldp     x21, x22, [sp, #112]
        ldp     x23, x24, [sp, #112]
        ldp     x25, x26, [sp, #112]
        ldp     x27, x28, [sp, #112]
        mov     x29, xzr
        svc     #3                      /* SVC_CALL_WITH */
        ldp     x14, x15, [sp, #96]
        msr     tpidr_el0, x15
        stp     x0, x1, [x14]
        stp     x2, x3, [x14, #16]
        stp     x4, x5, [x14, #32]
        stp     x6, x7, [x14, #48]
        stp     x9, x10, [x14, #64]
        stp     x11, x12, [x14, #80]
        mov     x0, x8
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #128
        ret
        .size   portal_call_with, . - portal_call_with

        .section .note.GNU-stack, "", %progbits

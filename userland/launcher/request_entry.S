/*
 * Where calls of the launcher's portals come in.
 *
 * Enters at EL0 on the caller's thread with the registers of abi/syscall.h: x0-x7 words, x8 badge,
 * x9-x12 handles, x13 cookie = enum request_kind, sp = top of one of the portal's stacks.  The
 * runtime's own entry would take the monitor, and a caller that vanished would keep it.
 *
 * What the caller left in x18-x30 means nothing and goes back as it came, but for x18 and x30,
 * which are cleared; x9-x17 and FP/SIMD are the kernel's business.
 */

/* void request_entry(void): builds struct portal_message on the stack, then calls
 * request_carry(kind, badge, stack, message), which leaves the answer there. */
        .text
        .global request_entry
        .type   request_entry, %function
request_entry:
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
        mov     x2, x14
        mov     x3, sp
        bl      request_carry
        ldr     x29, [sp, #96]
        ldp     x0, x1, [sp]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x9, x10, [sp, #64]
        ldp     x11, x12, [sp, #80]
        mov     x18, xzr
        mov     x30, xzr
        svc     #4                      /* SVC_RETURN_WITH */
        .size   request_entry, . - request_entry

        .section .note.GNU-stack, "", %progbits

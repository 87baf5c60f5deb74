/*
 * Where threads of child domains, and calls of their portals, start (child.h).
 *
 * Enters at EL0 as abi/syscall.h says.  Nothing here needs data of the program's.
 */

/* void child_entry(struct birth *): run(birth), then signal birth->done, then end. */
        .text
        .global child_entry
        .type   child_entry, %function
child_entry:
        mov     x29, xzr
        mov     x30, xzr
        mov     x19, x0
        ldr     x1, [x0]
        blr     x1
        ldr     x0, [x19, #80]          /* offsetof(struct birth, done) */
        mov     x1, #1                  /* CHILD_DONE */
        mov     x8, #32                 /* SYS_EVENT_SIGNAL */
        svc     #2
1:      mov     x8, #23                 /* SYS_THREAD_EXIT */
        svc     #2
        b       1b
        .size   child_entry, . - child_entry

/*
 * void portal_carry(void): a portal's entry.  The cookie is the C function
 * void handler(uint64_t word[13]); words 0-7, badge, four handles.  What it leaves goes back.
 */
        .global portal_carry
        .type   portal_carry, %function
portal_carry:
        stp     x0, x1, [sp, #-112]!
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        str     x12, [sp, #96]
        mov     x29, xzr
        mov     x30, xzr
        mov     x0, sp
        blr     x13
        ldp     x0, x1, [sp]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x8, x9, [sp, #64]
        ldp     x10, x11, [sp, #80]
        ldr     x12, [sp, #96]
        orr     x14, x9, x10
        orr     x14, x14, x11
        orr     x14, x14, x12
        cbnz    x14, 1f
        svc     #1
1:      svc     #4
        .size   portal_carry, . - portal_carry

/* void portal_bounce(void): a portal's entry that returns at once, without a stack. */
        .global portal_bounce
        .hidden portal_bounce
        .type   portal_bounce, %function
portal_bounce:
        svc     #1
        .size   portal_bounce, . - portal_bounce

/* void thread_leave(void): where a thread starts that is to end at once, without a stack. */
        .global thread_leave
        .hidden thread_leave
        .type   thread_leave, %function
thread_leave:
        mov     x8, #23                 /* SYS_THREAD_EXIT */
        svc     #2
        b       thread_leave
        .size   thread_leave, . - thread_leave

        .section .note.GNU-stack, "", %progbits

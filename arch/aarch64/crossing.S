/*
 * The crossing: portal calls and returns.
 *
 * Enters from vectors.S.  The path works in x9..x17, which every svc gives up, touches no stack,
 * takes no lock and leaves by eret; whatever is not the common case goes to C with nothing changed.
 * x9..x17 are zeroed where the path used them, flags through SPSR_EL1.
 *
 * Source: Arm ARM, "TTBR0_EL1", "Context synchronization event", "Load-Exclusive/Store-Exclusive".
 */
#include "entry.h"

/*
 * The FP registers' contents stay behind at a crossing.  Live ones are cleared and stay open for a
 * few more crossings, since who has used them is likely to go on; then access closes, and the next
 * use traps.  Saved ones are just forgotten.  `top` loses its tag; `state` is 0 if it is to stay
 * so.
 */
.macro leave_fp top, state, base
        sub     \top, \top, #FRAME_TAG
        ldr     \state, [sp, #THREAD_FP_STATE]
        tbz     \state, #0, 89f        /* FP_STATE_LIVE */
        subs    \state, \state, #FP_STATE_CREDIT
        add     \base, sp, #THREAD_ZERO
        ld1     {v0.2d - v3.2d}, [\base]
        ld1     {v4.2d - v7.2d}, [\base]
        ld1     {v8.2d - v11.2d}, [\base]
        ld1     {v12.2d - v15.2d}, [\base]
        ld1     {v16.2d - v19.2d}, [\base]
        ld1     {v20.2d - v23.2d}, [\base]
        ld1     {v24.2d - v27.2d}, [\base]
        ld1     {v28.2d - v31.2d}, [\base]
        msr     fpsr, xzr
        msr     fpcr, xzr
        b.ge    90f
        mov     \base, #CPACR_TRAP_EL0
        msr     cpacr_el1, \base
89:     mov     \state, #FP_STATE_NONE
90:     str     \state, [sp, #THREAD_FP_STATE]
.endm

/*
 * Find the portal that x8 names: x9 caller's domain, x10 slot, x11 record, x12 portal, x13 callee's
 * domain, x14 frame, x16 the callee's TTBR value.
 */
.macro call_lookup far, slow
        ldp     x9, x14, [sp, #THREAD_DOMAIN]
        ldr     x10, [x9, #DOMAIN_CHUNK0]
        bfi     x10, x8, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
\far\()_found:
        ldar    x11, [x10]              /* SLOT_KEY; pairs with key_refresh() */
        cmp     x11, x8                 /* index, generation, kind and right in one word */
        b.ne    \far
        ldr     x12, [x10, #SLOT_OBJECT]
        ldp     x13, x11, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_DOMAIN)]
        ldr     x16, [x13, #DOMAIN_TTBR]
        cbz     x16, \slow
.endm

/* Not in the first chunk, or no handle at all. */
.macro call_lookup_far found, slow
        ldp     x10, x11, [x9, #DOMAIN_CHUNKS]
        ubfx    x12, x8, #CHUNK_SLOTS_LOG2, #(32 - CHUNK_SLOTS_LOG2)
        cbz     x12, \slow
        cmp     x12, x11
        b.hs    \slow
        ldr     x10, [x10, x12, lsl #3]
        bfi     x10, x8, #SLOT_BYTES_LOG2, #CHUNK_SLOTS_LOG2
        ldr     x11, [x10, #SLOT_KEY]
        cmp     x11, x8
        b.ne    \slow
        b       \found
.endm

/* Nothing in here fails. */
.macro call_commit
        mrs     x15, sp_el0
        mrs     x17, elr_el1
        stp     x9, x11, [x14, #FRAME_CALLER]
        stp     x15, x17, [x14], #FRAME_BYTES
        ldp     x17, x15, [x11, #RECORD_CALLS]
        add     x17, x17, #1
        str     x17, [x11, #RECORD_CALLS]
.endm

/* The thread is in the callee, and an eret goes there; x8: badge, `cookie`. */
.macro call_switch cookie
        stp     x13, x14, [sp, #THREAD_DOMAIN]
        ldr     x8, [x10, #SLOT_BADGE]
        ldp     x14, \cookie, [x12, #(PORTAL_OBJECT_BYTES + PORTAL_ENTRY)]
        msr     ttbr0_el1, x16          /* the eret makes it the view: nothing of it is used here */
        msr     elr_el1, x14
        msr     sp_el0, x15
        msr     spsr_el1, xzr
.endm

.macro call_enter
        call_switch x13
        zero_pair x9, x10
        zero_pair x11, x12
        zero_pair x14, x15
        zero_pair x16, x17
        eret
.endm

        .text
/* svc #0.  x8: handle. */
        .global portal_call_path
portal_call_path:
        call_lookup portal_call_far, el0_slow
        tbnz    x14, #FRAME_SPECIAL_BIT, portal_call_fp
        call_claim el0_slow
        call_commit
        call_enter

        behind_vector 6
portal_call_far:
        call_lookup_far portal_call_far_found, el0_slow

/* The caller has FP registers, or its frames are used up. */
        before_vectors
portal_call_fp:
        tbz     x14, #FRAME_TAG_BIT, el0_slow
        and     x15, x14, #(THREAD_DEPTH_MAX - 1) * FRAME_BYTES
        cmp     x15, #(THREAD_DEPTH_MAX - 1) * FRAME_BYTES
        b.eq    el0_slow                /* the end of the frames has no tag: C closes access */
        call_claim el0_slow
        leave_fp x14, x15, x17
        call_commit
        ldr     x17, [sp, #THREAD_FP_STATE]
        cbz     x17, 1f
        add     x14, x14, #FRAME_TAG
1:      b       portal_call_enter

/*
 * svc #3: the same with handles in x9..x12 and a deadline in x13.  A deadline that the CPU's timer
 * will look at in time is only written down; the scheduler arms it if the thread is still inside
 * then, or leaves the CPU.
 */
        .text
        .global portal_call_with_path
portal_call_with_path:
        ldp     x9, x10, [sp, #THREAD_X + 72]
        orr     x14, x11, x12
        orr     x15, x9, x10
        orr     x14, x14, x15
        cbnz    x14, portal_call_handles
        str     x13, [sp, #THREAD_X + 104]
        cbz     x13, 1f
        mrs     x14, tpidr_el1
        ldr     x14, [x14, #CPU_PROGRAMMED_NS]
        sub     x14, x14, #1            /* none programmed, 0, is later than any */
        cmp     x14, x13
        b.hs    el0_slow
1:      call_lookup portal_call_with_far, portal_call_with_slow
        tbnz    x14, #FRAME_SPECIAL_BIT, portal_call_with_slow
        call_claim portal_call_with_slow
        call_commit
        ldr     x17, [sp, #THREAD_X + 104]
        cbz     x17, portal_call_enter
        str     x17, [x11, #RECORD_DEADLINE_NS]
        mov     w17, #RECORD_FLAG_LAZY
        str     w17, [x11, #RECORD_FLAGS]
        str     x17, [sp, #THREAD_IS_LAZY]
portal_call_enter:
        call_enter

        behind_vector 6
portal_call_with_far:
        call_lookup_far portal_call_with_far_found, portal_call_with_slow
portal_call_with_slow:
        mov     x11, xzr                /* no handles; the lookup has used the registers */
        mov     x12, xzr
        ldr     x13, [sp, #THREAD_X + 104]
        b       el0_slow

/*
 * Handles to pass.  C does it when the thread is in the callee, and all that the eret needs is in
 * system registers: so little has to survive C.  It puts what the callee gets where x9..x12 were
 * saved; if it can't, the thread is thrown out again.  The handle that is called may be among those
 * that move, so its slot isn't looked at any more.  No deadline, no FP registers, and one CPU: C
 * might have to wait for the kernel lock with a stack in its hands.
 */
        .text
portal_call_handles:
        cbnz    x13, el0_slow
        mrs     x14, tpidr_el1
        ldr     w14, [x14, #CPU_IS_SHARED]
        cbnz    w14, el0_slow
        stp     x11, x12, [sp, #THREAD_X + 88]
        call_lookup portal_call_handles_far, portal_call_handles_slow
        tbnz    x14, #FRAME_SPECIAL_BIT, portal_call_handles_slow
        call_claim portal_call_handles_slow
        call_commit
        stp     x0, x1, [sp, #THREAD_X + 0]
        stp     x2, x3, [sp, #THREAD_X + 16]
        stp     x4, x5, [sp, #THREAD_X + 32]
        stp     x6, x7, [sp, #THREAD_X + 48]
        mov     x0, x9
        mov     x1, x13
        add     x2, sp, #THREAD_X + 72
        call_switch x3
        stp     x8, x3, [sp, #THREAD_X + 104] /* badge and cookie; where x13 to x16 would be */
        stp     x19, x30, [sp, #THREAD_X + 120]
        mov     x19, sp
        enter_stack
        bl      kernel_on_pass
        mov     sp, x19
        cbnz    w0, portal_call_refused
        ldp     x0, x1, [sp, #THREAD_X + 0]
        ldp     x2, x3, [sp, #THREAD_X + 16]
        ldp     x4, x5, [sp, #THREAD_X + 32]
        ldp     x6, x7, [sp, #THREAD_X + 48]
        ldp     x8, x13, [sp, #THREAD_X + 104]
        ldp     x19, x30, [sp, #THREAD_X + 120]
        ldp     x9, x10, [sp, #THREAD_X + 72]
        ldp     x11, x12, [sp, #THREAD_X + 88]
        zero_pair x14, x15
        zero_pair x16, x17
        eret
portal_call_refused:
        mov     w1, w0
        enter_c
        bl      kernel_on_refusal
        b       crossing_resume
portal_call_handles_far:
        call_lookup_far portal_call_handles_far_found, portal_call_handles_slow
portal_call_handles_slow:
        ldp     x11, x12, [sp, #THREAD_X + 88]
        mov     x13, xzr
        b       el0_slow

/* svc #1.  x10 frame, x11 caller's domain, x12 record. */
        .global portal_return_path
        before_vectors
portal_return_path:
        ldr     x10, [sp, #THREAD_TOP]
        tbnz    x10, #FRAME_SPECIAL_BIT, portal_return_fp
        ldp     x11, x12, [x10, #(FRAME_CALLER - FRAME_BYTES)]
        ldr     w14, [x12, #RECORD_FLAGS]
        cbnz    w14, portal_return_flags
portal_return_unflagged:
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow

        /* Committed. */
        ldp     x16, x17, [x10, #-FRAME_BYTES]!
        stp     x11, x10, [sp, #THREAD_DOMAIN]
portal_return_commit:
        stlr    xzr, [x12]              /* RECORD_THREAD; pairs with the ldaxr in portal_call */
        msr     ttbr0_el1, x13
        msr     sp_el0, x16
        msr     elr_el1, x17
        msr     spsr_el1, xzr
        zero_pair x8, x9                /* x8: STATUS_OK */
        zero_pair x10, x11
        zero_pair x12, x13
        zero_pair x14, x15
        zero_pair x16, x17
        eret

/* The callee has FP registers, or all frames are in use. */
portal_return_fp:
        tbz     x10, #FRAME_TAG_BIT, el0_slow
        sub     x14, x10, #FRAME_TAG
        ldp     x11, x12, [x14, #(FRAME_CALLER - FRAME_BYTES)]
        ldr     w14, [x12, #RECORD_FLAGS]
        cbnz    w14, el0_slow
        ldr     x13, [x11, #DOMAIN_TTBR]
        cbz     x13, el0_slow
        leave_fp x10, x15, x17
        ldp     x16, x17, [x10, #-FRAME_BYTES]!
        cbz     x15, 3f
        add     x10, x10, #FRAME_TAG
3:      stp     x11, x10, [sp, #THREAD_DOMAIN]
        b       portal_return_commit

portal_return_flags:
        cmp     w14, #RECORD_FLAG_LAZY
        b.ne    fault_return
        str     wzr, [x12, #RECORD_FLAGS]
        b       portal_return_unflagged

/*
 * Filling all registers, and storing all of them (registers.h).
 *
 * The functions keep what the procedure call standard wants, and TPIDR_EL0, on the stack; behind an
 * svc only sp is certain, so the struct's address lies there too.
 */
#define NZCV 248
#define Q    256
#define FPSR 768
#define FPCR 776

        .arch   armv8-a+fp+simd

.macro fill_simd
        add     x1, x0, #Q
        ld1     {v0.2d-v3.2d}, [x1], #64
        ld1     {v4.2d-v7.2d}, [x1], #64
        ld1     {v8.2d-v11.2d}, [x1], #64
        ld1     {v12.2d-v15.2d}, [x1], #64
        ld1     {v16.2d-v19.2d}, [x1], #64
        ld1     {v20.2d-v23.2d}, [x1], #64
        ld1     {v24.2d-v27.2d}, [x1], #64
        ld1     {v28.2d-v31.2d}, [x1], #64
        ldp     x2, x3, [x1]
        msr     fpsr, x2
        msr     fpcr, x3
.endm

/* Load flags and all but x0, from x0; then x0. */
.macro fill_general
        ldr     x1, [x0, #NZCV]
        msr     nzcv, x1
        ldp     x2, x3, [x0, #16]
        ldp     x4, x5, [x0, #32]
        ldp     x6, x7, [x0, #48]
        ldp     x8, x9, [x0, #64]
        ldp     x10, x11, [x0, #80]
        ldp     x12, x13, [x0, #96]
        ldp     x14, x15, [x0, #112]
        ldp     x16, x17, [x0, #128]
        ldp     x18, x19, [x0, #144]
        ldp     x20, x21, [x0, #160]
        ldp     x22, x23, [x0, #176]
        ldp     x24, x25, [x0, #192]
        ldp     x26, x27, [x0, #208]
        ldp     x28, x29, [x0, #224]
        ldr     x30, [x0, #240]
        ldp     x0, x1, [x0]
.endm

.macro fill
        fill_simd
        fill_general
.endm

/* Store x2..x30 and flags to x0; x1 and what is stored first may be changed. */
.macro spill_general
        stp     x2, x3, [x0, #16]
        stp     x4, x5, [x0, #32]
        stp     x6, x7, [x0, #48]
        stp     x8, x9, [x0, #64]
        stp     x10, x11, [x0, #80]
        stp     x12, x13, [x0, #96]
        stp     x14, x15, [x0, #112]
        stp     x16, x17, [x0, #128]
        stp     x18, x19, [x0, #144]
        stp     x20, x21, [x0, #160]
        stp     x22, x23, [x0, #176]
        stp     x24, x25, [x0, #192]
        stp     x26, x27, [x0, #208]
        stp     x28, x29, [x0, #224]
        str     x30, [x0, #240]
        mrs     x1, nzcv
        str     x1, [x0, #NZCV]
.endm

/* And SIMD. */
.macro spill
        spill_general
        add     x1, x0, #Q
        st1     {v0.2d-v3.2d}, [x1], #64
        st1     {v4.2d-v7.2d}, [x1], #64
        st1     {v8.2d-v11.2d}, [x1], #64
        st1     {v12.2d-v15.2d}, [x1], #64
        st1     {v16.2d-v19.2d}, [x1], #64
        st1     {v20.2d-v23.2d}, [x1], #64
        st1     {v24.2d-v27.2d}, [x1], #64
        st1     {v28.2d-v31.2d}, [x1], #64
        mrs     x2, fpsr
        mrs     x3, fpcr
        stp     x2, x3, [x1]
.endm

.macro keep
        stp     x29, x30, [sp, #-192]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x1, tpidr_el0
        stp     x0, x1, [sp, #160]
.endm

.macro give_back
        stp     x0, x1, [sp, #176]
        ldr     x0, [sp, #160]
        spill
        ldp     x2, x3, [sp, #176]
        stp     x2, x3, [x0]
        ldr     x1, [sp, #168]
        msr     tpidr_el0, x1
        msr     fpsr, xzr
        msr     fpcr, xzr
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        ldp     x29, x30, [sp], #192
        ret
.endm

.macro function name, number
        .global \name
        .hidden \name
        .type   \name, %function
\name:
        keep
        fill
        svc     #\number
        give_back
        .size   \name, . - \name
.endm

        .text
        function registers_call, 0
        function registers_system, 2
        function registers_call_with, 3

/* Without a look at SIMD registers, and without a use of them: the paths differ by that. */
        .global registers_pass
        .hidden registers_pass
        .type   registers_pass, %function
registers_pass:
        stp     x29, x30, [sp, #-128]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        mrs     x1, tpidr_el0
        stp     x0, x1, [sp, #96]
        fill_general
        svc     #3
        stp     x0, x1, [sp, #112]
        ldr     x0, [sp, #96]
        spill_general
        ldp     x2, x3, [sp, #112]
        stp     x2, x3, [x0]
        ldr     x1, [sp, #104]
        msr     tpidr_el0, x1
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #128
        ret
        .size   registers_pass, . - registers_pass

        .global registers_entry_pass
        .hidden registers_entry_pass
        .type   registers_entry_pass, %function
registers_entry_pass:
        stp     x0, x1, [x13]
        mov     x0, x13
        spill_general
        add     x0, x0, #784
        fill_general
        svc     #1
        .size   registers_entry_pass, . - registers_entry_pass

        .global registers_undefined
        .hidden registers_undefined
        .type   registers_undefined, %function
registers_undefined:
        keep
        fill
        udf     #0
        give_back
        .size   registers_undefined, . - registers_undefined

        .global registers_spin
        .hidden registers_spin
        .type   registers_spin, %function
registers_spin:
        keep
        fill
1:      sub     x0, x0, #1
        cbnz    x0, 1b
        give_back
        .size   registers_spin, . - registers_spin

        .global registers_entry
        .hidden registers_entry
        .type   registers_entry, %function
registers_entry:
        stp     x0, x1, [x13]
        mov     x0, x13
        spill
        add     x0, x0, #784
        fill
        svc     #1
        .size   registers_entry, . - registers_entry

        .global registers_entry_fault
        .hidden registers_entry_fault
        .type   registers_entry_fault, %function
registers_entry_fault:
        add     x0, x13, #784
        fill
        udf     #0
        .size   registers_entry_fault, . - registers_entry_fault

        .global registers_entry_spin
        .hidden registers_entry_spin
        .type   registers_entry_spin, %function
registers_entry_spin:
        add     x0, x13, #784
        fill
        b       .
        .size   registers_entry_spin, . - registers_entry_spin

        .global registers_entry_system
        .hidden registers_entry_system
        .type   registers_entry_system, %function
registers_entry_system:
        add     x0, x13, #784
        fill
        svc     #2
        udf     #0
        .size   registers_entry_system, . - registers_entry_system

        .global registers_entry_slow
        .hidden registers_entry_slow
        .type   registers_entry_slow, %function
registers_entry_slow:
        stp     x0, x1, [x13]
        mov     x0, x13
        spill
        mov     x1, #5000000 & 0xffff
        movk    x1, #5000000 >> 16, lsl #16
1:      sub     x1, x1, #1
        cbnz    x1, 1b
        add     x0, x0, #784
        fill
        svc     #1
        .size   registers_entry_slow, . - registers_entry_slow

        .global registers_entry_nested
        .hidden registers_entry_nested
        .type   registers_entry_nested, %function
registers_entry_nested:
        stp     x0, x1, [x13]
        str     x13, [sp, #-16]!
        mov     x0, x13
        spill
        add     x0, x0, #784
        fill
        svc     #0
        stp     x0, x1, [sp, #-16]!
        ldr     x0, [sp, #16]
        add     x0, x0, #2 * 784
        spill
        ldp     x2, x3, [sp], #16
        stp     x2, x3, [x0]
        add     x0, x0, #784
        fill
        svc     #1
        .size   registers_entry_nested, . - registers_entry_nested

        .section .note.GNU-stack, "", %progbits

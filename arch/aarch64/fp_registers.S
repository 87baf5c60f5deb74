/*
 * Load and store of the FP and SIMD registers (arch/fp.h).
 *
 * Enters: kernel C, EL1, FP not trapped at EL1 (CPACR_EL1.FPEN = 01 or 11).
 *
 * Source: Arm ARM, "Advanced SIMD and floating-point registers".
 */
        .arch   armv8-a+fp+simd

.macro each op, base
        \op     q0, q1, [\base, #0]
        \op     q2, q3, [\base, #32]
        \op     q4, q5, [\base, #64]
        \op     q6, q7, [\base, #96]
        \op     q8, q9, [\base, #128]
        \op     q10, q11, [\base, #160]
        \op     q12, q13, [\base, #192]
        \op     q14, q15, [\base, #224]
        \op     q16, q17, [\base, #256]
        \op     q18, q19, [\base, #288]
        \op     q20, q21, [\base, #320]
        \op     q22, q23, [\base, #352]
        \op     q24, q25, [\base, #384]
        \op     q26, q27, [\base, #416]
        \op     q28, q29, [\base, #448]
        \op     q30, q31, [\base, #480]
.endm

        .text
/* void fp_registers_store(struct fp_registers *area) */
        .global fp_registers_store
fp_registers_store:
        each    stp, x0
        mrs     x1, fpsr
        mrs     x2, fpcr
        add     x0, x0, #512
        stp     x1, x2, [x0]
        ret

/* void fp_registers_load(const struct fp_registers *area) */
        .global fp_registers_load
fp_registers_load:
        each    ldp, x0
        add     x0, x0, #512
        ldp     x1, x2, [x0]
        msr     fpsr, x1
        msr     fpcr, x2
        ret

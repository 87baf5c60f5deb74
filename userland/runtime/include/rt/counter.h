/*
 * The instruction counter, for measuring: PMEVCNTR0_EL0 counts retired instructions of both
 * exception levels, where the kernel found a PMU (startup_get()->has_pmu).
 *
 * Source: Arm ARM, "Performance Monitors Extension", event INST_RETIRED.
 */
#pragma once

#include <stdint.h>

/* Read it, after everything before and before everything behind.  Undefined without a PMU. */
static inline uint64_t counter_instructions(void)
{
    uint64_t value;

    __asm__ volatile("isb\n\tmrs %0, pmevcntr0_el0\n\tisb" : "=r"(value) : : "memory");
    return value;
}

/* The virtual counter, in ticks of CNTFRQ_EL0. */
static inline uint64_t counter_ticks(void)
{
    uint64_t value;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
}

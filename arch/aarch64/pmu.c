/*
 * PMU: two counters, running all the time, readable by everyone.
 *
 * Reading them tells a domain how much work others do, as the virtual counter does;
 * docs/ lists it with the threat model.
 * Source: Arm ARM, "The Performance Monitors Extension", PMCR_EL0 and following.
 */
#include "arch/pmu.h"

#include "arch/cpu.h"

enum {
    PMCR_E = 1U << 0,  /* enable */
    PMCR_P = 1U << 1,  /* reset event counters */
    PMCR_C = 1U << 2,  /* reset cycle counter */
    PMCR_LC = 1U << 6, /* cycle counter overflows at 64 bits */
    PMCR_LP = 1U << 7, /* event counters are 64 bits wide, from PMUv3p5 on */

    PMUSERENR_CR = 1U << 2, /* EL0 may read the cycle counter */
    PMUSERENR_ER = 1U << 3, /* EL0 may read the event counters */

    EVENT_INST_RETIRED = 0x08,
    COUNTER_EVENT_0 = 1U << 0,
    PMUVER_V3P5 = 6,
};

#define COUNTER_CYCLES BIT(31)

bool pmu_is_available(void)
{
    if (!cpu_has_pmu() || bits_field(SYSREG_READ(pmcr_el0), 11, 5) == 0)
        return false;
    return (SYSREG_READ(pmceid0_el0) & BIT(EVENT_INST_RETIRED)) != 0;
}

void pmu_cpu_init(void)
{
    if (!cpu_has_pmu())
        return;
    SYSREG_WRITE(pmuserenr_el0, 0);
    SYSREG_WRITE(pmintenclr_el1, BITS(31, 0));
    SYSREG_WRITE(pmcntenclr_el0, BITS(31, 0));
    if (!pmu_is_available())
        return;

    const bool wide = bits_field(SYSREG_READ(id_aa64dfr0_el1), 8, 4) >= PMUVER_V3P5;

    SYSREG_WRITE(pmevtyper0_el0, EVENT_INST_RETIRED);
    SYSREG_WRITE(pmccfiltr_el0, 0);
    SYSREG_WRITE(pmcr_el0, PMCR_E | PMCR_P | PMCR_C | PMCR_LC | (wide ? PMCR_LP : 0U));
    SYSREG_WRITE(pmcntenset_el0, COUNTER_EVENT_0 | COUNTER_CYCLES);
    SYSREG_WRITE(pmuserenr_el0, PMUSERENR_CR | PMUSERENR_ER);
    isb();
}

uint64_t pmu_instructions(void)
{
    if (!pmu_is_available())
        return 0;
    isb();
    return SYSREG_READ(pmevcntr0_el0);
}

uint64_t pmu_cycles(void)
{
    if (!pmu_is_available())
        return 0;
    isb();
    return SYSREG_READ(pmccntr_el0);
}

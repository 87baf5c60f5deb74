/*
 * PMU: counting instructions and cycles, for `bench` and nobody else.
 *
 * Event counter 0 (PMEVCNTR0_EL0, 32 bits wide before PMUv3p5: take differences modulo
 * 2^32) counts INST_RETIRED and the cycle counter counts cycles, both at
 * EL0 and EL1; user code may read them, and cannot change them.
 * Source: Arm ARM, "The Performance Monitors Extension".
 */
#pragma once

#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether this CPU has PMUv3 with at least one event counter that counts instructions. */
bool pmu_is_available(void);

/* Set up and start the calling CPU's counters; does nothing where there are none. */
BOOT_ONLY void pmu_cpu_init(void);

/* The kernel's own reading of the two; 0 where there are none. */
uint64_t pmu_instructions(void);
uint64_t pmu_cycles(void);

/*
 * MPIDR: the name by which devicetree, GIC and PSCI know a CPU.
 *
 * Four affinity levels of eight bits: 3 at <39:32>, 2 to 0 at <23:0>.  The other bits
 * of MPIDR_EL1 are no part of the name.
 * Source: Arm ARM, "MPIDR_EL1, Multiprocessor Affinity Register".
 */
#pragma once

#include "base/bits.h"

#include <stdint.h>

#define MPIDR_AFFINITY_MASK (BITS(39, 32) | BITS(23, 0))

/* Affinity at `level`, 0 (the CPU within its cluster) to 3. */
static inline unsigned mpidr_affinity(uint64_t mpidr, unsigned level)
{
    return (unsigned)bits_field(mpidr, level == 3 ? 32 : level * 8, 8);
}

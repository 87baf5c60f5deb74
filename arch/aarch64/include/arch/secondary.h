/*
 * Secondary: a CPU that another one switches on.
 *
 * It arrives with the MMU off and knows nothing but where its struct secondary_start lies; head.S
 * takes it from there to C, on its own stack, with the kernel's final tables.
 *
 * Source: Arm DEN 0022, "CPU_ON", "Initial register state".
 */
#pragma once

/* Offsets for head.S, asserted below. */
#define SECONDARY_KERNEL_TABLE 0
#define SECONDARY_STACK_TOP    8
#define SECONDARY_CPU          16

#ifndef __ASSEMBLER__

#include "abi/status.h"
#include "base/path.h"

#include <stddef.h>
#include <stdint.h>

/* Filled before the CPU is switched on, read once by it, by physical address and uncached. */
struct secondary_start {
    uint64_t kernel_table; /* TTBR1_EL1 */
    uint64_t stack_top;
    uint64_t cpu; /* what kernel_on_secondary() gets */
};
_Static_assert(offsetof(struct secondary_start, kernel_table) == SECONDARY_KERNEL_TABLE, "head.S");
_Static_assert(offsetof(struct secondary_start, stack_top) == SECONDARY_STACK_TOP, "head.S");
_Static_assert(offsetof(struct secondary_start, cpu) == SECONDARY_CPU, "head.S");

/*
 * Switch on the CPU with this affinity: kernel_on_secondary(cpu) runs on it, on the stack that ends
 * at `stack_top`.  `start` lies in the direct map and stays until the CPU has arrived.
 * Errors: those of psci_cpu_on().
 */
BOOT_ONLY CHECK_RESULT enum status secondary_switch_on(uint64_t mpidr,
                                                       struct secondary_start *start,
                                                       uintptr_t stack_top, uint64_t cpu);

/* Context: the new CPU, first thing in C.  Forgets the identity map that it came in by. */
BOOT_ONLY void secondary_arrive(void);

/* Implemented by core; interrupts are masked. */
__attribute__((noreturn)) void kernel_on_secondary(uint64_t cpu);
#endif

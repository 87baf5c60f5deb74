/*
 * PSCI: asking the firmware to switch CPUs and the machine on and off.
 *
 * The conduit (smc or hvc) and, for PSCI 0.1, the function numbers come from the
 * devicetree.  From 0.2 on the numbers are the standard's.
 * Source: Arm DEN 0022, "Power State Coordination Interface".
 */
#pragma once

#include "abi/status.h"
#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

enum psci_conduit {
    PSCI_CONDUIT_NONE, /* no firmware interface: every call is refused */
    PSCI_CONDUIT_HVC,
    PSCI_CONDUIT_SMC,
};

struct psci_config {
    enum psci_conduit conduit;
    bool standard_ids;  /* PSCI 0.2 or newer: numbers below are not used */
    uint32_t cpu_on_id; /* PSCI 0.1; 0 if the tree names none */
};

/* Remember how to call.  Context: boot CPU, once. */
BOOT_ONLY void psci_init(const struct psci_config *config);

/* Version as major << 16 | minor; 0 without PSCI, 1 for 0.1, which cannot be asked. */
uint32_t psci_version(void);

/*
 * Start the CPU with this affinity at physical address `entry`, with `context` in x0.
 * Errors: NOT_SUPPORTED, BAD_ARGUMENT (no such CPU or address), BUSY (it is on, or on its
 * way), DENIED (the firmware refused).
 */
BOOT_ONLY CHECK_RESULT enum status psci_cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context);

/* Switch the machine off.  Returns only if the firmware cannot. */
void psci_system_off(void);

/* Restart the machine.  Returns only if the firmware cannot. */
void psci_system_reset(void);

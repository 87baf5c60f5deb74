/*
 * Secondary: bringing up the other CPUs of the devicetree.
 *
 * They are asked for all at once and awaited together.  One that can't be started, isn't fit or
 * doesn't come in time is left out, with a line in the log that says which and why.  Who is in is
 * decided by one compare-and-swap of its state, made by the CPU itself or by the one that waits.
 */
#pragma once

#include "core/machine.h"

/* Context: boot, everything that a CPU needs to run idle is set up; the kernel lock is held. */
void secondaries_start(const struct machine *machine);

/*
 * Wait until each has come, failed, or the time for it is over.  False: one that was switched on
 * may still come, by way of what only booting needs.
 */
CHECK_RESULT bool secondaries_await(void);

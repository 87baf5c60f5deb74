/*
 * Fault: a thread did what the domain it executes in may not.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "base/path.h"
#include "core/thread.h"

/* The thread's context is as at the fault.  Afterwards its domain is stopped, or a handler runs. */
void fault_handle(struct thread *thread, enum fault_reason reason, uint64_t address, uint64_t esr);

/* Count a fault in `domain`, and fill cross.fault_in for its handler from it and fault_regs. */
void fault_describe(struct thread *thread, struct domain *domain, enum fault_reason reason,
                    uint64_t address, uint64_t esr);

/*
 * The handler of the thread's fault in `domain` gave it up, or died: the domain stops with the
 * report that it would have got at once.
 */
void fault_stop(const struct thread *thread, struct domain *domain);

/* Stop the launcher, and the machine with it, with a report. */
BOOT_ONLY void fault_set_launcher(const struct domain *launcher);

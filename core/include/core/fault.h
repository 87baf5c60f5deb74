/*
 * Fault: a thread did what the domain it executes in may not.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "core/thread.h"

/* The thread's context is as at the fault.  Afterwards its domain is stopped, or a handler runs. */
void fault_handle(struct thread *thread, enum fault_reason reason, uint64_t address, uint64_t esr);

/*
 * The thread's context is in cross.fault_regs: let its domain's fault portal handle the fault.  The record and portal that it goes on in; NULL, and nothing has
 * changed, if fault_handle() is to see to it.
 */
struct cross_record *fault_take(struct thread *thread, enum fault_reason reason, uint64_t address,
                                uint64_t esr, struct cross_portal **out);

/*
 * The handler of the thread's fault in `domain` gave it up, or died: the domain stops with the
 * report that it would have got at once.
 */
void fault_stop(const struct thread *thread, struct domain *domain);

/* Stop the launcher, and the machine with it, with a report. */
void fault_set_launcher(const struct domain *launcher);

/*
 * Crash: what is kept of a death, for `crashes` in the shell.
 *
 * Told while the domain is still there, because its addresses, symbols and ids mean nothing once it
 * is taken apart.
 */
#pragma once

#include "policy.h"
#include "supervisor.h"

/* A fault: log the report, and keep it. */
struct inspect_crash *crash_by_fault(const struct child *child, const struct fault_record *record);

/* It didn't answer; `record` (NULL: none) is of the thread that was stopped at it. */
struct inspect_crash *crash_by_silence(const struct child *child, enum heartbeat_pose pose,
                                       uint64_t pc, const struct fault_record *record);

/* It took too many interrupts, child->storm_per_second; `record` as above. */
struct inspect_crash *crash_by_storm(const struct child *child, const struct fault_record *record);

/* It ended itself. */
struct inspect_crash *crash_by_itself(const struct child *child, enum inspect_cause cause,
                                      uint32_t code);

/* What the policy decided after it; `state` is the domain's from now on. */
void crash_decide(struct inspect_crash *crash, const struct policy_decision *decision,
                  enum inspect_state state);

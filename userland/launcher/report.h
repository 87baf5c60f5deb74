/*
 * Report: a fault in words, for people.
 *
 * docs/faults.md explains how to read it; tests compare with it.
 */
#pragma once

#include "supervisor.h"

/* The lines as they went to the log, each with its newline; what doesn't fit is left out. */
struct report {
    char *text; /* ends with a zero */
    size_t room;
    bool is_unsaid; /* the log has had enough of its reports */
};

/* What happened, as the end of a sentence that starts with the domain's name. */
const char *report_reason(uint32_t fault_reason);

/* Whether a fault of this reason is about an address. */
bool report_has_address(uint32_t fault_reason);

/* Log what stopped `child`, and keep it.  Context: before the domain is taken apart. */
void report_fault(const struct child *child, const struct fault_record *record,
                  struct report *report);

/* Log that `child` took too many interrupts; `record` NULL: that is all. */
void report_storm(const struct child *child, const struct fault_record *record,
                  struct report *report);

/* Log that `child` didn't answer, and what its thread did at `pc`; `record` NULL: that is all. */
void report_silence(const struct child *child, enum heartbeat_pose pose, uint64_t pc,
                    const struct fault_record *record, struct report *report);

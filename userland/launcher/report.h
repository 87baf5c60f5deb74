/*
 * Report: a fault in words, for people.
 *
 * docs/faults.md explains how to read it; tests compare with it.
 */
#pragma once

#include "supervisor.h"

/* Log what stopped `child`.  Context: before the domain is taken apart. */
void report_fault(const struct child *child, const struct fault_record *record);

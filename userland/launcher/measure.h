/*
 * Measure: what a domain costs, told by the only one who can make any.
 */
#pragma once

#include "supervisor.h"

/*
 * Make a domain that shares the text of `child` and has one page of stack and one urgent thread,
 * which starts at `entry`, leaves a reading of the counter 16 bytes below its stack's top and ends
 * itself by its first system call; then take it all apart.
 * Errors: BAD_STATE (`child` is down), BAD_ARGUMENT (`entry` is not in its text), whatever the
 * kernel says; nothing is left behind.
 */
CHECK_RESULT enum status measure_domain(const struct child *child, uaddr_t entry,
                                        struct inspect_measure *out);

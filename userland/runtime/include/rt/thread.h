/*
 * Threads of a program's own, beside the one that runs its loop.
 *
 * Most programs need none.  A thread has a stack with a guard page in front, thread-local storage
 * at the top of it, and starts outside the monitor (rt/monitor.h).
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"

/*
 * Start `run(context)` on a new stack; returning from it ends the thread.
 * Ownership: `*out` (may be NULL) is the caller's; the stack lives as long as the domain.
 * Errors: BAD_ARGUMENT (priority above the domain's), OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status thread_start(void (*run)(void *context), void *context, size_t stack_bytes,
                                      uint32_t priority, handle_t *out);

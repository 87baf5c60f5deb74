/*
 * Patience: waiting for an answer while the event loop serves everything else.
 *
 * The shell reads like a program that does one thing after the other, yet it must notice
 * its connections' events at any time.  Whoever starts something that a callback will
 * finish waits here for the callback's flag.
 */
#pragma once

#include "abi/types.h"

#include <stdbool.h>

/* Serve the event loop until `*done` or the deadline (DEADLINE_NEVER: none); `*done` then. */
bool patience_wait(const bool *done, nsec_t deadline_ns);

/* For the callback that has set the flag: end the wait. */
void patience_end(void);

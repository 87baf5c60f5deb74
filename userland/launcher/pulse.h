/*
 * Pulse: asking domains whether their loops come round, and hearing the answers.
 *
 * Asking sets a bit of the domain's event, which it registered when it began.  An answer sets a bit
 * of an event of the launcher's that nobody waits for: it wakes nobody, and is found at the next
 * look.  There are looks only while a domain runs whose manifest entry has `heartbeat-ms`, and they
 * wake no domain that did nothing since it last answered.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "supervisor.h"

CHECK_RESULT enum status pulse_init(void);

/* The event by which domains answer, and the bit for this one. */
handle_t pulse_event(void);
uint64_t pulse_bit(const struct child *child);

/* A life begins, or ends. */
void pulse_begin(struct child *child);
void pulse_end(struct child *child);

/*
 * The child may be asked by `event` from now on.
 * Ownership: takes over `event`, also on error.
 * Errors: BAD_ARGUMENT (it can't be signalled), BAD_STATE (the manifest doesn't want it asked).
 */
CHECK_RESULT enum status pulse_register(struct child *child, handle_t event);

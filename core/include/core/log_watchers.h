/*
 * Log watchers: events that are told that the log has grown.
 *
 * A place is an event's until that dies or the domain that made it ends; a handle that is left
 * keeps it, a watch doesn't.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "core/event.h"

/* Set these bits from now on.  Errors: BUSY (no place is left), PEER_DEAD (its domain is gone). */
CHECK_RESULT enum status log_watchers_add(struct event *event, uint64_t bits);

/* The event takes leave of its domain: its place is free. */
void log_watchers_forget(const struct event *event);

/* The log has grown. */
void log_watchers_signal(void);

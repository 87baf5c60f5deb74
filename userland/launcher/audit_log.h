/*
 * Audit log: what the launcher was asked for, by whom, and what it decided.
 *
 * Each domain of the manifest has its own few places.  A decision like one that is there counts
 * that up; otherwise the oldest of the same domain makes room.  So nobody, however much it asks,
 * can push out what is known about another, and nobody's questions cost memory.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "abi/status.h"
#include "app/inspect.h"

#include <stdbool.h>

enum { AUDIT_LOG_PLACES = 16 }; /* of each domain */

/* `client` is the place of its entry in the manifest, the launcher's own being 0. */
void audit_log_note(uint32_t client, enum inspect_request request, const char *target,
                    enum status decision);

/*
 * The first decision with a number of at least `number`; false: there is none.  The client's name
 * is left empty; `*client` says whose it is.
 */
bool audit_log_next(uint64_t number, struct inspect_decision *out, uint32_t *client);

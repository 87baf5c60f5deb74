/*
 * Listing: records into a buffer, as many as fit, and where to go on.
 */
#pragma once

#include "supervisor.h"

#include "app/inspect.h"

#include <stdbool.h>

struct listing {
    const struct child *child; /* whom it is about; NULL: all, or none in particular */
    uint64_t cursor;           /* in: where to start; out: where to go on, 0 at the end */
    uint8_t *buffer;
    uint32_t record_bytes;
    uint32_t count; /* records in the buffer */
};

/* Whether one more record fits. */
bool listing_has_room(const struct listing *listing);

/* Append a record; it fits. */
void listing_add(struct listing *listing, const void *record);

/*
 * Fill `listing` with the records of `op`, one of INSPECT_DOMAINS to INSPECT_INTERRUPTS
 * but for INSPECT_ADDRESS, INSPECT_CPUS, INSPECT_AUDIT, or INSPECT_CRASHES.
 * Errors: BAD_ARGUMENT (no such listing), BAD_STATE (the child has no domain now), whatever the
 * kernel says.
 */
CHECK_RESULT enum status listing_fill(struct listing *listing, enum inspect_op op);

/* The kernel's handle for the child's domain, 0 for the launcher's own. */
handle_t listing_domain(const struct child *child);

/*
 * Echo requests of both families, and their answers.
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"
#include "net/status.h"

enum { PINGS_MAX = 128 }; /* under way at a time */

/* Called once: OK with the round trip, or TIMED_OUT. */
typedef void (*pinger_done)(void *context, enum status status, uint32_t round_trip_us);

/* Errors: OUT_OF_MEMORY. */
CHECK_RESULT enum status pinger_init(void);

/* Errors: WOULD_BLOCK (too many under way), NOT_FOUND (no route), BAD_STATE (no driver),
 * OUT_OF_MEMORY, BAD_ARGUMENT. */
CHECK_RESULT enum status pinger_start(const struct net_address *address, uint32_t payload_bytes,
                                      pinger_done done, void *context);

/* Nobody waits for this one any more; `done` isn't called.  False: it isn't under way. */
bool pinger_cancel(const void *context);

bool pinger_is_busy(void);

/* Give up what has waited for NET_PING_TIMEOUT_S. */
void pinger_expire(void);

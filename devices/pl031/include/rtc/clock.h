/*
 * `rtc:Clock`: what time it is in the world.
 *
 * One call tells how far Unix time is ahead of the machine's own counter; whoever has
 * the answer needs no further call: now = counter in nanoseconds + offset.  The chip
 * counts whole seconds; the driver finds out when one begins, so the offset gets
 * precise within two seconds of start.
 */
#pragma once

#include <stdbool.h>

#include "rt/portal.h"

#define CLOCK_SERVICE "rtc:Clock"

/* Word 0 of a call; word 0 of the answer: enum status. */
enum clock_operation {
    /* -> word 1: Unix time in seconds; word 2: Unix time in nanoseconds when the counter was 0;
     * word 3: 1 if word 2 is precise, 0 if it may be up to a second late. */
    CLOCK_READ = 0x58,
};

struct clock_reading {
    uint64_t unix_seconds;
    uint64_t offset_ns; /* Unix time in nanoseconds = counter in nanoseconds + this */
    bool is_precise;
};

/* Ask the time.  Errors: PEER_DEAD. */
CHECK_RESULT static inline enum status clock_read(handle_t clock, struct clock_reading *out)
{
    struct portal_message m = {.word = {CLOCK_READ}};
    enum status s = portal_request(clock, &m);

    if (s == STATUS_OK)
        *out = (struct clock_reading){m.word[1], m.word[2], m.word[3] != 0};
    return s;
}

/*
 * Voice: lines in the log that the launcher writes about a domain.
 *
 * The launcher's own text has no limit, and much of it is brought about by others: by being
 * refused, by dying, by being started again.  So what it says about each domain has one.  What is
 * beyond isn't said, and the next line about that domain says how many were left out.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "abi/syscall.h"

#include <stdbool.h>

enum {
    VOICE_BYTES = 16384, /* about each domain, in each LOG_WINDOW_NS */
    VOICE_REPORTS = 8,   /* likewise, of its ends */
    VOICES_MAX = 64,     /* domains that there may be lines about */
};

/* Write "<domain>: <what>".  Ownership: keeps `domain`, which is to live for ever. */
__attribute__((format(printf, 2, 3))) void voice_line(const char *domain, const char *what, ...);

/* Whether the log may have one more report of how `domain` ended; asking counts it.  Ownership: as
 * above. */
bool voice_may_report(const char *domain);

/* A person has asked for something: what is said of it is worth a new window. */
void voice_refresh(const char *domain);

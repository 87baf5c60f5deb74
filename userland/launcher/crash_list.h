/*
 * Crash list: the last deaths, kept as they were told.
 *
 * A few places.  A new death takes an unused one, or that of the oldest death which is not the last
 * of its domain: so a domain that dies all the time can't push out what is known of another.  Only
 * when each place holds another domain's last death does the oldest of all go.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "app/inspect.h"

enum { CRASH_LIST_PLACES = 16 };

/* A place for a death of `domain`, numbered and dated, else zero; good until the next one. */
struct inspect_crash *crash_list_add(const char *domain);

/* The first death with a number of at least `number`; NULL: there is none. */
const struct inspect_crash *crash_list_next(uint64_t number);

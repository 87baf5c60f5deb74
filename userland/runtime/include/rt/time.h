/*
 * Time since the counter's zero, read without a system call.
 *
 * All deadlines of the kernel are on this scale.  What time of day it is, rtc:Clock knows; whoever
 * asked it says so here, and time() and gettimeofday() are right from then on.
 */
#pragma once

#include "abi/types.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

/* Now, in nanoseconds; never runs backwards. */
nsec_t time_now_ns(void);

/* A deadline `ns` from now; never DEADLINE_NEVER. */
nsec_t time_after_ns(nsec_t ns);

/* It is now `unix_ns` since 1970. */
void time_of_day_set(uint64_t unix_ns);

/* Nanoseconds since 1970; 0 as long as nobody has set it. */
uint64_t time_of_day_ns(void);

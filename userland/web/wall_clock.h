/*
 * Wall clock: what time it is in the world, for dates in answers.
 *
 * rtc:Clock says once how far Unix time is ahead of the machine's counter; after that telling the
 * time is an addition.  A machine without such a clock has no dates, and nobody is hurt.
 */
#pragma once

#include "abi/types.h"

/* Start looking for the clock; it may come up later, or die and come back. */
void wall_clock_open(void);

/* Unix seconds at `now_ns` of the counter; 0 while they are not known. */
uint64_t wall_clock_seconds(nsec_t now_ns);

/*
 * Clockwork: lwIP's cyclic timers, run only while somebody needs them.
 *
 * lwIP wants a dozen functions called every so many milliseconds.  Most of the time most of them
 * have nothing to do, so each has a question beside it; an idle stack wakes once a second.
 */
#pragma once

#include "abi/types.h"

/* Start; from now on the loop's timer drives it. */
void clockwork_start(void);

/* Somebody may need a timer that was resting: called at the end of every pass. */
void clockwork_wind(void);

/* Call what is due and say when the next is; for clockwork_start() and tests. */
nsec_t clockwork_run(nsec_t now_ns);

/*
 * Wake load: what keeps the machine busy while wake-ups are measured.
 *
 * All but the spinner runs at lower priorities than the thread that measures.
 */
#pragma once

#include "abi/status.h"

#include <stdbool.h>

struct bench;

/*
 * Traffic: a thread of the peer's domain computes without a break, and a more urgent thread of this
 * one calls portals, sets bits and plays ping-pong with another of the peer's, then sleeps for a
 * moment, over and over.
 */
CHECK_RESULT enum status traffic_start(struct bench *bench);
void traffic_stop(struct bench *bench);

/*
 * A spinner: a thread of the peer's domain computes without a break at the highest priority that
 * its manifest allows, above the thread that measures, with a budget of 50 us in each ms.
 */
CHECK_RESULT enum status spinner_start(struct bench *bench);
void spinner_stop(struct bench *bench);

/*
 * Teardown: a thread makes and ends domains with 1,000 handles, then segments of 1 GiB, a given
 * number of times, and is done.
 */
CHECK_RESULT enum status teardown_start(void);

/* Whether it is; then `*s` says how it went. */
bool teardown_is_done(enum status *s);

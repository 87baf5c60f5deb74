/*
 * Frames that are never given twice: one that was freed is poison from then on, so that the
 * address sanitizer sees whoever still uses it.  Implements domains/frame.h.
 */
#pragma once

#include "abi/types.h"

/* Start over with `left` frames to give. */
void fake_frames_init(uint64_t left);

/* How many more can be had: a test may set it, to have the next allocation fail. */
extern uint64_t fake_frames_left;

/* Frames that were allocated and not freed. */
uint64_t fake_frames_used(void);

/*
 * Ratio: multiplying by a fixed fraction without dividing.
 *
 * Clock ticks become nanoseconds, and back, on every timer operation; a division
 * there costs tens of cycles, and a rounded multiplier drifts.  A ratio keeps the
 * whole part and 64 bits of the fraction, so the result is exact to within one
 * unit over the full 64-bit range.  Results too large for 64 bits saturate.
 */
#pragma once

#include "base/path.h"

#include <stdint.h>

struct ratio {
    uint64_t whole;    /* floor(numerator / denominator) */
    uint64_t fraction; /* the rest, in units of 2^-64, rounded down */
};

/* Prepare multiplication by `numerator` / `denominator`; the latter is not 0. */
BOOT_ONLY struct ratio ratio_make(uint64_t numerator, uint64_t denominator);

/* `value` times the ratio, rounded down; at most 1 below the true quotient. */
uint64_t ratio_apply(const struct ratio *ratio, uint64_t value);

/*
 * The smallest x for which `back` applied to x reaches `value`, where `ratio` is the
 * inverse of `back`: how many ticks it takes until so many nanoseconds have passed.
 */
uint64_t ratio_invert(const struct ratio *ratio, const struct ratio *back, uint64_t value);

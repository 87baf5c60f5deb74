/*
 * Samples: one operation, measured again and again.
 *
 * Under icount an instruction counter has no noise, so nearly all samples of a row are
 * the same number, and the others are the operation plus an interrupt that came in
 * between.  The median is therefore the cost; the mean shows what the interrupts did.
 */
#pragma once

#include "rt/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SAMPLES_MAX = 512,
    SAMPLES_USUAL = 256,
    WARM_UP = 16, /* first rounds, thrown away: they fill tables and allocate */
};

/*
 * The meter: instructions where the machine counts them, else ticks of the counter.
 * Which one is decided once, before the first sample.
 */
struct meter {
    bool counts_instructions;
    uint32_t overhead; /* what an empty pair of readings shows */
    uint32_t counter_hz;
};

extern struct meter meter;

/* Choose the unit and measure the empty pair. */
void meter_init(bool has_pmu, uint32_t counter_hz);

/* A reading.  The event counter has 32 bits, so only differences of readings mean anything. */
static inline uint32_t meter_read(void)
{
    return (uint32_t)(meter.counts_instructions ? counter_instructions() : counter_ticks());
}

/* What ran between two readings, without the readings. */
static inline uint32_t meter_passed(uint32_t begin, uint32_t end)
{
    uint32_t passed = end - begin;

    return passed > meter.overhead ? passed - meter.overhead : 0;
}

/* As rows show it: instructions, or nanoseconds where the meter has ticks. */
static inline uint64_t meter_shown(uint64_t value)
{
    return meter.counts_instructions ? value : value * 1000000000U / meter.counter_hz;
}

struct samples {
    uint32_t count;
    uint32_t skip; /* so many more to throw away */
    uint64_t value[SAMPLES_MAX];
};

/* Start over, with `skip` rounds to warm up. */
void samples_begin(struct samples *samples, uint32_t skip);

/* Rounds to run for `count` samples, warm-up included. */
static inline uint32_t samples_rounds(uint32_t count)
{
    return count + WARM_UP;
}

/* The operation ran between the two readings; of `operations` equal ones, per operation. */
void samples_add(struct samples *samples, uint32_t begin, uint32_t end);

/* Add a value that somebody else measured, in the meter's unit. */
void samples_add_value(struct samples *samples, uint64_t value);

struct summary {
    uint32_t count;
    uint64_t median, least, most;
    uint64_t mean_tenths; /* the exact mean, times ten */
};

/* The value that `percent` of the samples don't exceed (100: the greatest), in the meter's unit, 0
 * without samples.  Sorts them. */
uint64_t samples_percentile(struct samples *samples, uint32_t percent);

/* Divide by `operations`, the number of operations in each sample.  Sorts the samples. */
struct summary samples_summary(struct samples *samples, uint32_t operations);

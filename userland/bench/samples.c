/*
 * The meter, and what many readings of it say.
 */
#include "samples.h"

#include <stdlib.h>

struct meter meter;

void meter_init(bool has_pmu, uint32_t counter_hz)
{
    meter = (struct meter){.counts_instructions = has_pmu, .counter_hz = counter_hz};

    uint32_t least = UINT32_MAX;
    for (unsigned i = 0; i < 64; i++) {
        uint32_t begin = meter_read();
        uint32_t pair = meter_read() - begin;
        if (pair < least)
            least = pair;
    }
    meter.overhead = least;
}

void samples_begin(struct samples *samples, uint32_t skip)
{
    samples->count = 0;
    samples->skip = skip;
}

void samples_add_value(struct samples *samples, uint64_t value)
{
    if (samples->skip > 0)
        samples->skip--;
    else if (samples->count < SAMPLES_MAX)
        samples->value[samples->count++] = value;
}

void samples_add(struct samples *samples, uint32_t begin, uint32_t end)
{
    samples_add_value(samples, meter_passed(begin, end));
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

uint64_t samples_percentile(struct samples *samples, uint32_t percent)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->value, samples->count, sizeof samples->value[0], compare);
    return samples->value[(samples->count - 1) * percent / 100];
}

struct summary samples_summary(struct samples *samples, uint32_t operations)
{
    struct summary out = {.count = samples->count};
    uint64_t total = 0;

    if (out.count == 0)
        return out;
    qsort(samples->value, samples->count, sizeof samples->value[0], compare);
    for (uint32_t i = 0; i < out.count; i++)
        total += samples->value[i];

    /* Ticks become nanoseconds after adding up, so that nothing is rounded twice. */
    out.median = (meter_shown(samples->value[out.count / 2]) + operations / 2) / operations;
    out.least = meter_shown(samples->value[0]) / operations;
    out.most = meter_shown(samples->value[out.count - 1]) / operations;
    out.mean_tenths = meter_shown(total) * 10 / ((uint64_t)out.count * operations);
    return out;
}

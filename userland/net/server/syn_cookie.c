/*
 * The time is counted in periods of 16 seconds: a cookie of this one or the last is good.
 */
#include "syn_cookie.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "chance.h"

enum { ROW_SHIFT = 29, ROW_COUNT = 1 << (32 - ROW_SHIFT) };
#define HASH_MASK ((UINT32_C(1) << ROW_SHIFT) - 1)
#define PERIOD_NS (UINT64_C(16) * 1000000000)

/* What is common on Ethernet and in tunnels; the first for whoever takes less than all others. */
static const uint16_t segment_bytes_of[ROW_COUNT] = {64, 536, 1024, 1220, 1340, 1400, 1440, 1460};

static uint32_t cookie_of(const struct syn_cookie_ends *ends, uint32_t row, uint64_t period)
{
    struct {
        struct syn_cookie_ends ends;
        uint64_t row;
        uint64_t period;
    } hashed = {.ends = *ends, .row = row, .period = period};

    _Static_assert(sizeof hashed == sizeof(struct syn_cookie_ends) + 16, "no padding gets hashed");
    return row << ROW_SHIFT | (chance_mark(&hashed, sizeof hashed) & HASH_MASK);
}

uint32_t syn_cookie_make(const struct syn_cookie_ends *ends, uint16_t segment_bytes,
                         uint64_t now_ns)
{
    uint32_t row = ROW_COUNT - 1;

    while (row > 0 && segment_bytes_of[row] > segment_bytes)
        row--;
    return cookie_of(ends, row, now_ns / PERIOD_NS);
}

uint16_t syn_cookie_segment_bytes(const struct syn_cookie_ends *ends, uint32_t cookie,
                                  uint64_t now_ns)
{
    uint32_t row = cookie >> ROW_SHIFT;
    uint64_t period = now_ns / PERIOD_NS;
    bool is_good = cookie == cookie_of(ends, row, period)
                   || (period > 0 && cookie == cookie_of(ends, row, period - 1));

    return is_good ? segment_bytes_of[row] : 0;
}

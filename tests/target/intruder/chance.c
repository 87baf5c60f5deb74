/*
 * Chance: xorshift64*.
 */
#include "chance.h"

static uint64_t state = 1;

void chance_seed(uint64_t seed)
{
    state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

uint64_t chance_word(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t chance_below(uint64_t limit)
{
    return (chance_word() >> 16) % limit;
}

bool chance_once_in(uint64_t times)
{
    return chance_below(times) == 0;
}

uint64_t chance_edge(void)
{
    static const uint64_t edges[] = {0,          1,
                                     UINT16_MAX, UINT64_C(1) << 16,
                                     INT32_MAX,  UINT64_C(1) << 31,
                                     UINT32_MAX, UINT64_C(1) << 32,
                                     INT64_MAX,  UINT64_C(1) << 63,
                                     UINT64_MAX};
    const uint64_t edge = edges[chance_below(sizeof edges / sizeof edges[0])];

    return chance_once_in(3) ? edge + chance_below(5) - 2 : edge;
}

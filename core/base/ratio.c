/*
 * Ratio: one long division at start, one multiplication for ever after.
 */
#include "base/ratio.h"

#include "base/assert.h"

__extension__ typedef unsigned __int128 product_t;

struct ratio ratio_make(uint64_t numerator, uint64_t denominator)
{
    ASSERT(denominator != 0);

    struct ratio ratio = {.whole = numerator / denominator};
    uint64_t rest = numerator % denominator;

    /* Schoolbook division, a bit at a time: the compiler's 128-bit division is a library call. */
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t carry = rest >> 63;

        rest <<= 1;
        ratio.fraction <<= 1;
        if (carry != 0 || rest >= denominator) {
            rest -= denominator;
            ratio.fraction |= 1;
        }
    }
    return ratio;
}

uint64_t ratio_apply(const struct ratio *ratio, uint64_t value)
{
    const product_t low = ((product_t)value * ratio->fraction) >> 64;
    const product_t sum = (product_t)value * ratio->whole + low;

    return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

uint64_t ratio_invert(const struct ratio *ratio, const struct ratio *back, uint64_t value)
{
    uint64_t result = ratio_apply(ratio, value);

    /* Both roundings are downwards, so this takes at most a step or two. */
    while (result != UINT64_MAX && ratio_apply(back, result) < value)
        result++;
    return result;
}

/*
 * Bits: rounding, counting and cutting fields out of 64-bit words.
 *
 * Everything here is a total function unless its comment says otherwise, and
 * compiles to one to three instructions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The word with only bit `n` set; usable in constant expressions, `n` in 0..63. */
#define BIT(n) (UINT64_C(1) << (n))

/* A mask of bits `high` down to `low`, both included: the manual's <high:low>. */
#define BITS(high, low) ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))

static inline bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Round down to a multiple of `alignment`, a power of two. */
static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

/* Round up to a multiple of `alignment`, a power of two.  Wraps to 0 past the top. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return align_down(value + (alignment - 1), alignment);
}

static inline bool is_aligned(uint64_t value, uint64_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

/* How many `unit`s it takes to hold `value`; `unit` is not 0. */
static inline uint64_t divide_up(uint64_t value, uint64_t unit)
{
    return value / unit + (value % unit != 0);
}

/* Zeros above the highest set bit; 64 for 0. */
static inline unsigned bits_leading_zeros(uint64_t value)
{
    return value == 0 ? 64U : (unsigned)__builtin_clzll(value);
}

/* Zeros below the lowest set bit; 64 for 0. */
static inline unsigned bits_trailing_zeros(uint64_t value)
{
    return value == 0 ? 64U : (unsigned)__builtin_ctzll(value);
}

/* Number of the highest set bit; `value` is not 0. */
static inline unsigned bits_highest(uint64_t value)
{
    return 63U - (unsigned)__builtin_clzll(value);
}

/* The field of `value` that starts at bit `low` and is `width` (1..63) bits wide. */
static inline uint64_t bits_field(uint64_t value, unsigned low, unsigned width)
{
    return (value >> low) & (BIT(width) - 1);
}

/* `value` with that field replaced by the low bits of `field`. */
static inline uint64_t bits_field_set(uint64_t value, unsigned low, unsigned width, uint64_t field)
{
    const uint64_t mask = (BIT(width) - 1) << low;

    return (value & ~mask) | ((field << low) & mask);
}

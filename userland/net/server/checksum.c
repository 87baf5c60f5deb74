/*
 * Adds eight bytes at a time with end-around carry; how they are cut into words doesn't matter
 * until the sum is folded, nor does the order of bytes (RFC 1071, 2 (A) and (B)).
 */
#include "checksum.h"

#include <stdbool.h>
#include <string.h>

static inline uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* One's complement addition. */
static inline uint64_t add(uint64_t sum, uint64_t word)
{
    uint64_t total;
    bool has_carry = __builtin_add_overflow(sum, word, &total);

    return total + has_carry;
}

static inline uint64_t add_32_bytes(uint64_t sum, const uint8_t *bytes)
{
    sum = add(sum, load64(bytes));
    sum = add(sum, load64(bytes + 8));
    sum = add(sum, load64(bytes + 16));
    return add(sum, load64(bytes + 24));
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint16_t checksum_of(const void *data, int length)
{
    const uint8_t *bytes = data;
    uint64_t sum = 0, tail = 0;

    for (; length >= 64; length -= 64, bytes += 64) {
        sum = add_32_bytes(sum, bytes);
        sum = add_32_bytes(sum, bytes + 32);
    }
    for (; length >= 8; length -= 8, bytes += 8)
        sum = add(sum, load64(bytes));
    if (length > 0)
        memcpy(&tail, bytes, (size_t)length); /* as if zeros followed */
    return fold(add(sum, tail));
}

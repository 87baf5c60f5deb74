/*
 * Sums 32-bit words into 64 bits, where no carry gets lost for the first four billion of them.
 * The order of bytes within the sum doesn't matter until it is folded (RFC 1071, 2 (B)).
 */
#include "checksum.h"

#include <string.h>

static uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint64_t halves(uint64_t word)
{
    return (word & UINT32_MAX) + (word >> 32);
}

/* What is left after the last whole eight bytes, as if zeros followed. */
static uint64_t load_tail(const uint8_t *bytes, int length)
{
    uint64_t word = 0;

    memcpy(&word, bytes, (size_t)length);
    return word;
}

uint16_t checksum_of(const void *data, int length)
{
    const uint8_t *bytes = data;
    uint64_t sum_a = 0, sum_b = 0;

    for (; length >= 32; length -= 32, bytes += 32) {
        sum_a += halves(load64(bytes)) + halves(load64(bytes + 16));
        sum_b += halves(load64(bytes + 8)) + halves(load64(bytes + 24));
    }
    for (; length >= 8; length -= 8, bytes += 8)
        sum_a += halves(load64(bytes));
    if (length > 0)
        sum_b += halves(load_tail(bytes, length));

    uint64_t sum = halves(sum_a) + halves(sum_b);
    sum = halves(sum);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

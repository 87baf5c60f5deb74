/*
 * SipHash-2-4: a keyed hash that is fast on short input and can't be foreseen without its key.
 *
 * Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; its test vectors are in
 * the host tests.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t length);

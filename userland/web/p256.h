/*
 * P-256: multiples of the curve's base point, which is what a signature is made of.
 *
 * Constant time: neither branches nor addresses depend on the scalar.  Pure arithmetic, no
 * allocation; the one table of 16 points is computed at the first call.
 */
#pragma once

#include <stdint.h>

enum { P256_BYTES = 32 };

/* The affine coordinates of `scalar` times the base point, all big-endian; 0 < scalar < order. */
void p256_base_multiply(const uint8_t scalar[P256_BYTES], uint8_t x[P256_BYTES],
                        uint8_t y[P256_BYTES]);

/*
 * The Internet checksum (RFC 1071), where the device doesn't compute it.
 */
#pragma once

#include <stdint.h>

/* The one's complement sum of `length` bytes, folded to 16 bits, not inverted, in the byte order
 * of memory: what lwIP calls LWIP_CHKSUM. */
uint16_t checksum_of(const void *data, int length);

/*
 * SYN cookie: an initial sequence number that says what a half-open connection would have kept.
 *
 *      bits 31..29   the peer's maximum segment size, as a row of a table
 *      bits 28..0    keyed hash of both ends, the peer's own number, the row and the time
 *
 * Whoever acknowledges it has seen it, so the address isn't forged, and nothing had to be kept for
 * those whose addresses are.  It holds for 16 to 32 seconds.  A guess is right once in 2^28 times.
 * Source: D. J. Bernstein, "SYN cookies"; RFC 4987 (3.6).
 */
#pragma once

#include <stdint.h>

/* Both ends of a connection; addresses in one form for both families, as in chance.h. */
struct syn_cookie_ends {
    uint8_t local[16], remote[16];
    uint16_t local_port, remote_port;
    uint32_t remote_sequence; /* of the peer's SYN */
};

uint32_t syn_cookie_make(const struct syn_cookie_ends *ends, uint16_t segment_bytes,
                         uint64_t now_ns);

/* The largest segment that the peer takes, rounded down; 0: not a cookie of these ends, or old. */
uint16_t syn_cookie_segment_bytes(const struct syn_cookie_ends *ends, uint32_t cookie,
                                  uint64_t now_ns);

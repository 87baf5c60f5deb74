/*
 * Handshake: what a listener does with segments when too many connections are half-open.
 *
 * Forged SYNs leave connections behind that nobody ever completes.  The first few of a listener
 * lwIP keeps, and they die out in 20 s; from there on SYNs are answered with cookies (syn_cookie.h)
 * straight to the hardware address they came from, and nothing is kept.  The acknowledgement of a
 * cookie brings the connection to life: lwIP is shown the SYN that the peer must have sent, given
 * the cookie as its initial sequence number, and then the acknowledgement itself.
 *
 * Such a connection has no window scale and no selective acknowledgements; the peer sees a second
 * SYN-ACK like the first.
 *
 * In the same way a connection begins whose last one, from the same port, is still remembered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct handshake_counters {
    uint64_t cookies_sent, cookies_honoured;
};

/* The number for a connection that was begun here, if lwIP asks for one of these. */
bool handshake_sequence_number(uint32_t *out);

void handshake_counters_read(struct handshake_counters *out);

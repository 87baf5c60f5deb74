/*
 * Peers behind the gateway: each sends segments of TCP as it likes, and hears the stack's answers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

extern uint16_t peer_window; /* that they say they have */

/* A segment from 11.0.x.x, port 5000, with `data_bytes` (even) of pattern() behind it. */
void peer_send(uint16_t peer, uint16_t port, uint8_t flags, uint32_t sequence,
               uint32_t acknowledged, uint16_t data_bytes);

/* What the stack said last was to this peer, with these flags; the sequence number. */
uint32_t peer_heard(uint16_t peer, uint8_t flags);

/* The far side listens, and the gateway is known; the port. */
uint16_t listen_for_peers(void);

/* The stack's next sequence number. */
uint32_t peer_connect(uint16_t peer, uint16_t port);

/* Acknowledge all that the stack says until it has said `bytes`. */
bool peer_reads(uint16_t peer, uint16_t port, uint32_t own_next, uint32_t bytes);

/*
 * What must not be foreseen: initial sequence numbers, ports, identifiers.
 *
 * All of it comes from one secret of 32 bytes, taken from rng:Entropy (secret.h).  Without an
 * entropy source the secret comes from the words that the launcher gave the program at birth: no
 * two boots are alike then, but somebody who knows how the machine booted may guess it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CHANCE_SECRET_BYTES = 32 };

/* Before anything else here, and again for another secret: marks of before don't hold then. */
void chance_init(const uint8_t secret[CHANCE_SECRET_BYTES]);

/* A number that nobody can foresee from those before it; lwIP's LWIP_RAND too. */
uint32_t random_u32(void);

/* What belongs to these bytes in this boot, and can't be told without its secret. */
uint32_t chance_mark(const void *data, size_t length);

/* A port of the dynamic range (RFC 6335, 49152 to 65535). */
uint16_t random_port(void);

/*
 * The initial sequence number of a connection, RFC 6528: M + F(addresses, ports, secret), where M
 * counts 4-microsecond steps.  `addresses` are 16 bytes each, in one form for both families.
 */
uint32_t chance_sequence_number(const uint8_t local[16], uint16_t local_port,
                                const uint8_t remote[16], uint16_t remote_port, uint64_t now_ns);

/*
 * Randomness: true random bytes from rng:Entropy, and the generator that mbedTLS makes of them.
 *
 * Keys are only as good as this.  Where no entropy source is found nothing here pretends to be
 * one: there is then no TLS at all.
 */
#pragma once

#include "abi/status.h"

/*
 * Connect to rng:Entropy, waiting for it until `deadline_ns`, and seed the generator.
 * Blocks.  Errors: NOT_FOUND, TIMED_OUT or PEER_DEAD (no source), DENIED (manifest), BAD_STATE
 * (seeding).  Where the source is only away, the program ends when it is there, and is started
 * again.
 */
CHECK_RESULT enum status randomness_open(nsec_t deadline_ns);

/* The generator, in the form that mbedTLS takes; `state` is not used. */
int randomness_fill(void *state, unsigned char *out, size_t size);

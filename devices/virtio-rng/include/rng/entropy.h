/*
 * `rng:Entropy`: random bytes from a hardware source, fit for keys.
 *
 * The driver keeps a pool filled ahead, so a call seldom finds it empty.  Each byte
 * is handed out once and wiped.
 */
#pragma once

#include "rt/portal.h"

#define ENTROPY_SERVICE "rng:Entropy"

/* Word 0 of a call; word 0 of the answer: enum status. */
enum entropy_operation {
    /* word 1: bytes wanted, 1..ENTROPY_BYTES -> word 1 the same, words 2..7 the bytes.
     * WOULD_BLOCK: the pool is being filled, try again in a millisecond. */
    ENTROPY_READ = 0x50,
};

enum { ENTROPY_BYTES = 6 * 8 };

/* Get `length` random bytes, at most ENTROPY_BYTES.
 * Errors: WOULD_BLOCK (try again in a millisecond), BAD_ARGUMENT, PEER_DEAD. */
CHECK_RESULT static inline enum status entropy_read(handle_t entropy, void *bytes, size_t length)
{
    struct portal_message m = {.word = {ENTROPY_READ, length}};

    if (length > ENTROPY_BYTES)
        return STATUS_BAD_ARGUMENT;
    enum status s = portal_request(entropy, &m);

    if (s == STATUS_OK)
        __builtin_memcpy(bytes, &m.word[2], length);
    return s;
}

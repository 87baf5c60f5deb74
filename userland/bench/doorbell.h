/*
 * Doorbell: an event of its own for a thread that isn't the loop's, with the word that holds its
 * bits.
 */
#pragma once

#include "rt/syscall.h"

#include <stdatomic.h>

struct doorbell {
    handle_t event;
    handle_t signal; /* to hand out */
    _Atomic uint64_t *pending;
};

/* It stays for as long as the domain.  Errors: OUT_OF_QUOTA, OUT_OF_MEMORY. */
CHECK_RESULT enum status doorbell_create(struct doorbell *out);

/* Wait until it has been rung, and take the bits. */
CHECK_RESULT static inline enum status doorbell_wait(const struct doorbell *doorbell)
{
    enum status s = event_wait(doorbell->event, DEADLINE_NEVER);

    atomic_exchange_explicit(doorbell->pending, 0, memory_order_acquire);
    return s;
}

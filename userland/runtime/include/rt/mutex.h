/*
 * A mutex for threads of one domain: one word, no system call unless somebody must wait.
 *
 * The word is 0 when free, 1 when held, 2 when held and somebody may be waiting.  Not recursive,
 * not fair, and not known to the kernel: a holder of low priority isn't boosted.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mutex {
    _Atomic uint32_t state; /* zero is a free mutex */
};

void mutex_wait(struct mutex *m); /* the slow half of mutex_lock() */
void mutex_wake(struct mutex *m); /* the slow half of mutex_unlock() */

static inline bool mutex_try(struct mutex *m)
{
    uint32_t expected = 0;

    return atomic_compare_exchange_strong_explicit(&m->state, &expected, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void mutex_lock(struct mutex *m)
{
    if (!mutex_try(m))
        mutex_wait(m);
}

static inline void mutex_unlock(struct mutex *m)
{
    if (atomic_exchange_explicit(&m->state, 0, memory_order_release) != 1)
        mutex_wake(m);
}

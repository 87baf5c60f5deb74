/*
 * A mutex for threads of one domain: one word, no system call unless somebody must wait.
 *
 * The word is 0 when free; held, it is the holder's TPIDR_EL0, which is an address in the stack
 * that it runs on, and MUTEX_CONTENDED if somebody may be waiting.  So whoever waits can tell the
 * kernel for whom: the holder is as urgent meanwhile.  Not recursive, not fair.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MUTEX_CONTENDED UINT64_C(1)

struct mutex {
    _Atomic uint64_t state; /* zero is a free mutex */
};

void mutex_wait(struct mutex *m); /* the slow half of mutex_lock() */
void mutex_wake(struct mutex *m); /* the slow half of mutex_unlock() */

static inline uint64_t mutex_self(void)
{
    uint64_t self;

    __asm__("mrs %0, tpidr_el0" : "=r"(self));
    return self;
}

static inline bool mutex_try(struct mutex *m)
{
    uint64_t expected = 0;

    return atomic_compare_exchange_strong_explicit(&m->state, &expected, mutex_self(),
                                                   memory_order_acquire, memory_order_relaxed);
}

static inline void mutex_lock(struct mutex *m)
{
    if (!mutex_try(m))
        mutex_wait(m);
}

static inline void mutex_unlock(struct mutex *m)
{
    if ((atomic_exchange_explicit(&m->state, 0, memory_order_release) & MUTEX_CONTENDED) != 0)
        mutex_wake(m);
}

/* Whether the calling thread holds it, or has left it behind on this stack. */
static inline bool mutex_is_mine(const struct mutex *m)
{
    return (atomic_load_explicit(&m->state, memory_order_relaxed) & ~MUTEX_CONTENDED)
           == mutex_self();
}

/*
 * Waiting for a mutex: the kernel parks who must wait, by the word's address, and lends the
 * holder its priority.
 */
#include "rt/mutex.h"

#include "rt/syscall.h"

/* The half of the word that differs when it is taken or given back. */
static _Atomic uint32_t *word_of(struct mutex *m)
{
    return (_Atomic uint32_t *)(uintptr_t)&m->state;
}

void mutex_wait(struct mutex *m)
{
    /* Whoever comes through here takes it as contended: there may be others behind. */
    uint64_t seen = atomic_load_explicit(&m->state, memory_order_relaxed);

    for (;;) {
        const uint64_t next = (seen == 0 ? mutex_self() : seen) | MUTEX_CONTENDED;
        if (next != seen
            && !atomic_compare_exchange_weak_explicit(&m->state, &seen, next, memory_order_acquire,
                                                      memory_order_relaxed))
            continue;
        if (seen == 0)
            return;
        (void)thread_park_for(word_of(m), (uint32_t)next, DEADLINE_NEVER, next);
        seen = atomic_load_explicit(&m->state, memory_order_relaxed);
    }
}

void mutex_wake(struct mutex *m)
{
    (void)thread_unpark(word_of(m), 1);
}

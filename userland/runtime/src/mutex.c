/*
 * Waiting for a mutex: the kernel parks who must wait, by the word's address.
 */
#include "rt/mutex.h"

#include "rt/syscall.h"

enum { MUTEX_FREE = 0, MUTEX_CONTENDED = 2 };

void mutex_wait(struct mutex *m)
{
    /* Whoever comes through here takes it as contended: there may be others behind. */
    while (atomic_exchange_explicit(&m->state, MUTEX_CONTENDED, memory_order_acquire) != MUTEX_FREE)
        (void)thread_park(&m->state, MUTEX_CONTENDED, DEADLINE_NEVER);
}

void mutex_wake(struct mutex *m)
{
    (void)thread_unpark(&m->state, 1);
}

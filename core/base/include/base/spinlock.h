/*
 * Spinlock: one CPU at a time, in the order they came.
 *
 * A ticket lock: each CPU draws a ticket and waits until it is served, so no CPU
 * starves.  Zero is an unlocked lock.  The kernel runs with interrupts masked, so
 * a lock cannot be taken twice on one CPU by an interrupt; taking it twice by
 * mistake hangs, which the numbered lock order of each folder rules out.
 * Needs normal cacheable memory: not to be used before the MMU is on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spinlock {
    uint32_t next;      /* the ticket that the next CPU draws */
    uint32_t serving;   /* the ticket that holds the lock; written by the holder only */
    uint32_t is_shared; /* 0: one CPU runs, and the lock costs it nothing; see spinlock_share() */
};
_Static_assert(offsetof(struct spinlock, serving) == 4 && offsetof(struct spinlock, is_shared) == 8,
               "vectors.S takes the kernel lock");

#define SPINLOCK_SHARED \
    {                   \
        .is_shared = 1  \
    }

/* A second CPU is about to start: from now on the lock is taken for real.  The caller holds it. */
static inline void spinlock_share(struct spinlock *lock)
{
    lock->next = lock->serving + 1;
    lock->is_shared = 1;
}

static inline void spinlock_lock(struct spinlock *lock)
{
    if (lock->is_shared == 0)
        return;
    const uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    /* Pairs with the release in spinlock_unlock(). */
    while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket) {
    }
}

static inline void spinlock_unlock(struct spinlock *lock)
{
    if (lock->is_shared == 0)
        return;
    /* Pairs with the acquire in spinlock_lock(). */
    __atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

/* Whether anybody holds it: for assertions, since the answer may be old by the time it is read. */
static inline bool spinlock_is_held(const struct spinlock *lock)
{
    return __atomic_load_n(&lock->serving, __ATOMIC_RELAXED)
           != __atomic_load_n(&lock->next, __ATOMIC_RELAXED);
}

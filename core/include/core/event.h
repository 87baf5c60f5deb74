/*
 * Event: a 64-bit word of pending bits in its owner's memory.
 *
 * Interrupts, clocks, signals and deaths all set bits there, and wake the thread that waits.
 * The kernel only ever adds bits, through its own mapping of the page; what the owner does to the
 * word can hurt nobody else.
 *
 * Locking: the kernel lock; the word itself is changed by atomic operations only.  Signalling an
 * event for which nobody waits takes no lock (vectors.S): it sets bits and then looks for a waiter,
 * as a waiter registers and then looks for bits.
 */
#pragma once

#include "base/path.h"
#include "core/belonging.h"
#include "core/thread.h"
#include "domains/segment.h"

struct event {
    struct belonging belonging;
    struct cross_event cross;
    struct segment *segment; /* keeps the word's page; owns a reference until its owner stops */
    struct list watches;     /* struct watch: it is to be told of their ends */
    struct deferred closing; /* the last handle went: it is to be told no more */
};
_Static_assert(offsetof(struct event, cross) == EVENT_OBJECT_BYTES, "vectors.S");

static inline struct event *event_of_object(struct object *object)
{
    return (struct event *)(void *)object; /* its first member */
}

BOOT_ONLY void events_init(void);

/*
 * An event of `domain` whose word is at `offset` of `segment`, 8-byte aligned and in memory of its
 * own.  Ownership: one reference, the caller's.
 * Errors: BAD_ARGUMENT, OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
COLD CHECK_RESULT enum status event_create(struct domain *domain, struct segment *segment,
                                           uint64_t offset, struct event **out);

/* Set bits; wakes the waiter. */
void event_signal(struct event *event, uint64_t bits);

/*
 * Set bits, not 0, of an event whose owner is there.  The waiter, if there is one, waits no longer
 * and is returned: the caller sees to it that it runs.
 */
struct thread *event_post(struct event *event, uint64_t bits);

/*
 * The current thread waits until the word is not zero.  OK: it is not, or the thread waits now;
 * whoever ends that otherwise than by a signal says so.  Errors: BUSY (somebody waits already),
 * PEER_DEAD.
 */
CHECK_RESULT enum status event_wait(struct event *event, struct thread *thread, nsec_t deadline_ns);

/*
 * Set `bits` of `event` when `domain` stops; at once if it has.  One event watches a domain once:
 * further calls add bits.  Errors: PEER_DEAD (the event's owner has stopped), OUT_OF_MEMORY.
 */
CHECK_RESULT enum status watch_add(struct domain *domain, struct event *event, uint64_t bits);

/* The domain has stopped: tell the first of those who watch it, of whom there are some. */
void watch_fire_first(struct domain *domain);

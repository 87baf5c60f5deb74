/*
 * The slow halves of the ring: looking at the peer's index, and going to sleep.
 *
 * A peer's index is believed only if an honest peer could have written it: it never runs back, nor
 * ahead of what it may have seen.  An impossible value is not used, and is_broken says so from then
 * on; whoever drives the ring ends the connection.
 */
#include "rt/ring.h"

#include <stdint.h>

/* No index ever gets there: nobody asked for a bell. */
#define RING_NO_WAKE UINT64_MAX

void ring_producer_init(struct ring_producer *r, struct ring_producer_area *own,
                        const struct ring_consumer_area *peer, struct ring_message *messages,
                        uint64_t capacity)
{
    *r = (struct ring_producer){
        .own = own, .peer = peer, .messages = messages, .mask = capacity - 1, .limit = capacity};
    atomic_store_explicit(&own->wake_at, RING_NO_WAKE, memory_order_relaxed);
}

void ring_consumer_init(struct ring_consumer *r, struct ring_consumer_area *own,
                        const struct ring_producer_area *peer, const struct ring_message *messages,
                        uint64_t capacity)
{
    *r = (struct ring_consumer){
        .own = own, .peer = peer, .messages = messages, .mask = capacity - 1};
    atomic_store_explicit(&own->wake_at, 0, memory_order_relaxed);
}

bool ring_producer_refresh(struct ring_producer *r)
{
    uint64_t capacity = r->mask + 1;
    uint64_t seen = r->limit - capacity;
    /* Acquire: what we write into a freed place comes after the peer's copy of it. */
    uint64_t consume = atomic_load_explicit(&r->peer->consume, memory_order_acquire);

    if (consume - seen > r->published - seen) {
        r->is_broken = true;
        r->limit = r->produce;
        return false;
    }
    r->limit = consume + capacity;
    return r->produce != r->limit;
}

bool ring_consumer_fail(struct ring_consumer *r, uint64_t produce)
{
    if (produce != r->consume)
        r->is_broken = true;
    return false;
}

bool ring_consumer_sleep(struct ring_consumer *r)
{
    if (ring_has_message(r))
        return false;

    atomic_store_explicit(&r->own->wake_at, r->consume, memory_order_relaxed);
    /* Pairs with the fence in ring_publish(). */
    atomic_thread_fence(memory_order_seq_cst);
    if (ring_has_message(r))
        return false;
    r->own->counters.waits++;
    return true;
}

bool ring_producer_sleep(struct ring_producer *r)
{
    if (ring_has_room(r))
        return false;

    atomic_store_explicit(&r->own->wake_at, r->limit - (r->mask + 1), memory_order_relaxed);
    /* Pairs with the fence in ring_release(). */
    atomic_thread_fence(memory_order_seq_cst);
    if (ring_has_room(r))
        return false;
    r->own->counters.waits++;
    return true;
}

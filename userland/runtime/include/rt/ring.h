/*
 * Ring: a single-producer single-consumer queue in shared memory, no system call per message.
 *
 * Each side has one area that only it writes and the other merely reads: the producer's holds the
 * produce index and the messages, the consumer's holds the consume index.  Indices count for ever
 * (64 bits), so full and empty differ and a restart shows.  A wake-up is asked for by an index: the
 * consumer says "ring when you produce past N", the producer "ring when you consume past N"; who
 * is awake leaves an old N standing and no bell rings.
 *
 * The peer is not trusted.  Every index of its is checked against what it may be now, a message is
 * copied before anything looks at it, and the only thing a bad peer can do is to end its own
 * connection (STATUS_BAD_DATA).
 *
 * Ordering (checked against Arm's model): messages before produce, STLR/LDAR; consume after the
 * copies, STLR/LDAR; and for sleeping, "store my index, DMB ISH, load the other's" on both sides,
 * because store-then-load is what neither acquire nor release orders.
 *
 * Pure logic: a function that returns true for "bell" wants its caller to signal the peer.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/status.h"

enum { RING_MESSAGE_BYTES = 32, RING_LINE_BYTES = 64 };

struct ring_message {
    uint64_t word[4];
};
_Static_assert(sizeof(struct ring_message) == RING_MESSAGE_BYTES, "two messages a cache line");

/* Counters are read by the shell; nothing depends on them. */
struct ring_counters {
    uint64_t bells; /* wake-ups that this side sent */
    uint64_t waits; /* times this side found nothing (consumer) or no room (producer) and slept */
};

/* Written by the producer only. */
struct ring_producer_area {
    _Alignas(RING_LINE_BYTES) _Atomic uint64_t produce; /* messages ever published */
    _Atomic uint64_t wake_at;                           /* ring when `consume` passes this */
    struct ring_counters counters;
};

/* Written by the consumer only. */
struct ring_consumer_area {
    _Alignas(RING_LINE_BYTES) _Atomic uint64_t consume; /* messages ever taken */
    _Atomic uint64_t wake_at;                           /* ring when `produce` passes this */
    struct ring_counters counters;
};
_Static_assert(sizeof(struct ring_producer_area) == 64 && sizeof(struct ring_consumer_area) == 64,
               "one line each");

/* The producer's end, in its private memory. */
struct ring_producer {
    struct ring_producer_area *own;
    const struct ring_consumer_area *peer;
    struct ring_message *messages; /* `mask` + 1 of them, behind `own` */
    uint64_t mask;                 /* capacity - 1; the capacity is a power of two */
    uint64_t produce;              /* messages written, published or not */
    uint64_t published;            /* what `own->produce` holds */
    uint64_t limit;                /* the last seen `consume` + capacity: write below this */
    bool is_broken;                /* the peer's index was impossible once */
};

/* The consumer's end, in its private memory. */
struct ring_consumer {
    struct ring_consumer_area *own;
    const struct ring_producer_area *peer;
    const struct ring_message *messages;
    uint64_t mask;
    uint64_t consume;  /* messages copied out, released or not */
    uint64_t released; /* what `own->consume` holds */
    uint64_t limit;    /* the last seen `produce`: read below this */
    bool is_broken;
};

/* Set up an end over fresh (zero) areas.  `capacity` is a power of two, at least 2. */
void ring_producer_init(struct ring_producer *r, struct ring_producer_area *own,
                        const struct ring_consumer_area *peer, struct ring_message *messages,
                        uint64_t capacity);
void ring_consumer_init(struct ring_consumer *r, struct ring_consumer_area *own,
                        const struct ring_producer_area *peer, const struct ring_message *messages,
                        uint64_t capacity);

/*
 * A relaxed load that the compiler may address as it likes (it spends an addition on each atomic
 * one).  An aligned word is read at once.
 */
static inline uint64_t ring_word_load(const _Atomic uint64_t *word)
{
    return *(const volatile uint64_t *)(uintptr_t)word;
}

/* The slow halves: look at the peer's index again (true: there is room), and say whether an index
 * without a message means an empty ring or a broken one (always false). */
bool ring_producer_refresh(struct ring_producer *r);
bool ring_consumer_fail(struct ring_consumer *r, uint64_t produce);

/* There is a free place (not yet used up by commits). */
CHECK_RESULT static inline bool ring_has_room(struct ring_producer *r)
{
    return __builtin_expect(r->produce != r->limit, 1) || ring_producer_refresh(r);
}

/*
 * There is a message at `consume`, which is r->consume; `mask` is r->mask.  (A ring that is used
 * one message at a time comes to the second half each time, so that is inline too.  What is loaded
 * before the acquire need not be loaded again behind it.)
 */
CHECK_RESULT static inline bool ring_has_message_at(struct ring_consumer *r, uint64_t consume,
                                                    uint64_t mask)
{
    if (__builtin_expect(consume != r->limit, 1))
        return true;

    /* Acquire: messages are read after the index that covers them. */
    uint64_t produce = atomic_load_explicit(&r->peer->produce, memory_order_acquire);

    /* Between 1 and all the room that the peer has been given. */
    if (__builtin_expect(produce - consume - 1 < r->released - consume + (mask + 1), 1)) {
        r->limit = produce;
        return true;
    }
    return ring_consumer_fail(r, produce);
}

CHECK_RESULT static inline bool ring_has_message(struct ring_consumer *r)
{
    return ring_has_message_at(r, r->consume, r->mask);
}

/* Write one message; the peer sees it at ring_publish().  False when full (or broken). */
CHECK_RESULT static inline bool ring_put(struct ring_producer *r, const struct ring_message *m)
{
    if (!ring_has_room(r))
        return false;

    uint64_t index = r->produce;

    r->messages[index & r->mask] = *m;
    r->produce = index + 1;
    return true;
}

/* How many messages that were written the peer hasn't taken; 0 if its index is impossible. */
static inline uint64_t ring_unread(struct ring_producer *r)
{
    (void)ring_producer_refresh(r);
    return r->is_broken ? 0 : r->produce - (r->limit - (r->mask + 1));
}

/*
 * The same in runs: up to `wanted` free places next to each other, to be filled in place and then
 * committed, all or the first few.  Returns how many, 0 when full (or broken).
 */
CHECK_RESULT static inline uint64_t ring_reserve(struct ring_producer *r, uint64_t wanted,
                                                 struct ring_message **first)
{
    if (!ring_has_room(r))
        return 0;

    uint64_t index = r->produce & r->mask;
    uint64_t run = r->mask + 1 - index;

    run = r->limit - r->produce < run ? r->limit - r->produce : run;
    *first = &r->messages[index];
    return wanted < run ? wanted : run;
}

static inline void ring_commit(struct ring_producer *r, uint64_t count)
{
    r->produce += count;
}

/* Show the peer everything committed.  True: it asked for a bell. */
CHECK_RESULT static inline bool ring_publish(struct ring_producer *r)
{
    uint64_t before = r->published, now = r->produce;

    r->published = now;
    atomic_store_explicit(&r->own->produce, now, memory_order_release);
    /* Pairs with the fence in ring_consumer_sleep(): one of us sees the other's store. */
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t wake_at = ring_word_load(&r->peer->wake_at);

    return __builtin_expect(wake_at - before < now - before, 0);
}

/*
 * Copy a message out of the peer's memory.  The values are final: the empty assembly keeps the
 * compiler from reading them there a second time, when they may have changed.
 */
static inline struct ring_message ring_message_copy(const struct ring_message *slot)
{
    /* One address, for loads of two words each. */
    __asm__ volatile("" : "+r"(slot));
    uint64_t w0 = slot->word[0], w1 = slot->word[1], w2 = slot->word[2], w3 = slot->word[3];

    __asm__ volatile("" : "+r"(w0), "+r"(w1), "+r"(w2), "+r"(w3));
    return (struct ring_message){{w0, w1, w2, w3}};
}

/* Copy the next message out.  False when there is none (or the peer broke the ring). */
CHECK_RESULT static inline bool ring_take(struct ring_consumer *r, struct ring_message *out)
{
    uint64_t index = r->consume, mask = r->mask;
    const struct ring_message *slot = &r->messages[index & mask];

    if (!ring_has_message_at(r, index, mask))
        return false;
    *out = ring_message_copy(slot);
    r->consume = index + 1;
    return true;
}

/*
 * The same in runs: messages next to each other, to be read with ring_message_copy() and then
 * consumed, all or the first few.  Returns how many, 0 when empty (or broken).
 */
CHECK_RESULT static inline uint64_t ring_peek(struct ring_consumer *r,
                                              const struct ring_message **first)
{
    if (!ring_has_message(r))
        return 0;

    uint64_t index = r->consume & r->mask;
    uint64_t run = r->mask + 1 - index;

    *first = &r->messages[index];
    return r->limit - r->consume < run ? r->limit - r->consume : run;
}

static inline void ring_consume(struct ring_consumer *r, uint64_t count)
{
    r->consume += count;
}

/* Give the room of everything taken back.  True: the producer asked for a bell. */
CHECK_RESULT static inline bool ring_release(struct ring_consumer *r)
{
    uint64_t before = r->released, now = r->consume;

    r->released = now;
    atomic_store_explicit(&r->own->consume, now, memory_order_release);
    /* Pairs with the fence in ring_producer_sleep(). */
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t wake_at = ring_word_load(&r->peer->wake_at);

    return __builtin_expect(wake_at - before < now - before, 0);
}

/* Half the ring is waiting to be released; more often than this only a sleeper needs to. */
static inline bool ring_release_is_due(const struct ring_consumer *r)
{
    return r->consume - r->released > r->mask / 2;
}

/* Ask for a bell at the next message; release first.  True: still empty, so sleep. */
CHECK_RESULT bool ring_consumer_sleep(struct ring_consumer *r);

/* Ask for a bell when a place gets free; publish first.  True: still full, so sleep. */
CHECK_RESULT bool ring_producer_sleep(struct ring_producer *r);

/* Count a bell that was sent. */
static inline void ring_producer_count_bell(struct ring_producer *r)
{
    r->own->counters.bells++;
}

static inline void ring_consumer_count_bell(struct ring_consumer *r)
{
    r->own->counters.bells++;
}

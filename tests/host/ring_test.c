/*
 * Rings: every reachable state of a small one against a plain queue, two threads that sleep and
 * wake each other, and a peer that writes anything at any time.
 */
// source: userland/runtime/src/ring.c
#include "rt/ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY_MAX = 16 };

struct pair {
    struct ring_producer_area producer_area;
    struct ring_consumer_area consumer_area;
    struct ring_message messages[CAPACITY_MAX];
    struct ring_producer producer;
    struct ring_consumer consumer;
};

static void pair_init(struct pair *p, uint64_t capacity)
{
    memset(p, 0, sizeof *p);
    ring_producer_init(&p->producer, &p->producer_area, &p->consumer_area, p->messages, capacity);
    ring_consumer_init(&p->consumer, &p->consumer_area, &p->producer_area, p->messages, capacity);
}

/* Start both ends as if `index` messages had passed already. */
static void pair_advance(struct pair *p, uint64_t index)
{
    p->producer.produce = p->producer.published = index;
    p->producer.limit = index + p->producer.mask + 1;
    p->consumer.consume = p->consumer.released = p->consumer.limit = index;
    p->producer_area.produce = index;
    p->consumer_area.consume = index;
}

static struct ring_message message(uint64_t n)
{
    return (struct ring_message){{n, ~n, n * 3, n ^ 0x5555}};
}

static void assert_message(const struct ring_message *m, uint64_t n)
{
    struct ring_message expected = message(n);

    assert_memory_equal(m, &expected, sizeof expected);
}

static void messages_come_out_in_order_across_many_rounds(void **state)
{
    struct pair p;
    uint64_t in = 0, out = 0;

    (void)state;
    pair_init(&p, 8);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 1 + round % 8; i++) {
            struct ring_message m = message(in++);

            assert_true(ring_put(&p.producer, &m));
        }
        (void)!ring_publish(&p.producer);
        struct ring_message m;

        while (ring_take(&p.consumer, &m))
            assert_message(&m, out++);
        assert_int_equal(out, in);
        (void)!ring_release(&p.consumer);
    }
}

static void full_ring_takes_no_more_until_room_is_released(void **state)
{
    struct pair p;
    struct ring_message m = message(1);

    (void)state;
    pair_init(&p, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_true(ring_put(&p.producer, &m));
    assert_false(ring_put(&p.producer, &m));
    (void)!ring_publish(&p.producer);
    assert_true(ring_take(&p.consumer, &m));
    assert_false(ring_put(&p.producer, &m));
    (void)!ring_release(&p.consumer);
    assert_true(ring_put(&p.producer, &m));
    assert_false(ring_put(&p.producer, &m));
    assert_false(p.producer.is_broken);
}

static void unpublished_messages_are_not_seen(void **state)
{
    struct pair p;
    struct ring_message m = message(7);

    (void)state;
    pair_init(&p, 4);
    assert_true(ring_put(&p.producer, &m));
    assert_false(ring_take(&p.consumer, &m));
    (void)!ring_publish(&p.producer);
    assert_true(ring_take(&p.consumer, &m));
}

static void runs_end_at_the_end_of_the_ring(void **state)
{
    struct pair p;
    struct ring_message *first;
    const struct ring_message *seen;

    (void)state;
    pair_init(&p, 8);
    pair_advance(&p, 5);
    assert_int_equal(ring_reserve(&p.producer, 100, &first), 3);
    assert_ptr_equal(first, &p.messages[5]);
    ring_commit(&p.producer, 3);
    assert_int_equal(ring_reserve(&p.producer, 2, &first), 2);
    assert_ptr_equal(first, &p.messages[0]);
    ring_commit(&p.producer, 2);
    (void)!ring_publish(&p.producer);
    assert_int_equal(ring_peek(&p.consumer, &seen), 3);
    assert_ptr_equal(seen, &p.messages[5]);
    ring_consume(&p.consumer, 3);
    assert_int_equal(ring_peek(&p.consumer, &seen), 2);
    ring_consume(&p.consumer, 2);
    assert_int_equal(ring_peek(&p.consumer, &seen), 0);
}

static void indices_wrap_round_at_64_bits(void **state)
{
    struct pair p;
    uint64_t out = 0;

    (void)state;
    pair_init(&p, 4);
    pair_advance(&p, UINT64_MAX - 5);
    for (uint64_t in = 0; in < 12; in++) {
        struct ring_message m = message(in);

        assert_true(ring_put(&p.producer, &m));
        (void)!ring_publish(&p.producer);
        assert_true(ring_take(&p.consumer, &m));
        assert_message(&m, out++);
        (void)!ring_release(&p.consumer);
    }
    assert_false(p.producer.is_broken || p.consumer.is_broken);
}

static void bell_rings_only_for_a_sleeper(void **state)
{
    struct pair p;
    struct ring_message m = message(0);

    (void)state;
    pair_init(&p, 8);
    /* A fresh consumer counts as asleep: it has never looked. */
    assert_true(ring_put(&p.producer, &m));
    assert_true(ring_publish(&p.producer));
    assert_true(ring_put(&p.producer, &m));
    assert_false(ring_publish(&p.producer));

    assert_false(ring_consumer_sleep(&p.consumer));
    while (ring_take(&p.consumer, &m))
        continue;
    assert_false(ring_release(&p.consumer));
    assert_true(ring_consumer_sleep(&p.consumer));
    assert_true(ring_put(&p.producer, &m));
    assert_true(ring_publish(&p.producer));
    assert_int_equal(p.consumer_area.counters.waits, 1);
}

static void bell_rings_for_a_producer_that_waits_for_room(void **state)
{
    struct pair p;
    struct ring_message m = message(0);

    (void)state;
    pair_init(&p, 2);
    assert_true(ring_put(&p.producer, &m));
    assert_false(ring_producer_sleep(&p.producer));
    assert_true(ring_put(&p.producer, &m));
    (void)!ring_publish(&p.producer);
    assert_true(ring_producer_sleep(&p.producer));
    assert_true(ring_take(&p.consumer, &m));
    assert_true(ring_release(&p.consumer));
    assert_true(ring_take(&p.consumer, &m));
    assert_false(ring_release(&p.consumer));
}

/*
 * The model: every sequence of MODEL_DEPTH steps on a ring of two, with a consumer and a producer
 * that each stop acting while asleep until their bell.  Nobody may sleep for ever.
 */
enum { MODEL_DEPTH = 7, MODEL_STEPS = 6 };

struct model {
    struct pair pair;
    uint64_t sent, received;
    bool consumer_sleeps, producer_sleeps;
};

static void model_step(struct model *m, unsigned step)
{
    struct ring_message msg;

    switch (step) {
    case 0:
        msg = message(m->sent);
        if (!m->producer_sleeps && ring_put(&m->pair.producer, &msg))
            m->sent++;
        break;
    case 1:
        if (ring_publish(&m->pair.producer))
            m->consumer_sleeps = false;
        break;
    case 2:
        if (!m->consumer_sleeps && ring_take(&m->pair.consumer, &msg))
            assert_message(&msg, m->received++);
        break;
    case 3:
        if (ring_release(&m->pair.consumer))
            m->producer_sleeps = false;
        break;
    case 4:
        if (ring_release(&m->pair.consumer))
            m->producer_sleeps = false;
        m->consumer_sleeps = m->consumer_sleeps || ring_consumer_sleep(&m->pair.consumer);
        break;
    default:
        if (ring_publish(&m->pair.producer))
            m->consumer_sleeps = false;
        m->producer_sleeps = m->producer_sleeps || ring_producer_sleep(&m->pair.producer);
        break;
    }
}

static void model_check(const struct model *m)
{
    const struct pair *p = &m->pair;

    assert_false(p->producer.is_broken || p->consumer.is_broken);
    assert_true(m->sent - m->received <= 2);
    /* Asleep only while there is nothing published, or no room released. */
    if (m->consumer_sleeps)
        assert_int_equal(p->producer_area.produce, m->received);
    if (m->producer_sleeps)
        assert_int_equal(m->sent - p->consumer_area.consume, 2);
    assert_false(m->consumer_sleeps && m->producer_sleeps);
}

static void model_explore(const struct model *from, unsigned depth)
{
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        struct model m = *from;

        /* The copy's ends must look at the copy's areas. */
        m.pair.producer.own = &m.pair.producer_area;
        m.pair.producer.peer = &m.pair.consumer_area;
        m.pair.producer.messages = m.pair.messages;
        m.pair.consumer.own = &m.pair.consumer_area;
        m.pair.consumer.peer = &m.pair.producer_area;
        m.pair.consumer.messages = m.pair.messages;
        model_step(&m, step);
        model_check(&m);
        if (depth > 1)
            model_explore(&m, depth - 1);
    }
}

static void no_order_of_steps_loses_a_message_or_a_wake_up(void **state)
{
    struct model m = {.sent = 0};

    (void)state;
    pair_init(&m.pair, 2);
    model_explore(&m, MODEL_DEPTH);
    /* Deeper, from a state in which the ring is full and its producer asleep. */
    for (unsigned step = 0; step < 3; step++)
        model_step(&m, 0);
    model_step(&m, 5);
    assert_true(m.producer_sleeps);
    model_explore(&m, MODEL_DEPTH);
}

/* --- two threads --- */

enum { STRESS_MESSAGES = 300000 };

struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t rung;
    bool is_pending;
};

static struct pair stress;
static struct bell producer_bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
static struct bell consumer_bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static void bell_ring(struct bell *b)
{
    pthread_mutex_lock(&b->mutex);
    b->is_pending = true;
    pthread_cond_signal(&b->rung);
    pthread_mutex_unlock(&b->mutex);
}

/* Waits for ever if a wake-up was lost; the test's time limit shows it. */
static void bell_wait(struct bell *b)
{
    pthread_mutex_lock(&b->mutex);
    while (!b->is_pending)
        pthread_cond_wait(&b->rung, &b->mutex);
    b->is_pending = false;
    pthread_mutex_unlock(&b->mutex);
}

static void *stress_produce(void *context)
{
    unsigned batch = 1;

    (void)context;
    for (uint64_t n = 0; n < STRESS_MESSAGES;) {
        struct ring_message m = message(n);

        if (ring_put(&stress.producer, &m)) {
            n++;
            if (n % batch == 0 && ring_publish(&stress.producer))
                bell_ring(&consumer_bell);
            if (n % 1000 == 0)
                batch = 1 + batch % 7;
            continue;
        }
        if (ring_publish(&stress.producer))
            bell_ring(&consumer_bell);
        if (ring_producer_sleep(&stress.producer))
            bell_wait(&producer_bell);
    }
    if (ring_publish(&stress.producer))
        bell_ring(&consumer_bell);
    return NULL;
}

static void two_threads_exchange_everything_and_never_hang(void **state)
{
    pthread_t thread;

    (void)state;
    pair_init(&stress, 16);
    assert_int_equal(pthread_create(&thread, NULL, stress_produce, NULL), 0);
    for (uint64_t n = 0; n < STRESS_MESSAGES;) {
        struct ring_message m;

        if (ring_take(&stress.consumer, &m)) {
            assert_message(&m, n++);
            if (ring_release_is_due(&stress.consumer) && ring_release(&stress.consumer))
                bell_ring(&producer_bell);
            continue;
        }
        if (ring_release(&stress.consumer))
            bell_ring(&producer_bell);
        if (ring_consumer_sleep(&stress.consumer))
            bell_wait(&consumer_bell);
    }
    pthread_join(thread, NULL);
    assert_false(stress.producer.is_broken || stress.consumer.is_broken);
    assert_false(ring_has_message(&stress.consumer));
}

/* --- a hostile peer --- */

static void produce_index_beyond_capacity_breaks_the_ring(void **state)
{
    struct pair p;
    struct ring_message m;

    (void)state;
    pair_init(&p, 8);
    p.producer_area.produce = 9;
    assert_false(ring_take(&p.consumer, &m));
    assert_true(p.consumer.is_broken);
}

static void produce_index_into_room_not_yet_released_breaks_the_ring(void **state)
{
    struct pair p;
    struct ring_message m;

    (void)state;
    pair_init(&p, 8);
    p.producer_area.produce = 4;
    for (unsigned i = 0; i < 4; i++)
        assert_true(ring_take(&p.consumer, &m));
    p.producer_area.produce = 9;
    assert_false(ring_take(&p.consumer, &m));
    assert_true(p.consumer.is_broken);
}

static void produce_index_that_runs_back_breaks_the_ring(void **state)
{
    struct pair p;
    struct ring_message m;

    (void)state;
    pair_init(&p, 8);
    p.producer_area.produce = 4;
    for (unsigned i = 0; i < 4; i++)
        assert_true(ring_take(&p.consumer, &m));
    p.producer_area.produce = 3;
    assert_false(ring_take(&p.consumer, &m));
    assert_true(p.consumer.is_broken);
}

static void consume_index_ahead_of_what_was_published_breaks_the_ring(void **state)
{
    struct pair p;
    struct ring_message m = message(0);

    (void)state;
    pair_init(&p, 2);
    assert_true(ring_put(&p.producer, &m));
    assert_true(ring_put(&p.producer, &m));
    p.consumer_area.consume = 1;
    assert_false(ring_put(&p.producer, &m));
    assert_true(p.producer.is_broken);
}

static void consume_index_that_runs_back_breaks_the_ring(void **state)
{
    struct pair p;
    struct ring_message m = message(0);

    (void)state;
    pair_init(&p, 2);
    pair_advance(&p, 10);
    assert_true(ring_put(&p.producer, &m));
    assert_true(ring_put(&p.producer, &m));
    (void)!ring_publish(&p.producer);
    p.consumer_area.consume = 9;
    assert_false(ring_put(&p.producer, &m));
    assert_true(p.producer.is_broken);
}

static void what_is_unread_is_what_the_peer_s_index_leaves(void **state)
{
    static const uint64_t impossible[] = {9, 14, UINT64_MAX};
    struct pair p;
    struct ring_message m = message(0);

    (void)state;
    for (unsigned i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        pair_init(&p, 8);
        pair_advance(&p, 10);
        assert_int_equal(ring_unread(&p.producer), 0);
        for (unsigned n = 0; n < 3; n++)
            assert_true(ring_put(&p.producer, &m));
        (void)!ring_publish(&p.producer);
        assert_true(ring_put(&p.producer, &m)); /* unpublished, so unread as well */
        assert_int_equal(ring_unread(&p.producer), 4);
        assert_true(ring_take(&p.consumer, &m));
        assert_int_equal(ring_unread(&p.producer), 4);
        (void)!ring_release(&p.consumer);
        assert_int_equal(ring_unread(&p.producer), 3);
        p.consumer_area.consume = impossible[i];
        assert_int_equal(ring_unread(&p.producer), 0);
        p.consumer_area.consume = 12;
        assert_int_equal(ring_unread(&p.producer), 0);
    }
}

/* Whatever the peer writes, accesses stay inside (the sanitizer watches) and the ends keep sane. */
static void random_indices_never_lead_out_of_the_ring(void **state)
{
    struct pair p;
    uint64_t seed = 12345;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        pair_init(&p, 8);
        for (unsigned step = 0; step < 24; step++) {
            struct ring_message m = message(step);
            struct ring_message *first;
            const struct ring_message *seen;

            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t wild = (seed >> 60) < 4 ? seed : (seed >> 40) % 20;

            switch ((seed >> 33) % 8) {
            case 0:
                p.producer_area.produce = wild;
                break;
            case 1:
                p.consumer_area.consume = wild;
                break;
            case 2:
                p.producer_area.wake_at = p.consumer_area.wake_at = wild;
                break;
            case 3:
                (void)!ring_put(&p.producer, &m);
                break;
            case 4:
                (void)!ring_take(&p.consumer, &m);
                break;
            case 5:
                if (ring_reserve(&p.producer, 5, &first) != 0)
                    *first = m;
                break;
            case 6:
                for (uint64_t i = ring_peek(&p.consumer, &seen); i > 0; i--)
                    m = ring_message_copy(&seen[i - 1]);
                break;
            default:
                (void)!ring_publish(&p.producer);
                (void)!ring_release(&p.consumer);
                break;
            }
            assert_true(p.producer.limit - p.producer.produce <= 8);
            assert_true(p.consumer.limit - p.consumer.consume <= 8);
        }
        assert_true(ring_unread(&p.producer) <= 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_order_across_many_rounds),
        cmocka_unit_test(full_ring_takes_no_more_until_room_is_released),
        cmocka_unit_test(unpublished_messages_are_not_seen),
        cmocka_unit_test(runs_end_at_the_end_of_the_ring),
        cmocka_unit_test(indices_wrap_round_at_64_bits),
        cmocka_unit_test(bell_rings_only_for_a_sleeper),
        cmocka_unit_test(bell_rings_for_a_producer_that_waits_for_room),
        cmocka_unit_test(no_order_of_steps_loses_a_message_or_a_wake_up),
        cmocka_unit_test(two_threads_exchange_everything_and_never_hang),
        cmocka_unit_test(produce_index_beyond_capacity_breaks_the_ring),
        cmocka_unit_test(produce_index_into_room_not_yet_released_breaks_the_ring),
        cmocka_unit_test(produce_index_that_runs_back_breaks_the_ring),
        cmocka_unit_test(consume_index_ahead_of_what_was_published_breaks_the_ring),
        cmocka_unit_test(consume_index_that_runs_back_breaks_the_ring),
        cmocka_unit_test(what_is_unread_is_what_the_peer_s_index_leaves),
        cmocka_unit_test(random_indices_never_lead_out_of_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Timeouts against a sorted list: the earliest first, whatever was added and cancelled between.
 */
// source: core/timeout.c
#include "core/timeout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 200, STEPS = 100000 };

static struct timeout items[ITEMS];
static struct timeouts heap;
static struct timeout *fired;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static void on_fire(struct timeout *timeout)
{
    assert_false(timeout_is_armed(timeout));
    fired = timeout;
}

static int setup(void **state)
{
    (void)state;
    heap = (struct timeouts){0};
    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < ITEMS; i++)
        items[i].fire = on_fire;
    random_state = 1;
    return 0;
}

static void add(struct timeout *timeout, nsec_t deadline)
{
    timeout->deadline_ns = deadline;
    timeout_add(&heap, timeout);
    assert_true(timeout_is_armed(timeout));
}

static uint32_t rank_of(const struct timeout *t)
{
    return t == NULL ? 0 : t->rank;
}

/* What makes it a leftist heap; returns how many are in it.  Not recursive on the left: deep. */
static unsigned check_heap(const struct timeout *t, const struct timeout *parent)
{
    unsigned count = 0;

    for (; t != NULL; parent = t, t = t->left) {
        assert_ptr_equal(t->parent, parent);
        assert_true(parent == NULL || parent->deadline_ns <= t->deadline_ns);
        assert_true(rank_of(t->left) >= rank_of(t->right));
        assert_int_equal(t->rank, rank_of(t->right) + 1);
        count += 1 + check_heap(t->right, t);
    }
    return count;
}

static void check_against_model(void)
{
    nsec_t earliest = UINT64_MAX;
    unsigned armed = 0;

    for (unsigned i = 0; i < ITEMS; i++) {
        if (!timeout_is_armed(&items[i]))
            continue;
        armed++;
        if (items[i].deadline_ns < earliest)
            earliest = items[i].deadline_ns;
    }
    assert_int_equal(check_heap(heap.first, NULL), armed);
    if (armed == 0)
        assert_null(heap.first);
    else
        assert_true(heap.first->deadline_ns == earliest);
}

static void they_fire_in_order_and_not_before_their_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ITEMS; i++)
        add(&items[i], 1000 + i * 7919 % ITEMS);
    assert_false(timeouts_fire_one(&heap, 999));
    for (nsec_t now = 1000; now < 1000 + ITEMS; now++) {
        assert_true(timeouts_fire_one(&heap, now));
        assert_true(fired->deadline_ns == now);
        assert_false(timeouts_fire_one(&heap, now));
    }
    assert_null(heap.first);
    assert_false(timeouts_fire_one(&heap, UINT64_MAX));
}

static void equal_deadlines_all_fire(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ITEMS; i++)
        add(&items[i], 5);
    for (unsigned i = 0; i < ITEMS; i++) {
        assert_int_equal(check_heap(heap.first, NULL), ITEMS - i);
        assert_true(timeouts_fire_one(&heap, 5));
    }
    assert_null(heap.first);
}

/* Every shape that adding in order, in reverse and mixed makes, with each one cancelled. */
static void any_one_can_be_cancelled(void **state)
{
    enum { SMALL = 17 };

    (void)state;
    for (unsigned factor = 1; factor < SMALL; factor++) {
        for (unsigned victim = 0; victim < SMALL; victim++) {
            setup(NULL);
            for (unsigned i = 0; i < SMALL; i++)
                add(&items[i], 1 + i * factor % SMALL);
            timeout_cancel(&items[victim]);
            assert_false(timeout_is_armed(&items[victim]));
            check_against_model();
            nsec_t last = 0;
            for (unsigned i = 0; i < SMALL - 1; i++) {
                assert_true(timeouts_fire_one(&heap, UINT64_MAX));
                assert_ptr_not_equal(fired, &items[victim]);
                assert_true(fired->deadline_ns > last);
                last = fired->deadline_ns;
            }
            assert_null(heap.first);
        }
    }
}

static void cancelling_what_is_not_armed_changes_nothing(void **state)
{
    (void)state;
    timeout_cancel(&items[0]);
    add(&items[1], 10);
    timeout_cancel(&items[0]);
    assert_ptr_equal(heap.first, &items[1]);
    timeout_cancel(&items[1]);
    timeout_cancel(&items[1]);
    assert_null(heap.first);
}

static void on_fire_again(struct timeout *timeout)
{
    on_fire(timeout);
    add(timeout, timeout->deadline_ns + 10);
}

static void one_may_be_added_again_while_it_fires(void **state)
{
    (void)state;
    items[0].fire = on_fire_again;
    add(&items[0], 10);
    add(&items[1], 25);
    for (nsec_t expected = 10; expected <= 20; expected += 10) {
        assert_true(timeouts_fire_one(&heap, 20));
        assert_true(heap.first->deadline_ns == (expected == 10 ? 20 : 25));
        check_against_model();
    }
    assert_false(timeouts_fire_one(&heap, 20));
}

static void random_steps_match_the_model(void **state)
{
    nsec_t now = 0;

    (void)state;
    random_state = 4242;
    for (unsigned step = 0; step < STEPS; step++) {
        struct timeout *item = &items[random_below(ITEMS)];
        const unsigned kind = random_below(100);
        if (kind < 60 && !timeout_is_armed(item)) {
            add(item, now + random_below(300));
        } else if (kind < 80) {
            timeout_cancel(item);
            assert_false(timeout_is_armed(item));
        } else {
            const struct timeout *first = heap.first;
            now += random_below(30);
            const bool due = first != NULL && first->deadline_ns <= now;
            assert_int_equal(timeouts_fire_one(&heap, now), due);
            if (due)
                assert_ptr_equal(fired, first);
        }
        if (step % 20 == 0)
            check_against_model();
    }
}

/* Merging walks right spines only: they stay short even where the heap is one long path. */
static void right_spines_stay_logarithmic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ITEMS; i++)
        add(&items[i], random_below(1000));
    assert_true(heap.first->rank <= 8); /* 2^8 - 1 > ITEMS */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(they_fire_in_order_and_not_before_their_time, setup),
        cmocka_unit_test_setup(equal_deadlines_all_fire, setup),
        cmocka_unit_test_setup(any_one_can_be_cancelled, setup),
        cmocka_unit_test_setup(cancelling_what_is_not_armed_changes_nothing, setup),
        cmocka_unit_test_setup(one_may_be_added_again_while_it_fires, setup),
        cmocka_unit_test_setup(random_steps_match_the_model, setup),
        cmocka_unit_test_setup(right_spines_stay_logarithmic, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Timers: against a plain array, with starting, moving, stopping and expiring in random order.
 */
// source: userland/runtime/src/timer.c
#include "rt/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TIMERS = 40, STEPS = 200000 };

static void earliest_expires_first_and_only_when_due(void **state)
{
    struct timer_queue q = {NULL};
    struct timer a = {0}, b = {0}, c = {0};

    (void)state;
    timer_queue_insert(&q, &a, 30);
    timer_queue_insert(&q, &b, 10);
    timer_queue_insert(&q, &c, 20);
    assert_null(timer_queue_expire(&q, 9));
    assert_ptr_equal(timer_queue_expire(&q, 25), &b);
    assert_ptr_equal(timer_queue_expire(&q, 25), &c);
    assert_null(timer_queue_expire(&q, 25));
    assert_ptr_equal(timer_queue_expire(&q, 30), &a);
    assert_null(q.first);
}

static void stopped_timer_does_not_expire(void **state)
{
    struct timer_queue q = {NULL};
    struct timer a = {0}, b = {0};

    (void)state;
    timer_queue_insert(&q, &a, 1);
    timer_queue_insert(&q, &b, 2);
    timer_queue_remove(&q, &a);
    timer_queue_remove(&q, &a);
    assert_ptr_equal(timer_queue_expire(&q, 5), &b);
    assert_null(timer_queue_expire(&q, 5));
}

static void random_use_agrees_with_an_array(void **state)
{
    static struct timer timers[TIMERS];
    nsec_t deadline[TIMERS] = {0};
    struct timer_queue q = {NULL};
    uint64_t seed = 7;

    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned i = (unsigned)(seed >> 33) % TIMERS;
        nsec_t when = 1 + (seed >> 40) % 1000;

        switch ((seed >> 60) % 4) {
        case 0:
        case 1:
            timer_queue_insert(&q, &timers[i], when);
            deadline[i] = when;
            break;
        case 2:
            timer_queue_remove(&q, &timers[i]);
            deadline[i] = 0;
            break;
        default:;
            struct timer *t = timer_queue_expire(&q, when);
            nsec_t earliest = UINT64_MAX;

            for (unsigned k = 0; k < TIMERS; k++)
                if (deadline[k] != 0 && deadline[k] < earliest)
                    earliest = deadline[k];
            assert_int_equal(t != NULL, earliest <= when);
            if (t == NULL)
                break;
            assert_int_equal(deadline[t - timers], earliest);
            assert_int_equal(t->deadline_ns, 0);
            deadline[t - timers] = 0;
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earliest_expires_first_and_only_when_due),
        cmocka_unit_test(stopped_timer_does_not_expire),
        cmocka_unit_test(random_use_agrees_with_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Storms of interrupts: too many at two looks in a row, and neither before nor by a single burst.
 */
// source: userland/launcher/storm.c
#include "userland/launcher/storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

enum { LIMIT = 1000 };

static struct storm storm;
static uint64_t count, per_second;
static nsec_t ran_ns;

static int set_up(void **state)
{
    (void)state;
    storm = (struct storm){0};
    count = ran_ns = 0;
    return 0;
}

/* So many more interrupts, 200 ms after the last look. */
static bool look(uint64_t more)
{
    count += more;
    ran_ns += 100 * MS;
    return storm_look(&storm, count, ran_ns, 200 * MS, LIMIT, &per_second);
}

static void who_has_time_left_is_left_alone(void **state)
{
    (void)state;
    assert_false(look(0));
    for (unsigned i = 0; i < 100; i++) {
        count += 100000;
        ran_ns += 99 * MS;
        assert_false(storm_look(&storm, count, ran_ns, 200 * MS, LIMIT, &per_second));
    }
}

static void two_looks_beyond_the_limit_are_a_storm(void **state)
{
    (void)state;
    assert_false(look(0));
    assert_false(look(201));
    assert_int_equal(per_second, 1005);
    assert_true(look(5000));
    assert_int_equal(per_second, 25000);
}

static void the_limit_itself_is_none(void **state)
{
    (void)state;
    assert_false(look(0));
    for (unsigned i = 0; i < 100; i++)
        assert_false(look(200));
    assert_int_equal(per_second, LIMIT);
}

static void one_burst_is_none(void **state)
{
    (void)state;
    assert_false(look(0));
    for (unsigned i = 0; i < 100; i++) {
        assert_false(look(100000));
        assert_false(look(200));
    }
}

static void what_was_before_the_first_look_does_not_count(void **state)
{
    (void)state;
    assert_false(look(UINT32_MAX));
    assert_int_equal(per_second, 0);
    assert_false(look(UINT32_MAX));
    assert_true(look(UINT32_MAX));
}

static void a_late_look_is_measured_by_the_time_that_passed(void **state)
{
    (void)state;
    assert_false(look(0));
    for (unsigned i = 0; i < 10; i++) {
        count += 900;
        ran_ns += 1000 * MS;
        assert_false(storm_look(&storm, count, ran_ns, 1000 * MS, LIMIT, &per_second));
        assert_int_equal(per_second, 900);
    }
    assert_false(storm_look(&storm, count + 1, ran_ns, 0, LIMIT, &per_second));
}

#define CLAIM(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(two_looks_beyond_the_limit_are_a_storm),
        CLAIM(the_limit_itself_is_none),
        CLAIM(one_burst_is_none),
        CLAIM(who_has_time_left_is_left_alone),
        CLAIM(what_was_before_the_first_look_does_not_count),
        CLAIM(a_late_look_is_measured_by_the_time_that_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The launcher's crash list: the oldest goes first, but never somebody's last death while another
 * has two.
 */
// source: userland/launcher/crash_list.c
#include "userland/launcher/crash_list.h"

#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

nsec_t time_now_ns(void)
{
    static nsec_t now;

    return ++now;
}

static unsigned count_of(const char *domain, const struct inspect_crash **last)
{
    const struct inspect_crash *crash;
    unsigned count = 0;

    for (uint64_t number = 0; (crash = crash_list_next(number)) != NULL;
         number = crash->number + 1) {
        if (strncmp(crash->domain.text, domain, NAME_BYTES) != 0)
            continue;
        count++;
        *last = crash;
    }
    return count;
}

static void deaths_are_numbered_and_dated(void **state)
{
    const struct inspect_crash *last = NULL;

    (void)state;
    assert_null(crash_list_next(0));
    const struct inspect_crash *crash = crash_list_add("first");
    assert_int_equal(crash->number, 1);
    assert_true(crash->time_ns > 0);
    assert_int_equal(crash->report[0], '\0');
    assert_int_equal(count_of("first", &last), 1);
    assert_ptr_equal(last, crash);
    assert_null(crash_list_next(2));
}

static void who_dies_all_the_time_pushes_out_its_own(void **state)
{
    const struct inspect_crash *last = NULL;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        crash_list_add("restless")->code = i;
    assert_int_equal(count_of("restless", &last), CRASH_LIST_PLACES - 1);
    assert_int_equal(last->code, 999);
    assert_int_equal(crash_list_next(last->number - CRASH_LIST_PLACES + 2)->code,
                     999 - CRASH_LIST_PLACES + 2);
    assert_int_equal(count_of("first", &last), 1);
}

static void a_reused_place_tells_nothing_of_before(void **state)
{
    (void)state;
    struct inspect_crash *crash = crash_list_add("restless");
    memset(crash->report, 'x', sizeof crash->report);
    crash->address = 1;
    for (unsigned i = 0; i < CRASH_LIST_PLACES; i++) {
        crash = crash_list_add("restless");
        assert_int_equal(crash->report[0], '\0');
        assert_int_equal(crash->address, 0);
    }
}

static void each_keeps_its_last_while_there_are_places(void **state)
{
    const struct inspect_crash *last = NULL;
    char name[NAME_BYTES];

    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 2; i < CRASH_LIST_PLACES; i++) {
            snprintf(name, sizeof name, "domain-%u", i);
            crash_list_add(name)->code = round;
        }
    }
    assert_int_equal(count_of("first", &last), 1);
    assert_int_equal(count_of("restless", &last), 1);
    for (unsigned i = 2; i < CRASH_LIST_PLACES; i++) {
        snprintf(name, sizeof name, "domain-%u", i);
        assert_int_equal(count_of(name, &last), 1);
        assert_int_equal(last->code, 49);
    }
}

static void with_one_domain_too_many_the_oldest_goes(void **state)
{
    const struct inspect_crash *last = NULL;

    (void)state;
    crash_list_add("newcomer");
    assert_int_equal(count_of("newcomer", &last), 1);
    assert_int_equal(count_of("first", &last), 0);
    assert_int_equal(count_of("restless", &last), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_are_numbered_and_dated),
        cmocka_unit_test(who_dies_all_the_time_pushes_out_its_own),
        cmocka_unit_test(a_reused_place_tells_nothing_of_before),
        cmocka_unit_test(each_keeps_its_last_while_there_are_places),
        cmocka_unit_test(with_one_domain_too_many_the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

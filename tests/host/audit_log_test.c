/*
 * The launcher's audit log: equal decisions are one, and whoever asks for much pushes out its own.
 */
// source: userland/launcher/audit_log.c
#include "userland/launcher/audit_log.h"

#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT = 3, OTHER = 4 };

nsec_t time_now_ns(void)
{
    static nsec_t now;

    return ++now;
}

static unsigned count_of(uint32_t client, struct inspect_decision *last)
{
    struct inspect_decision decision;
    uint32_t whose;
    unsigned count = 0;

    for (uint64_t number = 0; audit_log_next(number, &decision, &whose);
         number = decision.number + 1) {
        if (whose != client)
            continue;
        count++;
        *last = decision;
    }
    return count;
}

static void equal_decisions_are_one(void **state)
{
    struct inspect_decision last;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        audit_log_note(CLIENT, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_DENIED);
    assert_int_equal(count_of(CLIENT, &last), 1);
    assert_int_equal(last.times, 1000);
    assert_int_equal(last.status, STATUS_DENIED);
    assert_string_equal(last.target, "net:Tcp");
    audit_log_note(CLIENT, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_OK);
    assert_int_equal(count_of(CLIENT, &last), 2);
    assert_int_equal(last.status, STATUS_OK);
}

static void flood_pushes_out_its_own_only(void **state)
{
    struct inspect_decision last;
    char name[INSPECT_TARGET_BYTES + 8];

    (void)state;
    audit_log_note(OTHER, INSPECT_ASKED_OFFER, "rtc:Clock", STATUS_OK);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "a-name-longer-than-any-place:%08u", i);
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('a' + i / 26 % 26);
        audit_log_note(CLIENT, INSPECT_ASKED_CONNECT, name, STATUS_NOT_FOUND);
    }
    assert_int_equal(count_of(CLIENT, &last), AUDIT_LOG_PLACES);
    assert_true(last.lost > 4000);
    assert_int_equal(strlen(last.target), INSPECT_TARGET_BYTES - 1);
    assert_int_equal(count_of(OTHER, &last), 1);
    assert_string_equal(last.target, "rtc:Clock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_decisions_are_one),
        cmocka_unit_test(flood_pushes_out_its_own_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

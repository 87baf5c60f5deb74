/*
 * The launcher's audit log: equal decisions are one, whoever asks for much pushes out its own, and
 * a refusal is worth a line once.
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

static enum audit_telling note(uint32_t client, enum inspect_request request, const char *target,
                               enum status decision)
{
    const struct audit_question question = {client, request, target, false};

    return audit_log_note(&question, decision);
}

/* About the `i`th of as many names as anybody likes to make up. */
static enum audit_telling note_stranger(unsigned i)
{
    char name[INSPECT_TARGET_BYTES + 8];
    const struct audit_question question = {CLIENT, INSPECT_ASKED_CONNECT, name, true};

    snprintf(name, sizeof name, "a-name-longer-than-any-place:%08u", i);
    name[0] = (char)('a' + i % 26);
    name[1] = (char)('a' + i / 26 % 26);
    return audit_log_note(&question, STATUS_NOT_FOUND);
}

static void equal_decisions_are_one(void **state)
{
    struct inspect_decision last;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        (void)!note(CLIENT, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_DENIED);
    assert_int_equal(count_of(CLIENT, &last), 1);
    assert_int_equal(last.times, 1000);
    assert_int_equal(last.status, STATUS_DENIED);
    assert_string_equal(last.target, "net:Tcp");
    (void)!note(CLIENT, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_OK);
    assert_int_equal(count_of(CLIENT, &last), 2);
    assert_int_equal(last.status, STATUS_OK);
}

static void flood_pushes_out_its_own_only(void **state)
{
    struct inspect_decision last;
    char name[INSPECT_TARGET_BYTES];

    (void)state;
    (void)!note(OTHER, INSPECT_ASKED_OFFER, "rtc:Clock", STATUS_OK);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "known:%u", i);
        (void)!note(CLIENT, INSPECT_ASKED_CONNECT, name, STATUS_DENIED);
    }
    assert_int_equal(count_of(CLIENT, &last), AUDIT_LOG_PLACES);
    assert_true(last.lost > 4000);
    assert_int_equal(count_of(OTHER, &last), 1);
    assert_string_equal(last.target, "rtc:Clock");
}

static bool is_remembered(uint32_t client, const char *target)
{
    struct inspect_decision decision;
    uint32_t whose;

    for (uint64_t number = 0; audit_log_next(number, &decision, &whose);
         number = decision.number + 1) {
        if (whose == client && strcmp(decision.target, target) == 0)
            return true;
    }
    return false;
}

/* Who offered what isn't his can't hide that behind questions for names that he makes up. */
static void made_up_names_push_out_no_known_ones(void **state)
{
    struct inspect_decision last;

    (void)state;
    (void)!note(CLIENT, INSPECT_ASKED_OFFER, "uart:Port", STATUS_DENIED);
    for (unsigned i = 0; i < 5000; i++)
        (void)!note_stranger(i);
    assert_true(is_remembered(CLIENT, "uart:Port"));
    assert_int_equal(count_of(CLIENT, &last), AUDIT_LOG_PLACES + AUDIT_LOG_STRANGERS);
    assert_int_equal(strlen(last.target), INSPECT_TARGET_BYTES - 1);
}

static void each_refusal_is_told_once_in_a_life(void **state)
{
    (void)state;
    for (unsigned life = 0; life < 3; life++) {
        audit_log_begin(OTHER);
        assert_int_equal(note(OTHER, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_DENIED), AUDIT_TELL);
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(note(OTHER, INSPECT_ASKED_CONNECT, "net:Tcp", STATUS_DENIED),
                             AUDIT_QUIET);
        assert_int_equal(note(OTHER, INSPECT_ASKED_LAUNCH, "net", STATUS_DENIED), AUDIT_TELL);
    }
}

static void what_is_no_refusal_is_not_told(void **state)
{
    static const enum status others[] = {STATUS_OK, STATUS_WOULD_BLOCK, STATUS_PEER_DEAD,
                                         STATUS_BUSY, STATUS_BAD_ARGUMENT};

    (void)state;
    audit_log_begin(OTHER);
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(note(OTHER, INSPECT_ASKED_CONNECT, "net:Udp", others[i]), AUDIT_QUIET);
}

/* However many names it knows or makes up: so many lines, the last of which says so. */
static void refusals_of_a_life_cost_a_few_lines(void **state)
{
    char name[INSPECT_TARGET_BYTES];
    unsigned told[AUDIT_TELL_LAST + 1] = {0};

    (void)state;
    audit_log_begin(CLIENT);
    for (unsigned i = 0; i < 5000; i++)
        told[note_stranger(i)]++;
    assert_int_equal(told[AUDIT_TELL], AUDIT_LOG_STRANGER_LINES - 1);
    assert_int_equal(told[AUDIT_TELL_LAST], 1);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "some:%u", i);
        told[note(CLIENT, INSPECT_ASKED_OFFER, name, STATUS_DENIED)]++;
    }
    assert_int_equal(told[AUDIT_TELL], AUDIT_LOG_STRANGER_LINES - 1 + AUDIT_LOG_LINES - 1);
    assert_int_equal(told[AUDIT_TELL_LAST], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_decisions_are_one),
        cmocka_unit_test(flood_pushes_out_its_own_only),
        cmocka_unit_test(made_up_names_push_out_no_known_ones),
        cmocka_unit_test(each_refusal_is_told_once_in_a_life),
        cmocka_unit_test(what_is_no_refusal_is_not_told),
        cmocka_unit_test(refusals_of_a_life_cost_a_few_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The launcher's bookkeeping of heartbeats: who loops is over within a limit, who had no chance to
 * answer never is, and who did nothing is left alone.
 */
// source: userland/launcher/heartbeat.c
#include "userland/launcher/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

enum { RUNNER = 7, VISITOR = 8 };

static const nsec_t limit_ns = 600 * MS;
static const nsec_t period_ns = 200 * MS;

static struct heartbeat heartbeat;
static struct heartbeat_sight sight;

static enum heartbeat_verdict look(void)
{
    return heartbeat_look(&heartbeat, &sight, period_ns, period_ns);
}

/* It is executing, and used so much of the time since the last look. */
static enum heartbeat_verdict look_running(nsec_t ran_ns)
{
    sight.pose = HEARTBEAT_RUNS;
    sight.runner_id = RUNNER;
    sight.runner_cpu_ns += ran_ns;
    return look();
}

static enum heartbeat_verdict look_posed(enum heartbeat_pose pose)
{
    sight.pose = pose;
    sight.runner_id = 0;
    return look();
}

/* Registered, asked and silent from now on. */
static int set_up(void **state)
{
    (void)state;
    heartbeat_begin(&heartbeat, limit_ns);
    sight = (struct heartbeat_sight){.has_answered = true, .switches = 10};
    assert_int_equal(look_running(MS), HEARTBEAT_ASK);
    sight.has_answered = false;
    return 0;
}

static unsigned looks_until_over(enum heartbeat_pose pose)
{
    for (unsigned looks = 1; looks < 1000; looks++) {
        const enum heartbeat_verdict verdict =
            pose == HEARTBEAT_RUNS ? look_running(period_ns) : look_posed(pose);
        if (verdict == HEARTBEAT_OVER)
            return looks;
        assert_int_equal(verdict, HEARTBEAT_LEAVE);
    }
    return 0;
}

static void three_looks_are_a_limit(void **state)
{
    (void)state;
    assert_int_equal(heartbeat_period_ns(limit_ns), period_ns);
}

static void who_executes_all_the_time_is_over_after_the_limit(void **state)
{
    (void)state;
    assert_int_equal(looks_until_over(HEARTBEAT_RUNS), 3);
}

static void who_never_registers_is_over_too(void **state)
{
    (void)state;
    heartbeat_begin(&heartbeat, limit_ns);
    sight = (struct heartbeat_sight){.switches = 1};
    assert_int_equal(look_running(0), HEARTBEAT_LEAVE);
    assert_int_equal(looks_until_over(HEARTBEAT_RUNS), 3);
}

static void who_waits_in_itself_gets_twice_the_time(void **state)
{
    (void)state;
    assert_int_equal(looks_until_over(HEARTBEAT_STUCK), 6);
}

static void who_waits_for_a_foreign_event_gets_twice_the_time(void **state)
{
    (void)state;
    assert_int_equal(looks_until_over(HEARTBEAT_SLEEPS), 6);
}

static void who_is_in_a_call_gets_eight_times_the_time(void **state)
{
    (void)state;
    assert_int_equal(looks_until_over(HEARTBEAT_AWAY), 24);
}

static void who_comes_home_starts_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 5; j++)
            assert_int_equal(look_posed(HEARTBEAT_STUCK), HEARTBEAT_LEAVE);
        assert_int_equal(look_posed(HEARTBEAT_AWAY), HEARTBEAT_LEAVE);
    }
}

static void who_is_kept_from_running_is_never_over(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(look_running(0), HEARTBEAT_LEAVE);
}

static void who_loops_in_what_others_leave_is_over_when_it_ran_for_the_limit(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 15; i++)
        assert_int_equal(look_running(period_ns / 5), HEARTBEAT_LEAVE);
    assert_int_equal(look_running(period_ns / 5), HEARTBEAT_OVER);
}

static void who_gets_its_turn_late_has_its_limit_from_then_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(look_running(0), HEARTBEAT_LEAVE);
    assert_int_equal(looks_until_over(HEARTBEAT_RUNS), 3);
}

static void who_shares_the_processor_gets_more_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(look_running(period_ns / 2), HEARTBEAT_LEAVE);
    assert_int_equal(look_running(period_ns / 2), HEARTBEAT_OVER);
}

static void machine_that_stood_still_counts_as_one_look(void **state)
{
    (void)state;
    sight.runner_cpu_ns += 3600 * 1000 * MS; /* the counter went on */
    assert_int_equal(heartbeat_look(&heartbeat, &sight, 3600 * 1000 * MS, period_ns),
                     HEARTBEAT_LEAVE);
    assert_int_equal(looks_until_over(HEARTBEAT_RUNS), 2);
}

static void time_of_another_thread_is_not_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        sight.pose = HEARTBEAT_RUNS;
        sight.runner_id = i % 2 == 0 ? VISITOR : RUNNER;
        sight.runner_cpu_ns = i % 2 == 0 ? 1000 * 1000 * MS : 0;
        assert_int_equal(look(), HEARTBEAT_LEAVE);
    }
}

static void who_answers_is_asked_again_while_it_does_things(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(look_running(period_ns), HEARTBEAT_LEAVE);
        assert_int_equal(look_running(period_ns), HEARTBEAT_LEAVE);
        sight.has_answered = true;
        sight.switches += 2;
        assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_ASK);
        sight.has_answered = false;
    }
}

static void who_only_answered_is_left_alone(void **state)
{
    (void)state;
    sight.has_answered = true;
    sight.switches += 1; /* it was executing when it was asked: that may have been anything */
    assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_ASK);
    for (unsigned round = 0; round < 10; round++) {
        sight.switches += 1; /* to answer */
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_LEAVE);
        sight.switches += 1;
        assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_ASK);
    }
}

static void who_answered_without_a_switch_is_asked_again(void **state)
{
    (void)state;
    sight.has_answered = true;
    assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_ASK);
    assert_int_equal(look_posed(HEARTBEAT_SLEEPS), HEARTBEAT_ASK);
}

/* It answered, and hung before it was looked at: without a switch more, but not asleep. */
static void who_hangs_after_its_answer_is_asked(void **state)
{
    (void)state;
    sight.has_answered = true;
    sight.switches += 1;
    assert_int_equal(look_posed(HEARTBEAT_STUCK), HEARTBEAT_ASK);
    sight.has_answered = false;
    assert_int_equal(looks_until_over(HEARTBEAT_STUCK), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_looks_are_a_limit),
        cmocka_unit_test_setup(who_executes_all_the_time_is_over_after_the_limit, set_up),
        cmocka_unit_test(who_never_registers_is_over_too),
        cmocka_unit_test_setup(who_waits_in_itself_gets_twice_the_time, set_up),
        cmocka_unit_test_setup(who_waits_for_a_foreign_event_gets_twice_the_time, set_up),
        cmocka_unit_test_setup(who_is_in_a_call_gets_eight_times_the_time, set_up),
        cmocka_unit_test_setup(who_comes_home_starts_anew, set_up),
        cmocka_unit_test_setup(who_is_kept_from_running_is_never_over, set_up),
        cmocka_unit_test_setup(who_loops_in_what_others_leave_is_over_when_it_ran_for_the_limit,
                               set_up),
        cmocka_unit_test_setup(who_gets_its_turn_late_has_its_limit_from_then_on, set_up),
        cmocka_unit_test_setup(who_shares_the_processor_gets_more_time, set_up),
        cmocka_unit_test_setup(machine_that_stood_still_counts_as_one_look, set_up),
        cmocka_unit_test_setup(time_of_another_thread_is_not_counted, set_up),
        cmocka_unit_test_setup(who_answers_is_asked_again_while_it_does_things, set_up),
        cmocka_unit_test_setup(who_only_answered_is_left_alone, set_up),
        cmocka_unit_test_setup(who_answered_without_a_switch_is_asked_again, set_up),
        cmocka_unit_test_setup(who_hangs_after_its_answer_is_asked, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Deadlines: what the timer is set for, who is woken by it, and which of them ends a pause between
 * two others.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/scheduler/scheduler_fixture.h"

static void waits_end_at_their_deadlines_in_order(void **state)
{
    (void)state;
    struct thread *idle = add(0);
    for (unsigned i = 0; i < 5; i++) {
        struct thread *sleeper = add(20 + i);
        assert_ptr_equal(leave(), sleeper);
        thread_block(sleeper, THREAD_STATE_SLEEPING,
                     timer_now_ns() + 1000 * (nsec_t)(1 + i * 3 % 5));
    }
    assert_ptr_equal(leave(), idle);
    nsec_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(deadline_ns > last);
        last = deadline_ns;
        run(UINT32_MAX);
        struct thread *woken = leave();
        assert_ptr_not_equal(woken, idle);
        assert_int_equal(woken->cross.regs.x[0], STATUS_OK);
        assert_true(timer_now_ns() >= last);
        block(woken);
        assert_ptr_equal(leave(), idle);
    }
    assert_true(deadline_ns == 0);
}

static void a_timer_that_is_early_costs_an_interrupt_and_changes_nothing(void **state)
{
    (void)state;
    struct thread *sleeper = add(30);
    struct thread *first = add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + THREAD_SLICE_NS / 2);
    assert_ptr_equal(leave(), first);
    const nsec_t early = deadline_ns;
    thread_wake(sleeper, STATUS_OK);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + 2 * (nsec_t)THREAD_SLICE_NS);
    const nsec_t late = sleeper->timeout.deadline_ns;
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == early && early < late);
    run(SLICE);
    assert_ptr_equal(leave(), first);
    assert_int_equal(sleeper->state, THREAD_STATE_PARKED);
    assert_true(deadline_ns == late);
    run(3 * SLICE);
    assert_ptr_equal(leave(), sleeper);
    assert_true(timer_now_ns() >= late);
}

static void the_timer_is_for_whichever_comes_first(void **state)
{
    (void)state;
    struct thread *sleeper = add(30);
    struct thread *first = add(10);
    (void)add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + THREAD_SLICE_NS / 2);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == timer_now_ns() + THREAD_SLICE_NS / 2);
    run(SLICE);
    assert_ptr_equal(leave(), sleeper);
    assert_int_equal(sleeper->cross.regs.x[0], STATUS_TIMED_OUT);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + 3 * (nsec_t)THREAD_SLICE_NS);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns < timer_now_ns() + THREAD_SLICE_NS);
    thread_wake(sleeper, STATUS_OK);
    assert_false(timeout_is_armed(&sleeper->timeout));
}

/* Of many deadlines that are due, each is followed by a pause; not if another's is worth more. */
static void more_urgent_deadline_ends_a_pause(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct thread *low = add(1);
        assert_ptr_equal(leave(), low);
        thread_block(low, THREAD_STATE_SLEEPING, 2000 * TICK_NS);
    }
    struct thread *urgent = add(60);
    assert_ptr_equal(leave(), urgent);
    thread_block(urgent, THREAD_STATE_SLEEPING, 2003 * TICK_NS);
    struct thread *other = add(40);
    assert_ptr_equal(leave(), other);
    run(1000);
    assert_int_equal(now, 2000);
    assert_ptr_equal(leave(), other);
    assert_true(deadline_ns == 2003 * TICK_NS);
    run(1000);
    assert_int_equal(now, 2003);
    assert_ptr_equal(leave(), urgent);
    assert_true(deadline_ns > timer_now_ns() && deadline_ns <= timer_now_ns() + 1000 * TICK_NS);
}

/* One that is less urgent than who runs doesn't end it, whatever else is due. */
static void less_urgent_deadlines_keep_their_pauses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct thread *sleeper = add(i == 0 ? 1 : 20);
        assert_ptr_equal(leave(), sleeper);
        thread_block(sleeper, THREAD_STATE_SLEEPING, (i == 0 ? 1999 : 2000) * TICK_NS);
    }
    struct thread *urgent = add(60);
    struct thread *other = add(40);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), other);
    now = 2005;
    scheduler_on_timer();
    assert_ptr_equal(leave(), other);
    assert_true(deadline_ns > timer_now_ns() + 10 * TICK_NS);
    /* Who sets one now is told in time. */
    thread_wake(urgent, STATUS_OK);
    assert_ptr_equal(leave(), urgent);
    thread_block(urgent, THREAD_STATE_SLEEPING, timer_now_ns() + 3 * TICK_NS);
    assert_ptr_equal(leave(), other);
    assert_true(timer_is_set_by(timer_now_ns() + 3 * TICK_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(waits_end_at_their_deadlines_in_order, setup),
        cmocka_unit_test_setup(a_timer_that_is_early_costs_an_interrupt_and_changes_nothing, setup),
        cmocka_unit_test_setup(the_timer_is_for_whichever_comes_first, setup),
        cmocka_unit_test_setup(more_urgent_deadline_ends_a_pause, setup),
        cmocka_unit_test_setup(less_urgent_deadlines_keep_their_pauses, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Deferred work: who is to run goes before it, and no message is sent for it when the CPU comes
 * back all the same.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/deferred.h"
#include "tests/host/scheduler/scheduler_fixture.h"

static unsigned steps_left, step_ticks; /* of what is deferred, and what each takes */

static int setup_steps(void **state)
{
    step_ticks = 0;
    return setup(state);
}

static void step_of_many(struct deferred *deferred)
{
    now += step_ticks;
    if (--steps_left > 0)
        deferred_add(deferred, step_of_many, 31);
}

/*
 * While an interrupt is pending no message is sent for deferred work to go on, since the interrupt
 * brings the CPU back as well; one that is served between threads that leave the queues doesn't.
 */
static void served_interrupt_is_no_message(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *stopped = add(30);
    struct thread *other = add(10);
    domains[0].state = DOMAIN_STATE_STOPPED;
    steps_left = 5;
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    is_interrupted = true;
    messages = 0;
    assert_ptr_equal(thread_of_cross(scheduler_leave()), other);
    assert_int_equal(stopped->state, THREAD_STATE_STOPPED);
    assert_false(is_interrupted);
    assert_false(deferred_is_empty());
    assert_int_equal(messages, 1);
    assert_ptr_equal(leave(), other);
    assert_int_equal(steps_left, 0);
}

/* Neither is one sent while a deadline is due: the timer interrupts at once. */
static void deadline_that_is_due_is_no_message(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *sleeper = add(40);
    struct thread *other = add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_SLEEPING, timer_now_ns() + 100 * TICK_NS);
    assert_ptr_equal(leave(), other);
    steps_left = 5;
    now += 101; /* in the kernel, say, after the timer was looked at */
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    messages = 0;
    assert_ptr_equal(thread_of_cross(scheduler_leave()), other);
    assert_int_equal(steps_left, 4);
    assert_int_equal(messages, 0);
    assert_true(timer_is_set_by(timer_now_ns()));
    run(1);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(thread_of_cross(scheduler_leave()), sleeper);
    assert_int_equal(steps_left, 4); /* it goes first */
    block(sleeper);
    assert_ptr_equal(leave(), other);
    assert_int_equal(steps_left, 0);
}

static void who_is_woken_from_idleness_goes_before_what_is_deferred(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *only = add(40);
    assert_ptr_equal(leave(), only);
    thread_block(only, THREAD_STATE_SLEEPING, timer_now_ns() + 2500 * TICK_NS);
    steps_left = 100;
    step_ticks = 1000;
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    assert_ptr_equal(thread_of_cross(scheduler_leave()), only);
    assert_int_equal(100 - steps_left, 3); /* the third was under way */
    settle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(served_interrupt_is_no_message, setup_steps),
        cmocka_unit_test_setup(deadline_that_is_due_is_no_message, setup_steps),
        cmocka_unit_test_setup(who_is_woken_from_idleness_goes_before_what_is_deferred,
                               setup_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

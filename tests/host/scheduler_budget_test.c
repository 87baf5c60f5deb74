/*
 * Budgets: who has used up its own runs in the background until its period ends, and nothing brings
 * it back before.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/scheduler/scheduler_fixture.h"

enum { BUDGET_NS = 2000000, PERIOD_NS = 10000000 };
enum { BUDGET = BUDGET_NS / TICK_NS, PERIOD = PERIOD_NS / TICK_NS };

/* Let time pass, as the timer has it, until there is somebody new to run. */
static struct thread *next_after(const struct thread *current)
{
    struct thread *next;

    do {
        assert_true(deadline_ns != 0);
        run(UINT32_MAX);
        next = leave();
    } while (next == current);
    return next;
}

static void used_up_budget_is_background_until_the_period_ends(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    const uint64_t begin = now;

    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    for (unsigned period = 0; period < 5; period++) {
        assert_ptr_equal(next_after(high), low);
        assert_true(now >= begin + period * PERIOD + BUDGET);
        assert_true(now <= begin + period * PERIOD + BUDGET + 1 + period);
        assert_int_equal(high->priority, 0);
        assert_int_equal(high->base_priority, 30);
        assert_ptr_equal(next_after(low), high);
        assert_true(now >= begin + (period + 1) * PERIOD);
        assert_true(now <= begin + (period + 1) * PERIOD + 1);
        assert_int_equal(high->priority, 30);
    }
    budget_set(high, 0, 0);
    assert_ptr_equal(leave(), high);
    assert_int_equal(high->budget_end, 0);
    assert_false(timeout_is_armed(&high->budget.replenishment));
}

static void alone_it_goes_on_and_the_timer_only_knows_the_period(void **state)
{
    unsigned interrupts = 0;

    (void)state;
    struct thread *only = add(30);
    budget_set(only, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), only);
    for (const uint64_t end = now + 20 * PERIOD; now < end; interrupts++) {
        assert_true(deadline_ns != 0);
        run(UINT32_MAX);
        assert_ptr_equal(leave(), only);
    }
    assert_true(interrupts >= 39 && interrupts <= 41);
    assert_int_equal(waits, 0);
}

/* A period begins when the last is over and its budget used up: not by the clock. */
static void who_stays_within_its_budget_is_never_in_the_background(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    for (unsigned period = 0; period < 50; period++) {
        for (const uint64_t end = now + BUDGET * 9 / 10; now < end;) {
            run(end - now);
            assert_ptr_equal(leave(), high);
            assert_int_equal(high->priority, 30);
        }
        thread_block(high, THREAD_STATE_SLEEPING, timer_now_ns() + PERIOD_NS);
        assert_ptr_equal(leave(), low);
        assert_ptr_equal(next_after(low), high);
    }
}

static void whoever_waits_meanwhile_comes_back_with_a_new_budget(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    block(low);
    assert_ptr_equal(leave(), high);
    thread_block(high, THREAD_STATE_SLEEPING, begin + PERIOD_NS / 2);
    thread_wake(low, STATUS_OK);
    assert_ptr_equal(leave(), low);
    while (timer_now_ns() + 2000 * TICK_NS < begin + PERIOD_NS) {
        run(1000);
        (void)leave();
        assert_int_equal(high->priority, 0);
    }
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    assert_int_equal(high->priority, 30);
    assert_true(timer_is_set_by(timer_now_ns() + BUDGET_NS + TICK_NS));
}

static void budget_set_anew_goes_on_with_its_period(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    run(BUDGET / 2);
    budget_set(high, 2 * BUDGET_NS, 2 * PERIOD_NS); /* while it runs */
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + 2 * BUDGET_NS + 3 * TICK_NS);
    budget_set(high, 3 * BUDGET_NS, 2 * PERIOD_NS); /* while it is used up */
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + 3 * BUDGET_NS + 4 * TICK_NS);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), low);
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS
                && timer_now_ns() < begin + PERIOD_NS + 2 * TICK_NS);
}

/* What was used stays used, also by one that has had a narrower budget since. */
static void budget_does_not_come_back_by_being_narrowed(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    run(BUDGET * 3 / 4);
    budget_set(high, BUDGET_NS_MIN, PERIOD_NS); /* while it runs */
    assert_ptr_equal(leave(), low);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + BUDGET_NS + 3 * TICK_NS);
    budget_set(high, BUDGET_NS_MIN, PERIOD_NS); /* while it is used up */
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), low);
    assert_int_equal(high->priority, 0);
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    assert_ptr_equal(next_after(high), low); /* and a whole one then */
    assert_true(timer_now_ns() >= begin + PERIOD_NS + BUDGET_NS - 2 * TICK_NS);
}

/* From a signal to its waiter and back there is no queue and no look at the timer. */
static void suspended_one_has_its_budget_looked_after(void **state)
{
    (void)state;
    struct thread *urgent = add(40);
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), high);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(timer_is_set_by((now + BUDGET - high->cpu_ticks + 1) * TICK_NS));
        run(BUDGET / 20);
        assert_ptr_equal(leave(), high); /* if the timer was early */
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(thread_of_cross(scheduler_wake(high, urgent)), urgent);
        now += BUDGET / 5; /* not its time */
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_PARKED, DEADLINE_NEVER), &high->cross);
    }
    const uint64_t left = BUDGET - high->cpu_ticks;
    const uint64_t resumed = now;
    assert_ptr_equal(next_after(high), low);
    assert_true(now <= resumed + left + 2);
}

static void waiter_that_takes_over_has_its_budget_looked_after(void **state)
{
    (void)state;
    struct thread *urgent = add(40);
    struct thread *low = add(10);
    budget_set(urgent, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), urgent);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_PARKED, DEADLINE_NEVER), &low->cross);
    run(UINT32_MAX); /* the timer was early */
    assert_ptr_equal(leave(), low);
    assert_true(deadline_ns == 0);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wake(low, urgent), &urgent->cross);
    assert_true(timer_is_set_by(timer_now_ns() + BUDGET_NS + TICK_NS));
}

static void new_threads_of_a_limited_domain_inherit_what_ended_ones_used(void **state)
{
    (void)state;
    domains[1].budget.budget_ns = BUDGET_NS;
    domains[1].budget.period_ns = PERIOD_NS;
    struct thread *free = add(10);
    struct thread *limited = add(30); /* of domains[1] */
    const nsec_t begin = timer_now_ns();
    assert_int_equal(free->budget_end, 0);
    assert_ptr_equal(leave(), limited);
    run(BUDGET * 3 / 4);
    thread_end(limited);
    assert_ptr_equal(leave(), free);
    thread_count++; /* the next is of domains[1] again */
    thread_count++;
    struct thread *second = add(30);
    thread_count -= 2;
    assert_ptr_equal(leave(), second);
    assert_ptr_equal(next_after(second), free);
    assert_true(timer_now_ns() < begin + BUDGET_NS + 3 * TICK_NS);
    assert_ptr_equal(next_after(free), second);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    thread_end(second);
    assert_ptr_equal(leave(), free);
    object_put(&limited->object);
    object_put(&second->object);
}

/* Another CPU ended it while this one waited for the lock, with the timer's interrupt in hand. */
static void budget_that_ends_with_its_thread_never_comes_back(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    now += BUDGET;
    thread_end(high);
    scheduler_on_timer();
    assert_false(timeout_is_armed(&high->budget.replenishment));
    assert_ptr_equal(leave(), low);
    object_put(&high->object);
}

/* At its priority it never has more than a budget for each period that has begun, and one. */
static void random_use_stays_below_budget_by_period(void **state)
{
    (void)state;
    struct thread *high = add(30);
    (void)add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const uint64_t begin = now;
    uint64_t urgent = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        const struct thread *current = leave();
        const bool counts = current == high && high->priority == 30;
        const uint64_t before = now;
        run(1 + random_below(BUDGET / 3));
        urgent += counts ? now - before : 0;
        assert_true(urgent <= ((now - begin) / PERIOD + 2) * (BUDGET + 2));
        if (current == high && random_below(4) == 0)
            thread_block(high, THREAD_STATE_SLEEPING, timer_now_ns() + random_below(2 * PERIOD_NS));
    }
    assert_true(urgent > (now - begin) / PERIOD * BUDGET / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(used_up_budget_is_background_until_the_period_ends, setup),
        cmocka_unit_test_setup(alone_it_goes_on_and_the_timer_only_knows_the_period, setup),
        cmocka_unit_test_setup(who_stays_within_its_budget_is_never_in_the_background, setup),
        cmocka_unit_test_setup(whoever_waits_meanwhile_comes_back_with_a_new_budget, setup),
        cmocka_unit_test_setup(budget_set_anew_goes_on_with_its_period, setup),
        cmocka_unit_test_setup(budget_does_not_come_back_by_being_narrowed, setup),
        cmocka_unit_test_setup(suspended_one_has_its_budget_looked_after, setup),
        cmocka_unit_test_setup(waiter_that_takes_over_has_its_budget_looked_after, setup),
        cmocka_unit_test_setup(new_threads_of_a_limited_domain_inherit_what_ended_ones_used, setup),
        cmocka_unit_test_setup(budget_that_ends_with_its_thread_never_comes_back, setup),
        cmocka_unit_test_setup(random_use_stays_below_budget_by_period, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * From one thread to another, or to none: what the CPU has of the one that runs, its view, ASID and
 * thread pointer, and when it has nothing more of one that ended.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_machine.h"
#include "tests/host/scheduler/scheduler_fixture.h"

static void a_waiter_takes_over_if_it_is_more_urgent(void **state)
{
    (void)state;
    struct thread *urgent = add(30);
    struct thread *low = add(10);
    assert_ptr_equal(leave(), urgent);
    for (unsigned round = 0; round < 3; round++) {
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_WAITING_EVENT, DEADLINE_NEVER), low);
        assert_false(spinlock_is_held(&kernel_lock));
        assert_ptr_equal(cpu.current, low);
        assert_int_equal(low->state, THREAD_STATE_RUNNING);
        assert_true(fake_ttbr == low->home->cross.ttbr);
        low->cross.is_lazy = 1;
        now += 100;
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wake(low, urgent), urgent);
        assert_false(spinlock_is_held(&kernel_lock));
        assert_int_equal(urgent->state, THREAD_STATE_RUNNING);
        assert_int_equal(low->state, THREAD_STATE_READY);
        assert_int_equal(armed, round + 1); /* it left the CPU with a deadline written down */
        assert_int_equal(thread_cpu_time_ns(low), (round + 1) * 100 * TICK_NS);
        assert_ptr_equal(leave(), urgent);
    }
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_WAITING_EVENT, DEADLINE_NEVER), low);
    low->priority = 40;
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wake(low, urgent), low);
    assert_int_equal(urgent->state, THREAD_STATE_READY);
}

static void while_nobody_is_ready_the_cpu_shows_no_view_and_counts_idle_time(void **state)
{
    (void)state;
    struct thread *only = add(10);
    assert_ptr_equal(leave(), only);
    run(700);
    thread_block(only, THREAD_STATE_SLEEPING, timer_now_ns() + 5000 * TICK_NS);
    assert_ptr_equal(leave(), only); /* wfi() looked at the view */
    assert_int_equal(waits, 1);
    assert_int_equal(cpu.idle_ticks, 5000);
    run(300);
    assert_int_equal(thread_cpu_time_ns(only), (700 + 300) * TICK_NS);
}

static void a_domain_gets_an_asid_when_it_is_entered_without(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    assert_ptr_equal(leave(), first);
    assert_int_equal(assignments, 1);
    first->home->cross.ttbr = 0; /* taken away meanwhile */
    assert_ptr_equal(leave(), first);
    assert_int_equal(assignments, 2);
    scheduler_yield(first);
    assert_ptr_equal(leave(), second);
    assert_int_equal(assignments, 3);
    assert_true(fake_ttbr == second->home->cross.ttbr);
}

static void each_thread_has_its_own_thread_pointer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)add(10);
    for (unsigned i = 0; i < 9; i++) {
        struct thread *thread = leave();
        assert_true(tpidr_el0 == (i < 3 ? 0 : thread->id * 1000));
        tpidr_el0 = thread->id * 1000;
        scheduler_yield(thread);
    }
}

static void an_ended_thread_is_freed_when_another_runs(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(5);
    assert_ptr_equal(leave(), first);
    object_put(&first->object); /* the creator's */
    thread_end(first);
    assert_int_equal(domains[0].used.threads, 0);
    assert_int_equal(domains[0].object.uses, 1); /* the CPU still has it */
    assert_ptr_equal(leave(), second);
    assert_int_equal(domains[0].object.uses, 0);
}

/* It has given way to another, and waits for a CPU that is free; its registers are still here. */
static void one_that_ends_on_its_way_to_another_cpu_is_freed_when_this_one_is_done(void **state)
{
    static struct cpu other;
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(5);
    assert_ptr_equal(leave(), first);
    object_put(&first->object); /* the creator's */
    list_init(&other.ready[10]);
    first->state = THREAD_STATE_READY;
    first->cpu = &other;
    list_push_back(&other.ready[10], &first->run_node);
    thread_end(first);
    assert_true(list_is_empty(&other.ready[10]));
    assert_int_equal(domains[0].object.uses, 1); /* this CPU still has it */
    assert_ptr_equal(leave(), second);
    assert_int_equal(domains[0].object.uses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_waiter_takes_over_if_it_is_more_urgent, setup),
        cmocka_unit_test_setup(while_nobody_is_ready_the_cpu_shows_no_view_and_counts_idle_time,
                               setup),
        cmocka_unit_test_setup(a_domain_gets_an_asid_when_it_is_entered_without, setup),
        cmocka_unit_test_setup(each_thread_has_its_own_thread_pointer, setup),
        cmocka_unit_test_setup(an_ended_thread_is_freed_when_another_runs, setup),
        cmocka_unit_test_setup(
            one_that_ends_on_its_way_to_another_cpu_is_freed_when_this_one_is_done, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Turns: of the threads that are ready the most urgent runs, equals in their order and for a slice
 * each, as the queues of a model have it too.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/priority.h"
#include "tests/host/scheduler/scheduler_fixture.h"

static void the_most_urgent_runs_and_equals_in_their_order(void **state)
{
    static const uint32_t priorities[] = {5, 63, 0, 5, 63, 31, 0};
    static const unsigned order[] = {1, 4, 5, 0, 3, 2, 6};

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        (void)add(priorities[i]);
    for (unsigned i = 0; i < 7; i++) {
        assert_ptr_equal(leave(), threads[order[i]]);
        assert_ptr_equal(leave(), threads[order[i]]); /* and goes on */
        if (i < 6)
            block(threads[order[i]]);
    }
}

static void a_more_urgent_one_takes_over_at_once(void **state)
{
    (void)state;
    struct thread *low = add(10);
    assert_ptr_equal(leave(), low);
    run(100);
    struct thread *high = add(11);
    assert_int_equal(cpu.exit_work, EXIT_SCHEDULE);
    assert_ptr_equal(leave(), high);
    assert_int_equal(low->state, THREAD_STATE_READY);
    struct thread *lower = add(9);
    assert_ptr_equal(leave(), high);
    block(high);
    assert_ptr_equal(leave(), low);
    block(low);
    assert_ptr_equal(leave(), lower);
}

static void a_preempted_one_goes_on_first_with_what_is_left_of_its_turn(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    run(SLICE / 4);
    struct thread *urgent = add(20);
    assert_ptr_equal(leave(), urgent);
    run(3 * SLICE); /* its own time, not theirs */
    block(urgent);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == (now + SLICE - SLICE / 4) * TICK_NS + 1);
    run(SLICE / 2);
    assert_ptr_equal(leave(), first);
    run(SLICE);
    assert_ptr_equal(leave(), second);
    assert_true(deadline_ns == (now + SLICE) * TICK_NS + 1);
    run(SLICE + 1);
    assert_ptr_equal(leave(), first); /* whole again */
    assert_true(deadline_ns == (now + SLICE) * TICK_NS + 1);
}

static void one_that_is_preempted_when_its_turn_is_over_goes_last(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    now += SLICE + 1;
    struct thread *urgent = add(20);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), second);
    block(second);
    assert_ptr_equal(leave(), first);
}

static void whoever_yields_goes_last(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)add(10);
    struct thread *low = add(3);
    for (unsigned i = 0; i < 9; i++) {
        assert_ptr_equal(leave(), threads[i % 3]);
        scheduler_yield(threads[i % 3]);
    }
    for (unsigned i = 0; i < 3; i++)
        block(leave());
    assert_ptr_equal(leave(), low);
    scheduler_yield(low);
    assert_ptr_equal(leave(), low); /* to nobody */
}

static void equals_take_turns_and_a_lone_one_needs_no_timer(void **state)
{
    (void)state;
    struct thread *first = add(10);
    (void)add(4);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == 0);
    run(5 * SLICE);
    assert_ptr_equal(leave(), first);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), second); /* the first has had more than a turn */
    for (unsigned i = 0; i < 6; i++) {
        assert_true(timer_is_set_by((now + SLICE) * TICK_NS + 1));
        run(SLICE + 1);
        assert_ptr_equal(leave(), i % 2 == 0 ? first : second);
    }
}

/* Its last turn may be long over; it waited since, and nobody else ran. */
static void whoever_waited_begins_a_whole_turn(void **state)
{
    (void)state;
    struct thread *first = add(10);
    assert_ptr_equal(leave(), first);
    thread_block(first, THREAD_STATE_SLEEPING, timer_now_ns() + 100 * (nsec_t)THREAD_SLICE_NS);
    assert_ptr_equal(leave(), first);
    assert_int_equal(waits, 1);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    assert_true(timer_is_set_by((now + SLICE) * TICK_NS + 1));
    run(SLICE + 1);
    assert_ptr_equal(leave(), second);
}

static void a_priority_can_change_in_the_queue(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        (void)add(10);
    assert_ptr_equal(leave(), threads[0]);
    priority_set_base(threads[2], 12);
    assert_true(cpu.ready_mask == (BIT(10) | BIT(12)));
    assert_ptr_equal(leave(), threads[2]);
    priority_set_base(threads[2], 8); /* the one that runs */
    assert_ptr_equal(leave(), threads[0]);
    priority_set_base(threads[1], 8);
    priority_set_base(threads[3], 8);
    assert_true(cpu.ready_mask == BIT(8));
    block(threads[0]);
    assert_ptr_equal(leave(), threads[2]);
    block(threads[2]);
    assert_ptr_equal(leave(), threads[1]);
    block(threads[1]);
    assert_ptr_equal(leave(), threads[3]);
    assert_true(cpu.ready_mask == 0);
}

static void one_that_waits_gets_its_new_priority_when_it_wakes(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    block(first);
    assert_ptr_equal(leave(), second);
    priority_set_base(first, 11);
    assert_true(cpu.ready_mask == 0);
    thread_wake(first, STATUS_OK);
    assert_ptr_equal(leave(), first);
}

/* The model: the queues as they ought to be. */
static struct {
    struct thread *queue[PRIORITY_COUNT][THREADS];
    unsigned count[PRIORITY_COUNT];
    struct thread *current;
    uint64_t turn_end;
    uint64_t left[THREADS];
} model;

static void model_insert(struct thread *thread, bool first)
{
    struct thread **queue = model.queue[thread->priority];
    unsigned *count = &model.count[thread->priority];

    if (first)
        memmove(queue + 1, queue, *count * sizeof(*queue));
    queue[first ? 0 : *count] = thread;
    ++*count;
}

static bool model_remove(struct thread *thread)
{
    struct thread **queue = model.queue[thread->priority];
    unsigned *count = &model.count[thread->priority];

    for (unsigned i = 0; i < *count; i++) {
        if (queue[i] != thread)
            continue;
        memmove(queue + i, queue + i + 1, (*count - i - 1) * sizeof(*queue));
        --*count;
        return true;
    }
    return false;
}

static int model_best(void)
{
    for (int p = PRIORITY_COUNT - 1; p >= 0; p--)
        if (model.count[p] > 0)
            return p;
    return -1;
}

/* Who is to run, after the one that ran goes on, or not. */
static struct thread *model_leave(void)
{
    struct thread *current = model.current;
    const int best = model_best();

    if (current != NULL) {
        const int own = (int)current->priority;
        const bool over = now >= model.turn_end;
        if (best < own || (best == own && !over))
            return current;
        if (!over)
            model.left[index_of(current)] = model.turn_end - now;
        model_insert(current, !over);
    }
    struct thread *next = model.queue[best][0];
    (void)model_remove(next);
    model.current = next;
    uint64_t *left = &model.left[index_of(next)];
    model.turn_end = now + (*left != 0 ? *left : SLICE);
    *left = 0;
    return next;
}

static void check_queues(void)
{
    for (unsigned p = 0; p < PRIORITY_COUNT; p++) {
        unsigned i = 0;
        LIST_FOR_EACH (node, &cpu.ready[p]) {
            assert_true(i < model.count[p]);
            assert_ptr_equal(LIST_ENTRY(node, struct thread, run_node), model.queue[p][i]);
            i++;
        }
        assert_int_equal(i, model.count[p]);
    }
}

static void step_random(void)
{
    struct thread *any = threads[1 + random_below(THREADS - 1)];
    struct thread *current = cpu.current;

    switch (random_below(5)) {
    case 0:
        now += random_below(SLICE / 2);
        break;
    case 1: /* the idle one never waits */
        if (current != threads[0]) {
            block(current);
            model.current = NULL;
        }
        break;
    case 2:
        if (any->state == THREAD_STATE_PARKED) {
            thread_wake(any, STATUS_OK);
            model_insert(any, false);
        }
        break;
    case 3:
        scheduler_yield(current);
        model_insert(current, false);
        model.current = NULL;
        break;
    default: {
        const uint32_t priority = 1 + random_below(6);
        const bool moves = priority != any->priority && model_remove(any);
        priority_set_base(any, priority);
        if (moves)
            model_insert(any, false);
        break;
    }
    }
}

static void random_steps_match_the_model(void **state)
{
    (void)state;
    memset(&model, 0, sizeof(model));
    for (unsigned d = 0; d < 3; d++)
        domains[d].limit.threads = THREADS;
    for (unsigned i = 0; i < THREADS; i++)
        model_insert(add(i == 0 ? 0 : 1 + i % 6), false);
    for (unsigned step = 0; step < STEPS; step++) {
        struct thread *expected = model_leave();
        assert_ptr_equal(leave(), expected);
        check_queues();
        /* With an equal waiting, the turn's end is the timer's. */
        if (model.count[expected->priority] > 0)
            assert_true(timer_is_set_by(model.turn_end * TICK_NS + 1));
        step_random();
    }
    uint64_t sum = cpu.idle_ticks;
    for (unsigned i = 0; i < THREADS; i++)
        sum += thread_cpu_time_ns(threads[i]) / TICK_NS;
    assert_int_equal(sum, now - 1000);
    assert_int_equal(waits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_most_urgent_runs_and_equals_in_their_order, setup),
        cmocka_unit_test_setup(a_more_urgent_one_takes_over_at_once, setup),
        cmocka_unit_test_setup(a_preempted_one_goes_on_first_with_what_is_left_of_its_turn, setup),
        cmocka_unit_test_setup(one_that_is_preempted_when_its_turn_is_over_goes_last, setup),
        cmocka_unit_test_setup(whoever_yields_goes_last, setup),
        cmocka_unit_test_setup(equals_take_turns_and_a_lone_one_needs_no_timer, setup),
        cmocka_unit_test_setup(whoever_waited_begins_a_whole_turn, setup),
        cmocka_unit_test_setup(a_priority_can_change_in_the_queue, setup),
        cmocka_unit_test_setup(one_that_waits_gets_its_new_priority_when_it_wakes, setup),
        cmocka_unit_test_setup(random_steps_match_the_model, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

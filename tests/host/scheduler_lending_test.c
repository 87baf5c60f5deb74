/*
 * Lending: who holds what a more urgent one waits for is as urgent, through rings of waiters too,
 * as a model has it.
 */
// library: scheduler_fixture
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/portal.h"
#include "core/priority.h"
#include "tests/host/scheduler/scheduler_fixture.h"

enum { PORTALS = 6, STACKS = 3 };

static struct portal portals[PORTALS];
static struct record records[PORTALS][STACKS];

static void portals_make(void)
{
    memset(portals, 0, sizeof(portals));
    memset(records, 0, sizeof(records));
    for (unsigned p = 0; p < PORTALS; p++) {
        list_init(&portals[p].records);
        line_init(&portals[p].waiting);
        for (unsigned i = 0; i < 1 + p % STACKS; i++) {
            records[p][i].portal = &portals[p];
            list_push_back(&portals[p].records, &records[p][i].portal_node);
        }
    }
}

static struct record *record_free(const struct portal *portal)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (record->cross.thread == NULL)
            return record;
    }
    return NULL;
}

/* As a call does it; true if it has a stack. */
static bool call(struct thread *thread, struct portal *portal)
{
    struct record *record = record_free(portal);

    if (record != NULL) {
        record->cross.thread = &thread->cross;
        return true;
    }
    line_join(&portal->waiting, &thread->waiter, thread->priority);
    thread->waiting_portal = portal;
    LIST_FOR_EACH (node, &portal->records)
        priority_want(LIST_ENTRY(node, struct record, portal_node));
    priority_lend(portal);
    if (scheduler_has_queued(thread))
        scheduler_dequeue(thread);
    thread_block(thread, THREAD_STATE_WAITING_PORTAL, DEADLINE_NEVER);
    return false;
}

static void give_back(struct record *record)
{
    struct waiter *first = line_first(&record->portal->waiting);

    if (list_node_is_linked(&record->wanted_node))
        priority_unwant(record, thread_of_cross(record->cross.thread));
    record->cross.thread = NULL;
    if (first == NULL)
        return;
    struct thread *next = LIST_ENTRY(first, struct thread, waiter);
    thread_unqueue(next);
    record->cross.thread = &next->cross;
    if (!line_is_empty(&record->portal->waiting))
        priority_want(record);
    thread_make_ready(next);
}

static void holder_inherits_until_it_gives_the_stack_back(void **state)
{
    (void)state;
    portals_make();
    struct thread *high = add(30);
    struct thread *middle = add(20);
    struct thread *low = add(10);
    block(high);
    block(middle);
    scheduler_dequeue(high);
    scheduler_dequeue(middle);
    assert_ptr_equal(leave(), low);
    assert_true(call(low, &portals[0]));
    thread_wake(middle, STATUS_OK);
    thread_wake(high, STATUS_OK);
    assert_ptr_equal(leave(), high);
    assert_false(call(high, &portals[0]));
    assert_ptr_equal(leave(), low);
    assert_int_equal(low->priority, 30);
    give_back(&records[0][0]);
    assert_int_equal(low->priority, 10);
    assert_ptr_equal(leave(), high);
    assert_true(records[0][0].cross.thread == &high->cross);
    block(high);
    assert_ptr_equal(leave(), middle);
}

/* Whoever waits in a ring passes a loan on, once; when somebody leaves it is taken back. */
static void ring_of_waiters_settles(void **state)
{
    (void)state;
    portals_make();
    (void)add(0);
    struct thread *first = add(10);
    struct thread *second = add(12);
    struct thread *third = add(30);
    assert_ptr_equal(leave(), third);
    assert_true(call(first, &portals[0]) && call(second, &portals[3]));
    assert_false(call(first, &portals[3]) || call(second, &portals[0]));
    assert_ptr_equal(leave(), third);
    assert_int_equal(first->priority, 10); /* whoever is more urgent goes first */
    settle();
    assert_int_equal(first->priority, 12);
    assert_false(call(third, &portals[0]));
    assert_ptr_equal(leave(), threads[0]);
    assert_int_equal(first->priority, 30);
    assert_int_equal(second->priority, 30);
    portal_fail_waiting(second, STATUS_TIMED_OUT);
    assert_ptr_equal(leave(), second);
    assert_int_equal(second->priority, 30); /* its stack is wanted by the first, that one's by it */
    give_back(&records[3][0]);
    assert_int_equal(second->priority, 12);
    assert_ptr_equal(leave(), first);
    assert_int_equal(first->priority, 30);
    give_back(&records[0][0]);
    assert_int_equal(first->priority, 10);
}

/* Interrupts without a pause: in a domain of a usual size a sleeper lends all the same. */
static void sleeper_lends_under_a_flood_of_interrupts(void **state)
{
    (void)state;
    struct thread *high = add(30); /* of the first of three domains, as is every third one */
    for (unsigned i = 1; i < THREADS; i++)
        (void)add(10);
    for (unsigned d = 0; d < 3; d++)
        list_init(&domains[d].belongings);
    struct thread *low = threads[3];
    low->stack_top = 0x9000;
    assert_ptr_equal(leave(), high);
    is_interrupted = true;
    assert_int_equal(thread_park(high, 0x100, DEADLINE_NEVER, 0x8ff0), STATUS_OK);
    is_interrupted = false;
    settle();
    assert_int_equal(low->priority, 30);
    assert_ptr_equal(leave(), low);
}

/* What all priorities ought to be: what is lent goes on until nothing changes. */
static void model_priorities(uint32_t *expected)
{
    for (unsigned t = 0; t < THREADS; t++)
        expected[t] = budget_is_used_up(threads[t]) ? 0 : threads[t]->base_priority;
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned t = 0; t < THREADS; t++) {
            if (threads[t]->waiting_portal == NULL)
                continue;
            LIST_FOR_EACH (node, &threads[t]->waiting_portal->records) {
                const struct record *record = LIST_ENTRY(node, struct record, portal_node);
                const struct thread *holder = thread_of_cross(record->cross.thread);
                uint32_t *of_holder = &expected[index_of(holder)];
                if (budget_is_used_up(holder) || *of_holder >= expected[t])
                    continue;
                *of_holder = expected[t];
                changed = true;
            }
        }
    }
}

static void check_lending(void)
{
    uint32_t expected[THREADS];

    model_priorities(expected);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(threads[t]->priority, expected[t]);
        if (threads[t]->waiting_portal != NULL)
            assert_int_equal(threads[t]->waiter.urgency, expected[t]);
    }
}

/* The highest portal of which it has a stack: it only calls higher ones, so there are no rings. */
static int highest_held(const struct thread *thread, struct record **record)
{
    for (int p = PORTALS - 1; p >= 0; p--)
        for (unsigned i = 0; i < STACKS; i++)
            if (records[p][i].cross.thread == &thread->cross) {
                *record = &records[p][i];
                return p;
            }
    return -1;
}

static void lend_random(struct thread *thread)
{
    struct record *held = NULL;
    const int highest = highest_held(thread, &held);
    const bool is_waiting = thread->waiting_portal != NULL;

    switch (random_below(6)) {
    case 0:
    case 1:
    case 2:
        if (!is_waiting && highest + 1 < PORTALS)
            (void)call(
                thread,
                &portals[highest + 1 + (int)random_below((uint32_t)(PORTALS - highest - 1))]);
        break;
    case 3:
        if (is_waiting)
            portal_fail_waiting(thread, STATUS_TIMED_OUT);
        else if (held != NULL)
            give_back(held);
        break;
    case 4:
        priority_set_base(thread, random_below(8));
        break;
    default:
        thread->budget.ticks = thread->budget.ticks == 0 && random_below(3) == 0;
        priority_update(thread);
        break;
    }
}

static void random_lending_matches_the_model(void **state)
{
    (void)state;
    portals_make();
    for (unsigned i = 0; i < THREADS; i++)
        (void)add(i % 8);
    for (unsigned step = 0; step < STEPS; step++) {
        lend_random(threads[1 + random_below(THREADS - 1)]);
        (void)leave();
        settle();
        check_lending();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(holder_inherits_until_it_gives_the_stack_back, setup),
        cmocka_unit_test_setup(ring_of_waiters_settles, setup),
        cmocka_unit_test_setup(sleeper_lends_under_a_flood_of_interrupts, setup),
        cmocka_unit_test_setup(random_lending_matches_the_model, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

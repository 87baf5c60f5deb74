/*
 * Lines against a plain array: the order is that of urgency and arrival, whoever leaves when.
 */
// source: core/base/line.c
#include "base/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { WAITERS = 40, URGENCIES = 5, STEPS = 200000 };

static struct waiter waiters[WAITERS];
static struct waiter *model[WAITERS];
static unsigned count;
static uint64_t random_state = 5;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static void model_join(struct waiter *waiter, uint32_t urgency)
{
    unsigned at = count++;

    for (; at > 0 && model[at - 1]->urgency < urgency; at--)
        model[at] = model[at - 1];
    model[at] = waiter;
}

static void model_leave(const struct waiter *waiter)
{
    unsigned at = 0;

    while (model[at] != waiter)
        at++;
    memmove(model + at, model + at + 1, (--count - at) * sizeof(*model));
}

static void check(const struct line *line)
{
    unsigned i = 0, lasts = 0;

    LIST_FOR_EACH (node, &line->waiters) {
        const struct waiter *waiter = LIST_ENTRY(node, struct waiter, node);
        assert_ptr_equal(waiter, model[i]);
        i++;
        const bool is_last = i == count || model[i]->urgency != waiter->urgency;
        assert_int_equal(list_node_is_linked(&waiter->last_node), is_last);
        lasts += is_last;
    }
    assert_int_equal(i, count);
    const struct waiter *before = NULL;
    LIST_FOR_EACH (node, &line->lasts) {
        const struct waiter *last = LIST_ENTRY(node, struct waiter, last_node);
        assert_true(before == NULL || before->urgency > last->urgency);
        before = last;
        lasts--;
    }
    assert_int_equal(lasts, 0);
    assert_ptr_equal(line_first(line), count == 0 ? NULL : model[0]);
    assert_int_equal(line_urgency(line), count == 0 ? 0 : model[0]->urgency);
    assert_int_equal(line_is_empty(line), count == 0);
}

static void random_steps_match_the_model(void **state)
{
    struct line line;

    (void)state;
    line_init(&line);
    for (unsigned step = 0; step < STEPS; step++) {
        struct waiter *waiter = &waiters[random_below(WAITERS)];
        if (list_node_is_linked(&waiter->node)) {
            line_leave(&line, waiter);
            model_leave(waiter);
            assert_false(list_node_is_linked(&waiter->node));
            assert_false(list_node_is_linked(&waiter->last_node));
        } else {
            const uint32_t urgency = random_below(URGENCIES);
            line_join(&line, waiter, urgency);
            model_join(waiter, urgency);
        }
        check(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

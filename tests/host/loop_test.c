/*
 * The loop: what it does when the launcher asks whether it comes round, and when it can't wait.
 */
// include first: tests/host/fake
// source: tests/host/fake/fake_kernel.c
// source: userland/runtime/src/app.c
// source: userland/runtime/src/service_name.c
// source: userland/runtime/src/timer.c
// source: core/abi/status.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "userland/runtime/src/loop.c"

enum { BITS = 4, SOON = 1000 };

static unsigned bit[BITS], served[BITS];
static jmp_buf last_words;

static void on_bit(void *context)
{
    unsigned *count = context;

    (*count)++;
}

static void on_die(void)
{
    longjmp(last_words, 1);
}

static int begin(void **state)
{
    (void)state;
    fake_reset();
    loop_init();
    for (unsigned i = 0; i < BITS; i++) {
        served[i] = 0;
        if (loop_bit_allocate(on_bit, &served[i], &bit[i]) != STATUS_OK)
            return -1;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BITS; i++)
        loop_bit_free(bit[i]);
    return 0;
}

/* Run until nothing is pending. */
static void loop_settle(void)
{
    fake_on_idle(loop_stop);
    loop_run();
}

static void ask(void)
{
    fake_ask();
    loop_settle();
    assert_true(fake_has_answered());
}

static void who_is_asked_looks_at_what_is_marked(void **state)
{
    (void)state;
    loop_bit_look(bit[1]);
    loop_bit_look(bit[3]);
    loop_settle();
    for (unsigned i = 0; i < BITS; i++)
        assert_int_equal(served[i], 0);
    for (unsigned times = 1; times < 4; times++) {
        ask();
        for (unsigned i = 0; i < BITS; i++)
            assert_int_equal(served[i], i % 2 * times);
    }
}

/* Its number is somebody else's next, who didn't ask for looks. */
static void a_bit_that_was_given_back_is_marked_no_more(void **state)
{
    const unsigned was = bit[1];

    (void)state;
    loop_bit_look(bit[1]);
    loop_bit_free(bit[1]);
    assert_int_equal(loop_bit_allocate(on_bit, &served[1], &bit[1]), STATUS_OK);
    assert_int_equal(bit[1], was);
    ask();
    assert_int_equal(served[1], 0);
}

static void who_waits_for_one_bit_answers_and_looks_later(void **state)
{
    (void)state;
    loop_bit_look(bit[1]);
    fake_ask();
    assert_int_equal(loop_wait(bit[0], SOON), STATUS_TIMED_OUT);
    assert_true(fake_has_answered());
    assert_int_equal(served[1], 0);
    ask();
    assert_int_equal(served[1], 1);
}

/* It would go round for ever, and answer whenever it is asked. */
static void a_loop_that_can_t_wait_ends_the_program(void **state)
{
    (void)state;
    fake_on_die(on_die);
    fake_wait_answer(STATUS_BAD_HANDLE);
    if (setjmp(last_words) == 0) {
        loop_settle();
        fail_msg("it goes on");
    }
}

static void a_deadline_ends_nothing(void **state)
{
    (void)state;
    fake_on_die(on_die);
    fake_wait_answer(STATUS_TIMED_OUT);
    if (setjmp(last_words) != 0)
        fail_msg("it has ended");
    loop_settle();
}

static void on_other_bit(void *context)
{
    on_bit(context);
}

static void a_callback_in_which_a_bit_flips_ends_a_program_that_is_asked(void **state)
{
    (void)state;
    loop_on_bit(bit[2], on_other_bit, &served[2]);
    ask();
    fake_on_die(on_die);
    for (volatile unsigned word = 0; word < sizeof source[0] / sizeof(uintptr_t); word++) {
        uintptr_t *damaged = (uintptr_t *)(void *)&source[bit[1]] + word;

        *damaged ^= UINT64_C(1) << 5;
        if (setjmp(last_words) == 0) {
            ask();
            fail_msg("it goes on, with a bit of word %u flipped", word);
        }
        *damaged ^= UINT64_C(1) << 5;
        ask();
    }
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CLAIM(who_is_asked_looks_at_what_is_marked),
        CLAIM(a_bit_that_was_given_back_is_marked_no_more),
        CLAIM(who_waits_for_one_bit_answers_and_looks_later),
        CLAIM(a_loop_that_can_t_wait_ends_the_program),
        CLAIM(a_deadline_ends_nothing),
        CLAIM(a_callback_in_which_a_bit_flips_ends_a_program_that_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Names in portal words: what comes back, and what is refused.
 */
// source: userland/runtime/src/service_name.c
#include "rt/service_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void names_come_back_as_they_went(void **state)
{
    static const char *const names[] = {"a", "net:Tcp", "gpu:Disp",
                                        "0123456789012345678901234567890"};
    char text[SERVICE_NAME_BYTES];

    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct service_name n;

        assert_true(service_name_pack(names[i], &n));
        assert_true(service_name_unpack(n.word, text));
        assert_string_equal(text, names[i]);
    }
}

static void first_byte_is_the_lowest(void **state)
{
    struct service_name n;

    (void)state;
    assert_true(service_name_pack("net", &n));
    assert_int_equal(n.word[0], 0x74656e);
    assert_int_equal(n.word[1] | n.word[2] | n.word[3], 0);
}

static void empty_and_long_names_are_refused(void **state)
{
    struct service_name n = {{1, 2, 3, 4}};

    (void)state;
    assert_false(service_name_pack("", &n));
    assert_false(service_name_pack("01234567890123456789012345678901", &n));
    assert_int_equal(n.word[0], 1);
}

static void words_that_hold_no_name_are_refused(void **state)
{
    struct service_name n;
    char text[SERVICE_NAME_BYTES];
    const struct service_name empty = {{0}};
    const struct service_name endless = {
        {0x6161616161616161, 0x6161616161616161, 0x6161616161616161, 0x6161616161616161}};

    (void)state;
    assert_false(service_name_unpack(empty.word, text));
    assert_false(service_name_unpack(endless.word, text));
    assert_true(service_name_pack("net:Tcp", &n));
    n.word[3] = 1;
    assert_false(service_name_unpack(n.word, text));
    assert_true(service_name_pack("net Tcp", &n));
    assert_false(service_name_unpack(n.word, text));
    assert_true(service_name_pack("net\nTcp", &n));
    assert_false(service_name_unpack(n.word, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back_as_they_went),
        cmocka_unit_test(first_byte_is_the_lowest),
        cmocka_unit_test(empty_and_long_names_are_refused),
        cmocka_unit_test(words_that_hold_no_name_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Formatting, against the host's printf wherever both know the conversion.
 */
// source: core/base/format.c
#include "base/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define assert_same(...)                                                            \
    do {                                                                            \
        char ours_[128], theirs_[128];                                              \
        const size_t length_ = format_text(ours_, sizeof(ours_), __VA_ARGS__);      \
        assert_int_equal(length_, snprintf(theirs_, sizeof(theirs_), __VA_ARGS__)); \
        assert_string_equal(ours_, theirs_);                                        \
    } while (0)

static void numbers_come_out_as_printf_writes_them(void **state)
{
    (void)state;
    assert_same("%u %lu %zu", UINT32_MAX, UINT64_MAX, (size_t)42);
    assert_same("%x %lx", 0xbeefU, UINT64_MAX);
    assert_same("%05u|%02u|%020lu|%020lu", 42U, 12345U, UINT64_MAX, UINT64_C(1));
    assert_same("%016lx|%03x|%08x", UINT64_C(0xffffffff80000000), 0xd08U, 0xaU);
}

static void a_width_is_no_longer_than_a_number_can_be(void **state)
{
    (void)state;
    char text[32];

    assert_int_equal(format_text(text, sizeof(text), "%021u", 1U), 20);
    assert_string_equal(text, "00000000000000000001");
    assert_int_equal(format_text(text, sizeof(text), "%0999x", 1U), 20);
    assert_string_equal(text, "00000000000000000001");
}

static void strings_are_cut(void **state)
{
    (void)state;
    assert_same("[%s] [%.2s] [%.8s] %%", "abc", "abc", "abc");

    char text[16];
    const char unterminated[2] = {'o', 'k'};
    assert_int_equal(format_text(text, sizeof(text), "%.2s", unterminated), 2);
    assert_string_equal(text, "ok");
}

static void a_null_string_is_said_not_read(void **state)
{
    (void)state;
    char text[32];
    const char *volatile nothing = NULL;

    format_text(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

static void a_short_buffer_cuts_and_tells_the_whole_length(void **state)
{
    (void)state;
    char text[8];

    memset(text, 'X', sizeof(text));
    assert_int_equal(format_text(text, 4, "%s", "abcdef"), 6);
    assert_memory_equal(text, "abc\0XXXX", 8);
    assert_int_equal(format_text(text, 1, "%u", 12345U), 5);
    assert_string_equal(text, "");
    assert_int_equal(format_text(NULL, 0, "%u", 12345U), 5);
}

static size_t format_unchecked(char *buffer, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    const size_t length = format_text_list(buffer, size, format, list);
    va_end(list);
    return length;
}

static void an_unknown_conversion_is_copied(void **state)
{
    (void)state;
    char text[32];

    format_unchecked(text, sizeof(text), "%q %5k %-5u %#x %d %", 1, 2, 3);
    assert_string_equal(text, "%q %5k %-5u %#x %d %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_out_as_printf_writes_them),
        cmocka_unit_test(a_width_is_no_longer_than_a_number_can_be),
        cmocka_unit_test(strings_are_cut),
        cmocka_unit_test(a_null_string_is_said_not_read),
        cmocka_unit_test(a_short_buffer_cuts_and_tells_the_whole_length),
        cmocka_unit_test(an_unknown_conversion_is_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

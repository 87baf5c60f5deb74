/*
 * The last lines of one domain in the log: however the text is cut, only whole lines of its own.
 */
// source: userland/launcher/last_lines.c
#include "userland/launcher/last_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "[    0.100000] net: first\n"
                           "[    0.200000] network: not its own\n"
                           "[    0.300000] web: says net: \n"
                           "no time stamp] net: neither\n"
                           "[    0.400000] net: second\n"
                           "[    0.500000] net: without an end";

static void only_its_own_whole_lines_are_kept(void **state)
{
    static struct last_lines lines;
    char out[256];

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        last_lines_init(&lines, "net", false);
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            const size_t left = sizeof text - 1 - at;
            last_lines_feed(&lines, text + at, left < piece ? left : piece);
        }
        last_lines_take(&lines, out, sizeof out);
        assert_string_equal(out, "[    0.100000] net: first\n[    0.400000] net: second\n");
    }
}

static void a_line_whose_start_is_missing_is_passed_over(void **state)
{
    static struct last_lines lines;
    char out[256];

    (void)state;
    last_lines_init(&lines, "net", true);
    last_lines_feed(&lines, text, sizeof text - 1);
    last_lines_take(&lines, out, sizeof out);
    assert_string_equal(out, "[    0.400000] net: second\n");
}

static void the_last_ones_stay(void **state)
{
    static struct last_lines lines;
    char line[64], out[1024];

    (void)state;
    last_lines_init(&lines, "net", false);
    last_lines_take(&lines, out, sizeof out);
    assert_string_equal(out, "");
    for (unsigned i = 0; i < 100; i++) {
        const int length = snprintf(line, sizeof line, "[    1.%06u] net: line\n", i);
        last_lines_feed(&lines, line, (size_t)length);
    }
    last_lines_take(&lines, out, sizeof out);
    assert_int_equal(strncmp(out, "[    1.000092] net: line\n", 25), 0);
    assert_int_equal(strlen(out), LAST_LINES_COUNT * 25);
}

static void what_does_not_fit_is_the_oldest(void **state)
{
    static struct last_lines lines;
    char out[28]; /* the second line, its newline and a zero */

    (void)state;
    last_lines_init(&lines, "net", false);
    last_lines_feed(&lines, text, sizeof text - 1);
    last_lines_take(&lines, out, sizeof out);
    assert_string_equal(out, "[    0.400000] net: second\n");
    last_lines_take(&lines, out, sizeof out - 1);
    assert_string_equal(out, "");
}

static void an_overlong_line_is_cut(void **state)
{
    static struct last_lines lines;
    char long_line[2 * LAST_LINES_WIDTH], out[1024];

    (void)state;
    memset(long_line, 'y', sizeof long_line);
    memcpy(long_line, "[    0.600000] net: ", 20);
    long_line[sizeof long_line - 1] = '\n';
    last_lines_init(&lines, "net", false);
    last_lines_feed(&lines, long_line, sizeof long_line);
    last_lines_take(&lines, out, sizeof out);
    assert_int_equal(strlen(out), LAST_LINES_WIDTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_its_own_whole_lines_are_kept),
        cmocka_unit_test(a_line_whose_start_is_missing_is_passed_over),
        cmocka_unit_test(the_last_ones_stay),
        cmocka_unit_test(what_does_not_fit_is_the_oldest),
        cmocka_unit_test(an_overlong_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Somebody else's text, as it is shown: in the runtime, in the shell's names and in its tables.
 */
// source: userland/runtime/src/shown_text.c
// source: userland/shell/record_text.c
// source: userland/shell/table.c
#include "rt/shown_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "userland/shell/record_text.h"
#include "userland/shell/table.h"

static void printable_text_stays_as_it_is(void **state)
{
    char out[32];

    (void)state;
    shown_text(out, sizeof out, "ring net:Tcp ~\\", 64);
    assert_string_equal(out, "ring net:Tcp ~\\");
    shown_text(out, sizeof out, "no zero behind it", 7);
    assert_string_equal(out, "no zero");
    shown_text(out, sizeof out, "", 1);
    assert_string_equal(out, "");
}

static void every_other_byte_is_a_number(void **state)
{
    char out[SHOWN_BYTE_MAX + 1];
    char expected[SHOWN_BYTE_MAX + 1];

    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        const char text[] = {(char)byte};
        const int is_shown = byte >= ' ' && byte <= '~';
        snprintf(expected, sizeof expected, is_shown ? "%c" : "\\x%02x", byte);
        shown_text(out, sizeof out, text, 1);
        assert_string_equal(out, expected);
    }
}

static void what_does_not_fit_is_left_out_by_whole_bytes(void **state)
{
    char out[8];

    (void)state;
    memset(out, '#', sizeof out);
    shown_text(out, 7, "ab\x1b\x1b", 4);
    assert_string_equal(out, "ab\\x1b");
    assert_int_equal(out[7], '#');
    shown_text(out, 6, "ab\x1b\x1b", 4);
    assert_string_equal(out, "ab");
    shown_text(out, 1, "ab", 2);
    assert_string_equal(out, "");
}

static void names_are_shown_as_text(void **state)
{
    struct name full;

    (void)state;
    assert_string_equal(text_of_name((struct name){"web"}).text, "web");
    assert_string_equal(text_of_name((struct name){""}).text, "-");
    assert_string_equal(text_of_name((struct name){"ring \x1b[2J\n"}).text, "ring \\x1b[2J\\x0a");
    memset(full.text, 0x9b, sizeof full.text);
    const struct name_text text = text_of_name(full);
    assert_int_equal(strlen(text.text), sizeof full.text * SHOWN_BYTE_MAX);
    assert_memory_equal(text.text, "\\x9b\\x9b", 8);
}

static void cells_hold_no_control_sequences(void **state)
{
    static const struct table_column columns[] = {{"what", false}};
    struct table table;

    (void)state;
    table_init(&table, columns, 1);
    table_cell(&table, "%s\n%s", "\x1b[2J", "\x7f");
    assert_int_equal(table.cell_count, 1);
    assert_string_equal(table.cells[0], "\\x1b[2J\\x0a\\x7f");
    table_drop(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(every_other_byte_is_a_number),
        cmocka_unit_test(what_does_not_fit_is_left_out_by_whole_bytes),
        cmocka_unit_test(names_are_shown_as_text),
        cmocka_unit_test(cells_hold_no_control_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

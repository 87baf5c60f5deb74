/*
 * The shell's text: words, units, the key filter, the dumb terminal.
 */
// source: userland/shell/words.c
// source: userland/shell/unit.c
// source: userland/shell/keys.c
// source: userland/shell/dumb.c

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userland/shell/dumb.h"
#include "userland/shell/keys.h"
#include "userland/shell/unit.h"
#include "userland/shell/words.h"

#include <string.h>

static void words_are_cut_at_blanks_and_kept_by_quotes(void **state)
{
    char line[] = "  map\t 0x200000 \"a b\"c ";
    struct words words;

    (void)state;
    assert_null(words_split(line, &words));
    assert_int_equal(words.count, 3);
    assert_string_equal(words.word[0], "map");
    assert_string_equal(words.word[1], "0x200000");
    assert_string_equal(words.word[2], "a bc");
}

static void empty_lines_have_no_words(void **state)
{
    char empty[] = "";
    char blank[] = " \t ";
    struct words words;

    (void)state;
    assert_null(words_split(empty, &words));
    assert_int_equal(words.count, 0);
    assert_null(words_split(blank, &words));
    assert_int_equal(words.count, 0);
}

static void bad_lines_are_explained(void **state)
{
    char open[] = "echo \"a";
    char many[] = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17";
    char just[] = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16";
    struct words words;

    (void)state;
    assert_non_null(words_split(open, &words));
    assert_non_null(words_split(many, &words));
    assert_null(words_split(just, &words));
    assert_int_equal(words.count, 16);
}

static void numbers_are_whole_or_refused(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_true(words_number("0x1f", &value));
    assert_int_equal(value, 31);
    assert_true(words_number("010", &value));
    assert_int_equal(value, 10);
    assert_true(words_number("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_false(words_number("18446744073709551616", &value));
    assert_false(words_number("-1", &value));
    assert_false(words_number("12k", &value));
    assert_false(words_number("0x", &value));
    assert_false(words_number("", &value));
    assert_false(words_number("web", &value));
}

static void units_round_to_nearest_and_say_so(void **state)
{
    (void)state;
    assert_string_equal(unit_bytes(0).text, "0 B");
    assert_string_equal(unit_bytes(1023).text, "1023 B");
    assert_string_equal(unit_bytes(4096).text, "4 KiB");
    assert_string_equal(unit_bytes(1536).text, "1.5 KiB");
    assert_string_equal(unit_bytes(UINT64_C(3) << 30).text, "3 GiB");
    assert_string_equal(unit_count(0).text, "0");
    assert_string_equal(unit_count(999).text, "999");
    assert_string_equal(unit_count(1234567).text, "1,234,567");
    assert_string_equal(unit_span(0).text, "0 s");
    assert_string_equal(unit_span(850).text, "850 ns");
    assert_string_equal(unit_span(12345).text, "12.3 us");
    assert_string_equal(unit_span(4560000).text, "4.56 ms");
    assert_string_equal(unit_age(UINT64_C(12345678901)).text, "12.346 s");
    assert_string_equal(unit_age(UINT64_C(3725) * 1000000000).text, "01:02:05");
    assert_string_equal(unit_age(UINT64_C(90061) * 1000000000).text, "1 d 01:01:01");
    assert_string_equal(unit_until(UINT64_C(60350000000), UINT64_C(60000000000)).text, "in 350 ms");
    assert_string_equal(unit_until(60, 60).text, "now");
    assert_string_equal(unit_until(0, 60).text, "now");
    assert_string_equal(unit_share(1, 3).text, "33.3 %");
    assert_string_equal(unit_share(2, 2).text, "100.0 %");
    assert_string_equal(unit_share(5, 0).text, "-");
    assert_string_equal(unit_share(UINT64_MAX / 2, UINT64_MAX).text, "50.0 %");
}

static size_t typed(const char *bytes, size_t count, char *out)
{
    struct keys keys = {0};
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += keys_accept(&keys, bytes[i], &out[length]) ? 1 : 0;
    return length;
}

static void lines_end_once_however_they_end(void **state)
{
    char out[16];

    (void)state;
    assert_int_equal(typed("a\r\nb\nc\r\r", 8, out), 7);
    assert_memory_equal(out, "a\rb\rc\r\r", 7);
}

static void only_text_and_editing_keys_pass(void **state)
{
    struct keys keys = {0};
    unsigned passed = 0;

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char out = 0;
        if (keys_accept(&keys, (char)byte, &out)) {
            passed++;
            assert_true((unsigned char)out < 128);
            assert_true(out != 0 && out != '\n' && out != 7);
        }
    }
    assert_int_equal(passed, 96 + 18); /* with newline, which passes as carriage return */
}

struct screen {
    char text[512];
    size_t length;
};

static void screen_put(void *context, char c)
{
    struct screen *screen = context;

    assert_true(screen->length + 1 < sizeof screen->text);
    screen->text[screen->length++] = c;
    screen->text[screen->length] = '\0';
}

static void show(struct dumb *dumb, struct screen *screen, const char *text)
{
    screen->length = 0;
    screen->text[0] = '\0';
    for (; *text != '\0'; text++)
        dumb_put(dumb, *text, screen_put, screen);
}

static void dumb_terminal_gets_blanks_for_control_sequences(void **state)
{
    struct dumb dumb = {0};
    struct screen screen;

    (void)state;
    show(&dumb, &screen, "> help");
    assert_string_equal(screen.text, "> help");
    /* Repainted one character shorter, the cursor behind the second. */
    show(&dumb, &screen, "\r> hel\x1b[0K\r\x1b[4C");
    assert_string_equal(screen.text, "\r> hel \b\r> he");
    show(&dumb, &screen, "\x1b[H\x1b[2J");
    assert_string_equal(screen.text, "");
    show(&dumb, &screen, "\r\n\x1b[31mred\x1b[0m");
    assert_string_equal(screen.text, "\r\nred");
}

static void dumb_terminal_survives_any_bytes(void **state)
{
    struct dumb dumb = {0};
    uint32_t random = 12345;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct screen screen = {.length = 0};
        random = random * 1664525 + 1013904223;
        dumb_put(&dumb, (char)(random >> 24), screen_put, &screen);
        assert_true(dumb.column <= DUMB_COLUMNS && dumb.length <= DUMB_COLUMNS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_at_blanks_and_kept_by_quotes),
        cmocka_unit_test(empty_lines_have_no_words),
        cmocka_unit_test(bad_lines_are_explained),
        cmocka_unit_test(numbers_are_whole_or_refused),
        cmocka_unit_test(units_round_to_nearest_and_say_so),
        cmocka_unit_test(lines_end_once_however_they_end),
        cmocka_unit_test(only_text_and_editing_keys_pass),
        cmocka_unit_test(dumb_terminal_gets_blanks_for_control_sequences),
        cmocka_unit_test(dumb_terminal_survives_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

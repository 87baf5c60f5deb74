/*
 * The kernel log: lines, cursors, overwriting, and what a hostile writer cannot do.
 */
// source: core/log.c
// source: core/base/format.c
#include "core/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static nsec_t clock_ns;
static char console_text[256 * 1024];
static size_t console_length;
static unsigned growths;

static nsec_t clock_read(void)
{
    return clock_ns;
}

static void console_write(const char *text, size_t length)
{
    assert_true(console_length + length < sizeof(console_text));
    memcpy(console_text + console_length, text, length);
    console_length += length;
    console_text[console_length] = '\0';
}

static void on_growth(void)
{
    growths++;
}

static struct name name_of(const char *text)
{
    struct name name = {{0}};

    strncpy(name.text, text, sizeof(name.text) - 1);
    return name;
}

/* What the log gained since `position`, as one string. */
static const char *news_since(uint64_t position)
{
    static char text[LOG_SIZE + 1];
    uint64_t lost;

    text[log_read(&position, text, LOG_SIZE, &lost)] = '\0';
    return text;
}

static int reset(void **state)
{
    (void)state;
    console_length = 0;
    console_text[0] = '\0';
    growths = 0;
    clock_ns = 0;
    log_clock_set(clock_read);
    log_grown_set(NULL);
    log_console_set(NULL);
    return 0;
}

static void a_line_carries_time_and_text(void **state)
{
    (void)state;
    const uint64_t start = log_end();

    clock_ns = UINT64_C(12034567890);
    log_info("found %u CPUs", 4U);
    assert_string_equal(news_since(start), "[   12.034567] found 4 CPUs\n");
}

static void a_domains_line_carries_its_name(void **state)
{
    (void)state;
    const struct name name = name_of("net");
    const struct name full = {"exactly16letters"};
    uint64_t start = log_end();

    log_write_from(&name, "link up\nsecond\n", 15);
    assert_string_equal(news_since(start), "[    0.000000] net: link up\n"
                                           "[    0.000000] net: second\n");
    start = log_end();
    log_write_from(&full, "x", 1);
    assert_string_equal(news_since(start), "[    0.000000] exactly16letters: x\n");
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    const struct name evil = name_of("e\x1b\nvil");
    const uint64_t start = log_end();

    log_write_from(&evil, "a\x1b[2J\tb\0c\x9b\r\nd", 13);
    assert_string_equal(news_since(start), "[    0.000000] e??vil: a\\x1b[2J b\\x00c\\x9b\n"
                                           "[    0.000000] e??vil: d\n");
}

static void a_long_line_is_continued_in_further_lines(void **state)
{
    (void)state;
    char text[1000];
    const struct name name = name_of("d");
    const uint64_t start = log_end();
    size_t letters = 0;

    memset(text, 'z', sizeof(text));
    log_write_from(&name, text, sizeof(text));
    for (const char *line = news_since(start), *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        assert_true(end - line < LOG_LINE_MAX);
        assert_memory_equal(line, "[    0.000000] d: z", 19);
        letters += (size_t)(end - line) - 18;
    }
    assert_int_equal(letters, sizeof(text));
}

static void writing_nothing_adds_nothing(void **state)
{
    (void)state;
    const uint64_t start = log_end();
    const struct name name = name_of("d");

    log_write_from(&name, "", 0);
    assert_true(log_end() == start);
}

static void a_slow_reader_learns_what_it_lost_and_resumes_at_a_line(void **state)
{
    (void)state;
    uint64_t position = log_end();
    const uint64_t start = position;
    char text[64];
    uint64_t lost;

    for (int i = 0; i < 5000; i++)
        log_info("line %u", (unsigned)i);

    const size_t length = log_read(&position, text, sizeof(text), &lost);

    assert_int_equal(length, sizeof(text));
    assert_true(lost > 0);
    assert_true(log_end() - (position - length) <= LOG_SIZE);
    assert_memory_equal(text, "[    0.000000] line ", 20);
    assert_true(position == start + lost + length);

    (void)log_read(&position, text, sizeof(text), &lost);
    assert_int_equal(lost, 0);
}

static void small_reads_see_every_byte_once(void **state)
{
    (void)state;
    uint64_t position = log_end();
    char all[64] = {0};
    size_t length = 0;
    uint64_t lost;

    log_info("one");
    log_info("two");
    for (size_t got; (got = log_read(&position, all + length, 5, &lost)) != 0;)
        length += got;
    assert_string_equal(all, "[    0.000000] one\n[    0.000000] two\n");
    assert_true(position == log_end());
}

static void a_position_from_the_future_reads_nothing(void **state)
{
    (void)state;
    uint64_t position = UINT64_MAX - 3;
    char text[8];
    uint64_t lost;

    assert_int_equal(log_read(&position, text, sizeof(text), &lost), 0);
    assert_int_equal(lost, 0);
    assert_true(position == log_end());
}

static void the_console_catches_up_then_is_released_then_seized(void **state)
{
    (void)state;
    log_info("before the console");
    log_console_set(console_write);
    assert_non_null(strstr(console_text, "before the console\n"));
    log_info("live");
    assert_non_null(strstr(console_text, "live\n"));
    log_console_release();
    log_info("quiet");
    assert_null(strstr(console_text, "quiet"));
    assert_non_null(strstr(news_since(LOG_POSITION_RELEASED), "quiet\n"));
    assert_null(strstr(news_since(LOG_POSITION_RELEASED), "live"));
    log_console_seize();
    log_info("last words");
    assert_non_null(strstr(console_text, "last words\n"));
    assert_null(strstr(console_text, "quiet"));
}

static void growth_is_announced_once_per_addition(void **state)
{
    (void)state;
    log_grown_set(on_growth);
    log_info("a\nb\nc");
    log_info("d");
    assert_int_equal(growths, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_carries_time_and_text, reset),
        cmocka_unit_test_setup(a_domains_line_carries_its_name, reset),
        cmocka_unit_test_setup(control_characters_do_not_reach_a_terminal, reset),
        cmocka_unit_test_setup(a_long_line_is_continued_in_further_lines, reset),
        cmocka_unit_test_setup(writing_nothing_adds_nothing, reset),
        cmocka_unit_test_setup(a_slow_reader_learns_what_it_lost_and_resumes_at_a_line, reset),
        cmocka_unit_test_setup(small_reads_see_every_byte_once, reset),
        cmocka_unit_test_setup(a_position_from_the_future_reads_nothing, reset),
        cmocka_unit_test_setup(the_console_catches_up_then_is_released_then_seized, reset),
        cmocka_unit_test_setup(growth_is_announced_once_per_addition, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

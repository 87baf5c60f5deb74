/*
 * The kernel log: lines, cursors, overwriting, and what a hostile writer cannot do.
 */
// source: core/log.c
// source: core/base/format.c
#include "core/log.h"

#include "arch/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ESCAPE_LENGTH = 4 }; /* of \xNN */

static nsec_t clock_ns;
static char console_text[256 * 1024];
static size_t console_length;

nsec_t timer_now_ns(void)
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

/* As the system call does: a line at a time. */
static unsigned write_all(const struct name *name, const char *text, size_t length)
{
    unsigned lines = 0;

    for (size_t used; length > 0; text += used, length -= used, lines++) {
        used = log_write_from(name, text, length);
        assert_true(used > 0 && used <= length);
    }
    return lines;
}

static int reset(void **state)
{
    (void)state;
    console_length = 0;
    console_text[0] = '\0';
    clock_ns = 0;
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

/* The widest there is, with the longest name and what takes most room. */
static void any_time_has_room(void **state)
{
    (void)state;
    const struct name full = {"exactly16letters"};
    char text[LOG_LINE_MAX];

    memset(text, 1, sizeof(text));
    clock_ns = UINT64_C(100000) * 1000000000 - 1000;
    uint64_t start = log_end();
    assert_true(log_write_from(&full, text, sizeof(text)) > 0);
    assert_memory_equal(news_since(start), "[99999.999999] exactly16letters: \\x01", 37);
    clock_ns += 1000;
    start = log_end();
    log_info("later");
    assert_string_equal(news_since(start), "[100000.000000] later\n");
    clock_ns = UINT64_MAX;
    start = log_end();
    assert_true(log_write_from(&full, text, sizeof(text)) > 0);
    assert_memory_equal(news_since(start), "[18446744073.709551] exactly16letters: \\x01", 43);
    assert_true(log_end() - start <= LOG_LINE_MAX && log_end() - start > LOG_LINE_MAX - 8);
}

static void a_domains_line_carries_its_name(void **state)
{
    (void)state;
    const struct name name = name_of("net");
    const struct name full = {"exactly16letters"};
    uint64_t start = log_end();

    assert_int_equal(log_write_from(&name, "link up\nsecond\n", 15), 8);
    assert_int_equal(log_write_from(&name, "\nsecond\n", 8), 8);
    assert_string_equal(news_since(start), "[    0.000000] net: link up\n"
                                           "[    0.000000] net: second\n");
    start = log_end();
    assert_int_equal(log_write_from(&full, "x", 1), 1);
    assert_string_equal(news_since(start), "[    0.000000] exactly16letters: x\n");
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    const struct name evil = name_of("e\x1b\nvil");
    const uint64_t start = log_end();

    write_all(&evil, "a\x1b[2J\tb\0c\x9b\r\nd", 13);
    assert_string_equal(news_since(start), "[    0.000000] e: a\\x1b[2J    b\\x00c\\x9b\n"
                                           "[    0.000000] e: d\n");
}

static void a_long_line_is_continued_in_further_lines(void **state)
{
    (void)state;
    char text[1000];
    const struct name name = name_of("d");
    const uint64_t start = log_end();
    size_t letters = 0;

    memset(text, 'z', sizeof(text));
    write_all(&name, text, sizeof(text));
    for (const char *line = news_since(start), *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        assert_true(end - line < LOG_LINE_MAX);
        assert_memory_equal(line, "[    0.000000] d: z", 19);
        letters += (size_t)(end - line) - 18;
    }
    assert_int_equal(letters, sizeof(text));
}

static void newlines_end_lines_and_none_is_empty(void **state)
{
    (void)state;
    const struct name name = name_of("d");
    const uint64_t start = log_end();

    assert_int_equal(log_write_from(&name, "a\r\n", 3), 2);
    assert_int_equal(log_write_from(&name, "\r\n\n\r", 4), 4);
    assert_int_equal(log_write_from(&name, "\r\nb\n\nc", 6), 4);
    assert_int_equal(log_write_from(&name, "\n\nc\rd", 5), 4);
    assert_int_equal(write_all(&name, "\rd\re\n", 5), 2);
    log_info("\n\nf\n\n");
    assert_string_equal(news_since(start), "[    0.000000] d: a\n"
                                           "[    0.000000] d: b\n"
                                           "[    0.000000] d: c\n"
                                           "[    0.000000] d: d\n"
                                           "[    0.000000] d: e\n"
                                           "[    0.000000] f\n");
}

/* How much fits is what the log says itself. */
static void a_line_that_is_just_full_is_ended_by_its_newline(void **state)
{
    (void)state;
    char text[LOG_LINE_MAX + 4];
    const struct name name = name_of("d");

    memset(text, 'z', sizeof(text));
    const size_t room = log_write_from(&name, text, LOG_LINE_MAX);

    assert_true(room > LOG_LINE_MAX / 2 && room < LOG_LINE_MAX);
    const uint64_t start = log_end();

    memcpy(text + room, "\r\nx", 3);
    assert_int_equal(write_all(&name, text, room + 3), 2);
    assert_true(log_end() - start <= LOG_LINE_MAX + strlen("[    0.000000] d: x\n"));

    /* Bytes that take four. */
    memset(text, 1, sizeof(text));
    const size_t few = log_write_from(&name, text, LOG_LINE_MAX);

    assert_true(few >= (room - ESCAPE_LENGTH) / ESCAPE_LENGTH && few <= room / ESCAPE_LENGTH + 1);
}

static void the_oldest_line_is_whole_wherever_the_ring_begins(void **state)
{
    (void)state;
    char text[LOG_LINE_MAX], kept[LOG_SIZE + 1];
    const struct name name = name_of("d");

    memset(text, 'z', sizeof(text));
    for (size_t i = 0; i < 4096; i++) {
        assert_int_equal(log_write_from(&name, text, i % 150 + 1), i % 150 + 1);

        uint64_t position = 0, lost;
        size_t length = 0;
        for (size_t got; (got = log_read(&position, kept + length, 300, &lost)) != 0; length += got)
            if (length == 0)
                assert_int_equal(kept[0], '[');
        assert_true(length <= LOG_SIZE);
        assert_true(log_end() < LOG_SIZE || length >= LOG_SIZE - LOG_LINE_MAX);
        assert_int_equal(kept[length - 1], '\n');
        assert_true(position == log_end());
    }
}

static void writing_nothing_adds_nothing(void **state)
{
    (void)state;
    const uint64_t start = log_end();
    const struct name name = name_of("d");

    assert_int_equal(log_write_from(&name, "", 0), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_carries_time_and_text, reset),
        cmocka_unit_test_setup(any_time_has_room, reset),
        cmocka_unit_test_setup(a_domains_line_carries_its_name, reset),
        cmocka_unit_test_setup(control_characters_do_not_reach_a_terminal, reset),
        cmocka_unit_test_setup(a_long_line_is_continued_in_further_lines, reset),
        cmocka_unit_test_setup(newlines_end_lines_and_none_is_empty, reset),
        cmocka_unit_test_setup(a_line_that_is_just_full_is_ended_by_its_newline, reset),
        cmocka_unit_test_setup(the_oldest_line_is_whole_wherever_the_ring_begins, reset),
        cmocka_unit_test_setup(writing_nothing_adds_nothing, reset),
        cmocka_unit_test_setup(a_slow_reader_learns_what_it_lost_and_resumes_at_a_line, reset),
        cmocka_unit_test_setup(small_reads_see_every_byte_once, reset),
        cmocka_unit_test_setup(a_position_from_the_future_reads_nothing, reset),
        cmocka_unit_test_setup(the_console_catches_up_then_is_released_then_seized, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What the launcher says about a domain has a limit in each window of time, whoever brings it
 * about.
 */
// source: userland/launcher/voice.c
#include "userland/launcher/voice.h"

#include "rt/log.h"
#include "rt/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static nsec_t now;
static size_t bytes_written;
static unsigned lines_written;
static char last_line[LOG_LINE_BYTES], line_before[LOG_LINE_BYTES];

nsec_t time_now_ns(void)
{
    return now;
}

void log_line(const char *format, ...)
{
    va_list arguments;

    memcpy(line_before, last_line, sizeof last_line);
    va_start(arguments, format);
    vsnprintf(last_line, sizeof last_line, format, arguments);
    va_end(arguments);
    bytes_written += strlen(last_line);
    lines_written++;
}

static int begin(void **state)
{
    (void)state;
    now += 10 * LOG_WINDOW_NS;
    bytes_written = lines_written = 0;
    return 0;
}

static void a_line_names_the_domain(void **state)
{
    (void)state;
    voice_line("net", "restart %u", 7U);
    assert_string_equal(last_line, "net: restart 7");
}

static void a_window_has_so_many_bytes_and_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        voice_line("web", "may not connect to number %u", i);
    assert_in_range(bytes_written + lines_written, VOICE_BYTES - 100, VOICE_BYTES); /* newlines */
    const size_t before = bytes_written;
    now += LOG_WINDOW_NS - 1 - now % LOG_WINDOW_NS; /* its last nanosecond */
    voice_line("web", "still");
    assert_int_equal(bytes_written, before);
}

static void one_domain_takes_nothing_from_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        voice_line("shell", "may not connect to number %u", i);
    voice_line("console", "was killed");
    assert_string_equal(last_line, "console: was killed");
}

static void the_next_window_says_what_was_left_out(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        voice_line("pl031", "may not connect to number %u", i);
    const unsigned said = lines_written;
    now += LOG_WINDOW_NS;
    lines_written = 0;
    voice_line("pl031", "was killed");
    assert_int_equal(lines_written, 2);
    assert_string_equal(last_line, "pl031: was killed");
    char expected[LOG_LINE_BYTES];
    snprintf(expected, sizeof expected, "pl031: %u lines about it were left out", 1000 - said);
    assert_string_equal(line_before, expected);
    lines_written = 0; /* and that it says once */
    voice_line("pl031", "was killed");
    assert_int_equal(lines_written, 1);
}

static void a_window_has_so_many_reports_and_no_more(void **state)
{
    unsigned reports = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        reports += voice_may_report("virtio-net");
    assert_int_equal(reports, VOICE_REPORTS);
    assert_true(voice_may_report("virtio-rng"));
    now += LOG_WINDOW_NS;
    assert_true(voice_may_report("virtio-net"));
}

static void what_a_person_asked_for_is_said(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        (void)!voice_may_report("n");
        voice_line("n", "may not connect to number %u", i);
    }
    voice_refresh("n");
    assert_true(voice_may_report("n"));
    voice_line("n", "stopped on request");
    assert_string_equal(last_line, "n: stopped on request");
}

static void there_is_a_place_for_each_domain_of_a_manifest(void **state)
{
    static char names[48 + 1][8]; /* the launcher's own, too */

    (void)state;
    for (unsigned i = 0; i < 49; i++) {
        snprintf(names[i], sizeof names[i], "n%u", i);
        voice_line(names[i], "was killed");
    }
    assert_int_equal(lines_written, 49);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_names_the_domain, begin),
        cmocka_unit_test_setup(a_window_has_so_many_bytes_and_no_more, begin),
        cmocka_unit_test_setup(one_domain_takes_nothing_from_another, begin),
        cmocka_unit_test_setup(the_next_window_says_what_was_left_out, begin),
        cmocka_unit_test_setup(a_window_has_so_many_reports_and_no_more, begin),
        cmocka_unit_test_setup(what_a_person_asked_for_is_said, begin),
        cmocka_unit_test_setup(there_is_a_place_for_each_domain_of_a_manifest, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The small readers of HTTP: paths, dates, ranges, encodings, conditions, and text itself.
 */
// source: userland/web/path.c
// source: userland/web/http_date.c
// source: userland/web/http_range.c
// source: userland/web/http_encoding.c
// source: userland/web/http_conditional.c
// source: userland/web/http_request.c
// source: userland/web/text.c

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "userland/web/http_conditional.h"
#include "userland/web/http_date.h"
#include "userland/web/http_encoding.h"
#include "userland/web/http_range.h"
#include "userland/web/path.h"

/* ---- paths ---- */

static void assert_path(const char *encoded, const char *expected)
{
    struct path path;

    if (!path_decode(text_of(encoded), &path))
        fail_msg("refused: %s", encoded);
    if (!text_equals(path_text(&path), text_of(expected)))
        fail_msg("%s became %.*s", encoded, (int)path.size, path.data);
}

static void paths_are_decoded_once(void **state)
{
    (void)state;
    assert_path("", "/index.html");
    assert_path("/", "/index.html");
    assert_path("/docs/", "/docs/index.html");
    assert_path("/a%20b.txt", "/a b.txt");
    assert_path("/%C3%A9t%c3%a9", "/\xc3\xa9t\xc3\xa9");
    assert_path("/%25", "/%");
    assert_path("/%252e%252e/", "/%2e%2e/index.html");
    assert_path("/..a/b../...", "/..a/b../...");
    assert_path("/%E2%82%AC%F0%9F%98%80", "/\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void traversal_is_refused_in_all_encodings(void **state)
{
    static const char *const paths[] = {
        "/..",           "/../",        "/../../etc/passwd",
        "/a/../b",       "/a/..",       "/.",
        "/./a",          "/a/.",        "/%2e%2e/",
        "/%2E%2E/x",     "/.%2e/x",     "/%2e./x",
        "/%2e",          "/..%2f",      "/..%2Fetc",
        "/%2e%2e%2fetc", "/..%5c..%5c", "/..\\..\\",
        "/a\\b",         "/%5c",        "/a%00.html",
        "/%00",          "/%0a",        "/%0d%0aX:y",
        "/%7f",          "/%1f",        "/%c0%ae%c0%ae/",
        "/%c0%af",       "/%e0%80%ae",  "/%f0%80%80%ae",
        "/%c1%9c",       "/%ff",        "/%fe%fe",
        "/%80",          "/%ed%a0%80",  "/%f4%90%80%80",
        "/%f5%80%80%80", "/%c3",        "/%e2%82",
        "/%c3/",         "/%",          "/%2",
        "/%zz",          "/%2g",        "/%u002e",
        "etc",           "%2f",         "..",
        "/%2f",          "/a%2fb",      "/%",
        "/%e2%28%a1",
    };

    struct path path;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (path_decode(text_of(paths[i]), &path))
            fail_msg("accepted: %s", paths[i]);
    }
}

static void long_paths_are_refused(void **state)
{
    static char encoded[PATH_LIMIT + 1];
    struct path path;

    (void)state;
    memset(encoded, 'a', sizeof(encoded));
    encoded[0] = '/';
    assert_true(path_decode((struct text){encoded, PATH_LIMIT}, &path));
    assert_false(path_decode((struct text){encoded, PATH_LIMIT + 1}, &path));
    encoded[PATH_LIMIT - 1] = '/';
    assert_false(path_decode((struct text){encoded, PATH_LIMIT}, &path));
    encoded[PATH_LIMIT - 1] = 'a';
    encoded[PATH_LIMIT - 11] = '/';
    assert_true(path_decode((struct text){encoded, PATH_LIMIT - 10}, &path));
    assert_int_equal(path.size, PATH_LIMIT);
}

/* ---- dates ---- */

static void assert_date(uint64_t seconds, const char *expected)
{
    char out[HTTP_DATE_SIZE];
    uint64_t back = 0;

    http_date_write(seconds, out);
    assert_memory_equal(out, expected, HTTP_DATE_SIZE);
    assert_true(http_date_read(text_of(expected), &back));
    assert_int_equal(back, seconds);
}

static void dates_are_written_and_read(void **state)
{
    uint64_t seconds = 0;

    (void)state;
    assert_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_date(951868800, "Wed, 01 Mar 2000 00:00:00 GMT");
    assert_date(1709164799, "Wed, 28 Feb 2024 23:59:59 GMT");
    assert_date(4102444800, "Fri, 01 Jan 2100 00:00:00 GMT");
    assert_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    assert_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_true(http_date_read(text_of("Sunday, 06-Nov-94 08:49:37 GMT"), &seconds));
    assert_int_equal(seconds, 784111777);
    assert_true(http_date_read(text_of("Sun Nov  6 08:49:37 1994"), &seconds));
    assert_int_equal(seconds, 784111777);
    assert_true(http_date_read(text_of("Wed Nov 16 08:49:37 1994"), &seconds));
    assert_int_equal(seconds, 784975777);
}

static void every_day_of_four_centuries_survives_the_round_trip(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < 146097; day++) {
        char out[HTTP_DATE_SIZE];
        uint64_t back = 0;

        http_date_write(day * 86400 + 86399, out);
        assert_true(http_date_read((struct text){out, sizeof(out)}, &back));
        assert_int_equal(back, day * 86400 + 86399);
    }
}

static void false_dates_are_not_read(void **state)
{
    static const char *const dates[] = {
        "",
        "now",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2023 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
    };
    uint64_t seconds = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        if (http_date_read(text_of(dates[i]), &seconds))
            fail_msg("accepted: %s", dates[i]);
    }
    assert_int_equal(seconds, 7);
}

/* ---- ranges ---- */

static void assert_range(const char *value, uint64_t size, enum http_range_kind kind,
                         uint64_t first, uint64_t last)
{
    struct http_range range = http_range_read(text_of(value), size);

    if (range.kind != kind || range.first != first || range.last != last)
        fail_msg("%s of %d is kind %d, %d to %d", value, (int)size, (int)range.kind,
                 (int)range.first, (int)range.last);
}

static void single_ranges_are_served(void **state)
{
    (void)state;
    assert_range("bytes=0-0", 10, HTTP_RANGE_PART, 0, 0);
    assert_range("bytes=2-5", 10, HTTP_RANGE_PART, 2, 5);
    assert_range("bytes=2-", 10, HTTP_RANGE_PART, 2, 9);
    assert_range("Bytes=2-99", 10, HTTP_RANGE_PART, 2, 9);
    assert_range("bytes=-3", 10, HTTP_RANGE_PART, 7, 9);
    assert_range("bytes=-99", 10, HTTP_RANGE_PART, 0, 9);
    assert_range("bytes= 1-2 ", 10, HTTP_RANGE_PART, 1, 2);
}

static void ranges_beyond_the_end_cannot_be_satisfied(void **state)
{
    (void)state;
    assert_range("bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
    assert_range("bytes=10-20", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
    assert_range("bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
    assert_range("bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0);
    assert_range("bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0);
}

static void other_ranges_are_ignored(void **state)
{
    static const char *const values[] = {
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=1-2,4-5",
        "bytes=0-,0-,0-,0-",
        "lines=1-2",
        "bytes=1",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=18446744073709551616-",
        "bytes=0-99999999999999999999",
        "bytes=1 - 2",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_range(values[i], 10, HTTP_RANGE_WHOLE, 0, 0);
}

/* ---- encodings ---- */

static void gzip_is_sent_to_those_who_take_it(void **state)
{
    static const char *const yes[] = {"gzip",         "GZIP",          "deflate, gzip;q=0.5",
                                      "gzip;q=1.000", "br , x-gzip",   "*",
                                      "br;q=1, *",    "gzip ; q=0.001"};
    static const char *const no[] = {"",      "identity",    "br",      "gzip;q=0", "gzip;q=0.000",
                                     "*;q=0", "gzip;q=0, *", "gzipped", "gzip;x",   "gzip;q="};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (!http_encoding_takes_gzip(text_of(yes[i])))
            fail_msg("should take gzip: %s", yes[i]);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (http_encoding_takes_gzip(text_of(no[i])))
            fail_msg("should not take gzip: %s", no[i]);
    }
}

/* ---- conditions ---- */

static const struct http_version_mark mark = {{"\"tag\"", 5}, 784111777};

static enum http_status judge(const char *fields)
{
    static char data[1024];
    struct http_request r = {0};
    static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t size = sizeof(start) - 1;

    memcpy(data, start, size);
    memcpy(data + size, fields, strlen(fields));
    size += strlen(fields);
    memcpy(data + size, "\r\n", 2);
    assert_int_equal(http_request_read(&r, data, size + 2), HTTP_COMPLETE);
    if (!http_conditional_allows_range(&r, data, &mark))
        return HTTP_RANGE_NOT_SATISFIABLE;
    return http_conditional_judge(&r, data, &mark);
}

static void conditions_are_judged_in_order(void **state)
{
    (void)state;
    assert_int_equal(judge(""), HTTP_OK);
    assert_int_equal(judge("If-None-Match: \"tag\"\r\n"), HTTP_NOT_MODIFIED);
    assert_int_equal(judge("If-None-Match: W/\"tag\"\r\n"), HTTP_NOT_MODIFIED);
    assert_int_equal(judge("If-None-Match: \"a,b\", \"tag\"\r\n"), HTTP_NOT_MODIFIED);
    assert_int_equal(judge("If-None-Match: *\r\n"), HTTP_NOT_MODIFIED);
    assert_int_equal(judge("If-None-Match: tag\r\n"), HTTP_OK);
    assert_int_equal(judge("If-None-Match: \"x, \"tag\", y\"\r\n"), HTTP_OK);
    assert_int_equal(judge("If-None-Match: \"other\"\r\n"
                           "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
                     HTTP_OK);
    assert_int_equal(judge("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(judge("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Modified-Since: yesterday\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Match: \"tag\"\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Match: *\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Match: W/\"tag\"\r\n"), HTTP_PRECONDITION_FAILED);
    assert_int_equal(judge("If-Match: \"other\"\r\n"), HTTP_PRECONDITION_FAILED);
    assert_int_equal(judge("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"),
                     HTTP_PRECONDITION_FAILED);
    assert_int_equal(judge("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Match: \"tag\"\r\n"
                           "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"),
                     HTTP_OK);
}

static void ranges_count_for_the_same_version_only(void **state)
{
    (void)state;
    assert_int_equal(judge("If-Range: \"tag\"\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Range: W/\"tag\"\r\n"), HTTP_RANGE_NOT_SATISFIABLE);
    assert_int_equal(judge("If-Range: \"other\"\r\n"), HTTP_RANGE_NOT_SATISFIABLE);
    assert_int_equal(judge("If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), HTTP_OK);
    assert_int_equal(judge("If-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
                     HTTP_RANGE_NOT_SATISFIABLE);
}

/* ---- text ---- */

static void numbers_are_digits_and_fit(void **state)
{
    uint64_t number = 0;

    (void)state;
    assert_true(text_number(text_of("0"), &number));
    assert_int_equal(number, 0);
    assert_true(text_number(text_of("9999999999999999999"), &number));
    assert_true(number == UINT64_C(9999999999999999999));
    assert_false(text_number(text_of(""), &number));
    assert_false(text_number(text_of("10000000000000000000"), &number));
    assert_false(text_number(text_of("1a"), &number));
    assert_false(text_number(text_of(" 1"), &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once),
        cmocka_unit_test(traversal_is_refused_in_all_encodings),
        cmocka_unit_test(long_paths_are_refused),
        cmocka_unit_test(dates_are_written_and_read),
        cmocka_unit_test(every_day_of_four_centuries_survives_the_round_trip),
        cmocka_unit_test(false_dates_are_not_read),
        cmocka_unit_test(single_ranges_are_served),
        cmocka_unit_test(ranges_beyond_the_end_cannot_be_satisfied),
        cmocka_unit_test(other_ranges_are_ignored),
        cmocka_unit_test(gzip_is_sent_to_those_who_take_it),
        cmocka_unit_test(conditions_are_judged_in_order),
        cmocka_unit_test(ranges_count_for_the_same_version_only),
        cmocka_unit_test(numbers_are_digits_and_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

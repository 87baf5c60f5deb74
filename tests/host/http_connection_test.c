/*
 * HTTP connection: whole conversations, as a client would see them, without a socket.
 */
// source: userland/web/http_connection.c
// source: userland/web/http_answer.c
// source: userland/web/http_response.c
// source: userland/web/http_service.c
// source: userland/web/http_status.c
// source: userland/web/http_request.c
// source: userland/web/http_conditional.c
// source: userland/web/http_date.c
// source: userland/web/http_range.c
// source: userland/web/http_encoding.c
// source: userland/web/path.c
// source: userland/web/site.c
// source: userland/web/text.c

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/http_sample_site.h"
#include "userland/web/http_connection.h"

#define SECOND UINT64_C(1000000000)

enum { RECEIVED_MAX = 65536 };

static struct site site;
static struct http_service service;
static struct http_connection connection;
static uint64_t now;
static char received[RECEIVED_MAX + 1];
static size_t received_size;

static int setup(void **state)
{
    (void)state;
    assert_true(site_open(&site, &sample_blob, sample_site_build()));
    http_service_open(&service, HTTP_SERVE, &site);
    now = 1000 * SECOND;
    received_size = 0;
    http_connection_open(&connection, &service, now);
    return 0;
}

/* Put bytes in; what there is no room for is lost, and the count of what was taken returned. */
static size_t give(const char *data, size_t size)
{
    struct http_room room = http_connection_room(&connection);
    size_t taken = size < room.size ? size : room.size;

    memcpy(room.data, data, taken);
    if (taken > 0)
        http_connection_on_input(&connection, taken, now);
    return taken;
}

/* All that was taken out has left. */
static void deliver(void)
{
    http_connection_on_unsent(&connection, 0, now);
}

/* Take out at most `most` bytes. */
static size_t take(size_t most)
{
    struct text parts[2];
    size_t taken = 0;

    http_connection_output(&connection, &parts[0], &parts[1]);
    for (int i = 0; i < 2; i++) {
        size_t count = parts[i].size < most - taken ? parts[i].size : most - taken;

        assert_true(received_size + count <= RECEIVED_MAX);
        if (count > 0)
            memcpy(received + received_size, parts[i].data, count);
        received_size += count;
        taken += count;
    }
    received[received_size] = '\0';
    if (taken > 0)
        http_connection_on_sent(&connection, taken, now);
    return taken;
}

static const char *ask(const char *request)
{
    received_size = 0;
    received[0] = '\0';
    assert_int_equal(give(request, strlen(request)), strlen(request));
    while (take(RECEIVED_MAX) > 0)
        ;
    deliver();
    return received;
}

static void assert_has(const char *answer, const char *expected)
{
    if (strstr(answer, expected) == NULL)
        fail_msg("no '%s' in:\n%s", expected, answer);
}

static void assert_lacks(const char *answer, const char *unwanted)
{
    if (strstr(answer, unwanted) != NULL)
        fail_msg("'%s' in:\n%s", unwanted, answer);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

/* Content-Length says exactly what follows. */
static void assert_length_is_true(const char *answer)
{
    const char *field = strstr(answer, "Content-Length: ");

    assert_non_null(field);
    assert_int_equal(strtoul(field + 16, NULL, 10),
                     received_size - (size_t)(body_of(answer) - answer));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: example.org\r\n"
#define END       "\r\n"

/* ---- pages ---- */

static void page_is_served_with_its_fields(void **state)
{
    (void)state;
    http_service_on_time(&service, sample_modified);

    const char *answer = ask(GET("/") END);

    assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_has(answer, "\r\nServer: Rotunda\r\n");
    assert_has(answer, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    assert_has(answer, "\r\nETag: \"index\"\r\n");
    assert_has(answer, "\r\nContent-Security-Policy: default-src 'self'\r\n");
    assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_lacks(answer, "Strict-Transport-Security");
    assert_string_equal(body_of(answer), "plain page");
    assert_length_is_true(answer);
    assert_int_equal(connection.state, HTTP_IDLE);
}

static void answer_without_a_clock_has_no_date(void **state)
{
    (void)state;
    assert_lacks(ask(GET("/") END), "Date:");
}

static void head_has_the_fields_of_get_and_no_body(void **state)
{
    (void)state;

    const char *answer = ask("HEAD /index.html HTTP/1.1\r\nHost: a\r\n\r\n");

    assert_has(answer, "200 OK");
    assert_has(answer, "Content-Length: 10\r\n");
    assert_string_equal(body_of(answer), "");
    answer = ask("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_has(answer, "404 Not Found");
    assert_has(answer, "Content-Length: 4\r\n");
    assert_string_equal(body_of(answer), "");
}

static void gzip_goes_to_those_who_accept_it(void **state)
{
    (void)state;

    const char *answer = ask(GET("/") "Accept-Encoding: gzip, br\r\n" END);

    assert_has(answer, "Content-Encoding: gzip\r\n");
    assert_has(answer, "ETag: \"index-gz\"");
    assert_string_equal(body_of(answer), "gzipped");
    assert_length_is_true(answer);
}

static void unchanged_page_is_not_sent_again(void **state)
{
    (void)state;

    const char *answer = ask(GET("/") "If-None-Match: \"index\"\r\n" END);

    assert_has(answer, "HTTP/1.1 304 Not Modified\r\n");
    assert_has(answer, "ETag: \"index\"");
    assert_lacks(answer, "\r\nContent-Type");
    assert_string_equal(body_of(answer), "");
    assert_int_equal(connection.state, HTTP_IDLE);
    answer = ask(GET("/") "If-Match: \"other\"\r\n" END);
    assert_has(answer, "HTTP/1.1 412 ");
    assert_length_is_true(answer);
}

static void ranges_are_served(void **state)
{
    (void)state;

    const char *answer = ask(GET("/big.bin") "Range: bytes=26-28\r\n" END);

    assert_has(answer, "HTTP/1.1 206 Partial Content\r\n");
    assert_has(answer, "\r\nContent-Range: bytes 26-28/5000\r\n");
    assert_has(answer, "\r\nContent-Length: 3\r\n");
    assert_string_equal(body_of(answer), "abc");

    answer = ask(GET("/big.bin") "Range: bytes=5000-\r\n" END);
    assert_has(answer, "HTTP/1.1 416 ");
    assert_has(answer, "Content-Range: bytes */5000\r\n");
    assert_length_is_true(answer);

    answer = ask(GET("/big.bin") "Range: bytes=0-0\r\nIf-Range: \"old\"\r\n" END);
    assert_has(answer, "200 OK");
    assert_length_is_true(answer);
    answer = ask(GET("/big.bin") "Range: bytes=0-0,2-2\r\n" END);
    assert_has(answer, "200 OK");
    answer = ask("HEAD /big.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0\r\n\r\n");
    assert_has(answer, "200 OK");
    assert_has(answer, "Content-Length: 5000\r\n");
}

static void missing_page_has_the_sites_own_words(void **state)
{
    (void)state;

    const char *answer = ask(GET("/nothing/here") END);

    assert_has(answer, "HTTP/1.1 404 Not Found\r\n");
    assert_string_equal(body_of(answer), "gone");
    assert_lacks(answer, "ETag");
    assert_int_equal(connection.state, HTTP_IDLE);
}

static void folder_without_its_slash_is_redirected(void **state)
{
    (void)state;

    const char *answer = ask(GET("/docs?a=b") END);

    assert_has(answer, "HTTP/1.1 301 Moved Permanently\r\n");
    assert_has(answer, "\r\nLocation: /docs/?a=b\r\n");
    assert_length_is_true(answer);
    assert_string_equal(body_of(ask(GET("/docs/") END)), "docs");
}

static void other_methods_get_an_answer(void **state)
{
    (void)state;

    const char *answer = ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");

    assert_has(answer, "HTTP/1.1 405 Method Not Allowed\r\n");
    assert_has(answer, "\r\nAllow: GET, HEAD\r\n");
    assert_int_equal(connection.state, HTTP_IDLE);
    assert_has(ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 501 ");
    assert_int_equal(connection.state, HTTP_IDLE);
}

/* What follows a content's head must never be taken for a request. */
static void content_is_answered_and_ends_the_connection(void **state)
{
    static const char request[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n"
                                  "GET /docs/ HTTP/1.1\r\nHost: a\r\n\r\n";

    (void)state;

    const char *answer = ask(request);

    assert_has(answer, "HTTP/1.1 405 ");
    assert_has(answer, "\r\nConnection: close\r\n");
    assert_lacks(answer, "200 OK");
    assert_int_equal(connection.state, HTTP_LINGERING);
    assert_string_equal(ask(GET("/") END), "");
}

static void traversal_never_reaches_a_page(void **state)
{
    static const char *const targets[] = {
        "/../index.html",        "/%2e%2e/index.html",       "/docs/../index.html",
        "/docs/..%2findex.html", "/docs\\..\\index.html",    "/%2e/index.html",
        "/index.html%00.png",    "/%c0%ae%c0%ae/index.html",
    };

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char request[128];

        setup(state);
        assert_true(
            snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", targets[i])
            < (int)sizeof(request));
        assert_has(ask(request), "HTTP/1.1 400 Bad Request\r\n");
    }
}

/* ---- the stream ---- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;

    const char *answer = ask(GET("/docs/") END GET("/") END
                             "\r\n" GET("/404.html") "Connection: close\r\n" END GET("/never") END);
    const char *docs = strstr(answer, "\r\n\r\ndocs");
    const char *index = strstr(answer, "\r\n\r\nplain page");
    const char *gone = strstr(answer, "\r\n\r\ngone");

    assert_non_null(docs);
    assert_true(docs < index && index < gone);
    assert_lacks(answer, "HTTP/1.1 404");
    assert_int_equal(connection.state, HTTP_LINGERING);
    assert_int_equal(service.counters.requests, 3);
}

static void byte_by_byte_both_ways(void **state)
{
    static const char request[] = GET("/big.bin") END GET("/") END;
    static const char big_end[] = "HTTP/1.1 200 OK\r\n";

    (void)state;
    for (size_t i = 0; i < sizeof(request) - 1; i++)
        assert_int_equal(give(request + i, 1), 1);
    while (take(1) > 0)
        ;
    assert_has(received, "Content-Length: 5000\r\n");
    assert_int_equal(memcmp(body_of(received) + SAMPLE_BIG_BYTES, big_end, sizeof(big_end) - 1), 0);
    assert_has(body_of(received) + SAMPLE_BIG_BYTES, "plain page");
}

static void garbage_after_a_request_is_answered_and_ends_it(void **state)
{
    (void)state;

    const char *answer = ask(GET("/") END "\x01\x02\x03 garbage");

    assert_has(answer, "200 OK");
    assert_has(answer, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(answer, "Connection: close\r\n");
    assert_int_equal(connection.state, HTTP_LINGERING);
}

static void client_that_does_not_read_is_not_read_from(void **state)
{
    static char flood[4 * HTTP_HEAD_LIMIT];
    static const char one[] = GET("/") END;
    size_t given = 0;
    size_t taken;

    (void)state;
    for (size_t i = 0; i < sizeof(flood); i++)
        flood[i] = one[i % (sizeof(one) - 1)];
    while ((taken = give(flood + given, sizeof(flood) - given)) > 0)
        given += taken;
    assert_true(given <= HTTP_HEAD_LIMIT + sizeof(one));
    assert_int_equal(connection.state, HTTP_SENDING);
    assert_int_equal(service.counters.requests, 1);
}

static void old_clients_are_told_what_becomes_of_the_connection(void **state)
{
    (void)state;
    assert_has(ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
               "\r\nConnection: keep-alive\r\n");
    assert_has(ask("GET / HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n");
    assert_int_equal(connection.state, HTTP_LINGERING);
}

static void client_may_close_its_side_after_asking(void **state)
{
    static const char two[] = GET("/") END GET("/docs/") END;

    (void)state;
    give(two, sizeof(two) - 1);
    http_connection_on_end(&connection, now);
    assert_int_equal(http_connection_room(&connection).size, 0);
    while (take(RECEIVED_MAX) > 0)
        ;
    assert_int_equal(connection.state, HTTP_DELIVERING);
    deliver();
    assert_has(received, "plain page");
    assert_has(received, "docs");
    assert_int_equal(connection.state, HTTP_CLOSED);
}

static void client_that_vanishes_is_forgotten(void **state)
{
    (void)state;
    give("GET /", 5);
    http_connection_on_end(&connection, now);
    deliver();
    assert_int_equal(connection.state, HTTP_CLOSED);
    setup(state);
    ask(GET("/") "Connection: close\r\n" END);
    http_connection_on_end(&connection, now);
    assert_int_equal(connection.state, HTTP_CLOSED);
}

/* ---- time ---- */

static void slow_head_is_answered_408(void **state)
{
    (void)state;
    for (int i = 0; i < 14; i++) {
        now += SECOND;
        give("G", 1);
        http_connection_on_time(&connection, now);
        assert_int_equal(connection.state, HTTP_READING);
    }
    now += 2 * SECOND;
    http_connection_on_time(&connection, now);
    take(RECEIVED_MAX);
    deliver();
    assert_has(received, "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(connection.state, HTTP_LINGERING);
    now += 2 * SECOND;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_CLOSED);
}

static void idle_connection_is_closed_in_silence(void **state)
{
    (void)state;
    ask(GET("/") END);
    now += service.limits.idle_ns - 1;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_IDLE);
    now += 1;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_CLOSED);
    assert_int_equal(service.counters.timeouts, 1);
}

static void slow_reader_is_cut_off(void **state)
{
    int seconds = 0;

    (void)state;
    give(GET("/big.bin") END, sizeof(GET("/big.bin") END) - 1);
    for (; connection.state != HTTP_CLOSED && seconds < 100; seconds++) {
        take(1);
        now += SECOND;
        http_connection_on_time(&connection, now);
    }
    assert_true(seconds <= 11);
}

/* What was taken may wait for others' bytes to leave first: no reason to give the client up. */
static void last_answer_has_its_time_to_leave(void **state)
{
    const uint64_t size = 2 * service.limits.send_least;

    (void)state;
    give(GET("/") "Connection: close\r\n" END, sizeof(GET("/") "Connection: close\r\n" END) - 1);
    while (take(RECEIVED_MAX) > 0)
        ;
    for (int i = 0; i < 9; i++) {
        now += SECOND;
        http_connection_on_unsent(&connection, size - (uint64_t)i, now);
        http_connection_on_time(&connection, now);
        assert_int_equal(connection.state, HTTP_DELIVERING);
    }
    http_connection_on_unsent(&connection, size - service.limits.send_least, now);
    now += service.limits.send_ns - 1;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_DELIVERING);
    http_connection_on_unsent(&connection, 0, now);
    assert_int_equal(connection.state, HTTP_LINGERING);
    now += service.limits.linger_ns - 1;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_LINGERING);
    now += 1;
    http_connection_on_time(&connection, now);
    assert_int_equal(connection.state, HTTP_CLOSED);
}

static void last_answer_that_nobody_reads_is_given_up(void **state)
{
    (void)state;
    give(GET("/") END, sizeof(GET("/") END) - 1);
    http_connection_on_end(&connection, now);
    while (take(RECEIVED_MAX) > 0)
        ;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(connection.state, HTTP_DELIVERING);
        http_connection_on_unsent(&connection, 100, now);
        now += SECOND;
        http_connection_on_time(&connection, now);
    }
    assert_int_equal(connection.state, HTTP_CLOSED);
}

static void endless_sender_is_cut_off_after_the_last_answer(void **state)
{
    static const char zeros[4096];
    size_t given = 0;

    (void)state;
    ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    while (connection.state == HTTP_LINGERING)
        given += give(zeros, sizeof(zeros));
    assert_int_equal(connection.state, HTTP_CLOSED);
    assert_true(given <= service.limits.discard_most + sizeof(zeros));
}

/* ---- the service that redirects ---- */

static void redirect_leads_to_the_same_page_over_tls(void **state)
{
    (void)state;
    service.mode = HTTP_REDIRECT;
    service.site = NULL;
    assert_has(ask("GET /a%20b?c=d HTTP/1.1\r\nHost: example.org:8080\r\n\r\n"),
               "\r\nLocation: https://example.org/a%20b?c=d\r\n");
    assert_length_is_true(received);
    service.secure_port = 8443;
    assert_has(ask("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
               "\r\nLocation: https://[::1]:8443/\r\n");
    assert_has(ask("GET http://x/y HTTP/1.1\r\nHost: z\r\n\r\n"),
               "\r\nLocation: https://x:8443/y\r\n");
    assert_has(ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), "301 Moved Permanently");
    assert_string_equal(body_of(received), "");
    assert_int_equal(connection.state, HTTP_IDLE);
    assert_has(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 400 ");
}

static void redirect_that_is_too_long_is_refused(void **state)
{
    static char request[HTTP_TARGET_LIMIT + 100] = "GET /";
    size_t size = 5;

    (void)state;
    service.mode = HTTP_REDIRECT;
    memset(request + size, 'a', HTTP_TARGET_LIMIT - 1);
    size += HTTP_TARGET_LIMIT - 1;
    memcpy(request + size, " HTTP/1.1\r\nHost: a\r\n\r\n", 23);
    assert_has(ask(request), "HTTP/1.1 414 URI Too Long\r\n");
    assert_lacks(received, "Location");
    assert_length_is_true(received);
}

static void strict_transport_is_said_except_to_localhost(void **state)
{
    (void)state;
    service.strict_transport = true;
    assert_has(ask(GET("/") END), "\r\nStrict-Transport-Security: max-age=31536000\r\n");
    assert_lacks(ask("GET / HTTP/1.1\r\nHost: localhost:8443\r\n\r\n"), "Strict-Transport");
    assert_lacks(ask("GET / HTTP/1.1\r\nHost: a.LOCALHOST\r\n\r\n"), "Strict-Transport");
    assert_has(ask("GET / HTTP/1.1\r\nHost: notlocalhost\r\n\r\n"), "Strict-Transport");
}

/* ---- every refusal ---- */

static void every_status_has_a_page_that_fits(void **state)
{
    static const enum http_status statuses[] = {
        HTTP_BAD_REQUEST,    HTTP_REQUEST_TIMEOUT, HTTP_URI_TOO_LONG,    HTTP_EXPECTATION_FAILED,
        HTTP_HEAD_TOO_LARGE, HTTP_INTERNAL_ERROR,  HTTP_NOT_IMPLEMENTED, HTTP_VERSION_NOT_SUPPORTED,
    };
    struct http_answer answer;

    (void)state;
    http_service_on_time(&service, sample_modified);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        http_answer_refuse(&answer, &service, statuses[i]);
        assert_true(answer.close);
        assert_true(answer.head_size < HTTP_ANSWER_SIZE);
        memcpy(received, answer.head, answer.head_size);
        received_size = answer.head_size;
        received[received_size] = '\0';
        assert_length_is_true(received);
        assert_has(received, "</html>\n");
    }
}

/* ---- the site's blob ---- */

static void damaged_blobs_are_refused(void **state)
{
    static const size_t fields[] = {0,  8,  16, 24, 32, 36,  56,  60,
                                    72, 80, 88, 92, 96, 100, 104, 108};
    size_t size = sample_site_build();
    struct site other;

    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        sample_site_build();
        memset(sample_blob.bytes + fields[i], 0xee, 4);
        if (site_open(&other, &sample_blob, size))
            fail_msg("accepted with byte %zu damaged", fields[i]);
    }
    sample_site_build();
    assert_false(site_open(&other, &sample_blob, size - 1));
    assert_false(site_open(&other, sample_blob.bytes + 4, size - 4));
    assert_false(site_open(&other, &sample_blob, 8));
    assert_true(site_open(&other, &sample_blob, size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(page_is_served_with_its_fields, setup),
        cmocka_unit_test_setup(answer_without_a_clock_has_no_date, setup),
        cmocka_unit_test_setup(head_has_the_fields_of_get_and_no_body, setup),
        cmocka_unit_test_setup(gzip_goes_to_those_who_accept_it, setup),
        cmocka_unit_test_setup(unchanged_page_is_not_sent_again, setup),
        cmocka_unit_test_setup(ranges_are_served, setup),
        cmocka_unit_test_setup(missing_page_has_the_sites_own_words, setup),
        cmocka_unit_test_setup(folder_without_its_slash_is_redirected, setup),
        cmocka_unit_test_setup(other_methods_get_an_answer, setup),
        cmocka_unit_test_setup(content_is_answered_and_ends_the_connection, setup),
        cmocka_unit_test_setup(traversal_never_reaches_a_page, setup),
        cmocka_unit_test_setup(pipelined_requests_are_answered_in_order, setup),
        cmocka_unit_test_setup(byte_by_byte_both_ways, setup),
        cmocka_unit_test_setup(garbage_after_a_request_is_answered_and_ends_it, setup),
        cmocka_unit_test_setup(client_that_does_not_read_is_not_read_from, setup),
        cmocka_unit_test_setup(old_clients_are_told_what_becomes_of_the_connection, setup),
        cmocka_unit_test_setup(client_may_close_its_side_after_asking, setup),
        cmocka_unit_test_setup(client_that_vanishes_is_forgotten, setup),
        cmocka_unit_test_setup(slow_head_is_answered_408, setup),
        cmocka_unit_test_setup(idle_connection_is_closed_in_silence, setup),
        cmocka_unit_test_setup(slow_reader_is_cut_off, setup),
        cmocka_unit_test_setup(last_answer_has_its_time_to_leave, setup),
        cmocka_unit_test_setup(last_answer_that_nobody_reads_is_given_up, setup),
        cmocka_unit_test_setup(endless_sender_is_cut_off_after_the_last_answer, setup),
        cmocka_unit_test_setup(redirect_leads_to_the_same_page_over_tls, setup),
        cmocka_unit_test_setup(redirect_that_is_too_long_is_refused, setup),
        cmocka_unit_test_setup(strict_transport_is_said_except_to_localhost, setup),
        cmocka_unit_test_setup(every_status_has_a_page_that_fits, setup),
        cmocka_unit_test_setup(damaged_blobs_are_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

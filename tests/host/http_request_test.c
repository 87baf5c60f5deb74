/*
 * HTTP request reader: what it accepts, and above all what it refuses.
 *
 * Every malformed request is read twice: in one piece and byte by byte, each time from a heap
 * block of exactly its size, so that the address sanitizer sees any step outside.
 */
// source: userland/web/http_request.c
// source: userland/web/text.c

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "userland/web/http_request.h"

static enum http_progress read_whole(struct http_request *r, const char *data, size_t size)
{
    char *copy = malloc(size + 1);

    assert_non_null(copy);
    memcpy(copy, data, size);
    *r = (struct http_request){0};

    enum http_progress progress = http_request_read(r, copy, size);

    free(copy);
    return progress;
}

static enum http_progress read_bytewise(struct http_request *r, const char *data, size_t size)
{
    enum http_progress progress = HTTP_MORE;

    *r = (struct http_request){0};
    for (size_t i = 1; i <= size && progress == HTTP_MORE; i++) {
        char *copy = malloc(i);

        assert_non_null(copy);
        memcpy(copy, data, i);
        progress = http_request_read(r, copy, i);
        free(copy);
    }
    return progress;
}

static struct http_request accepted(const char *data)
{
    struct http_request whole;
    struct http_request bytewise;
    size_t size = strlen(data);

    if (read_whole(&whole, data, size) != HTTP_COMPLETE)
        fail_msg("refused with %d: %s", (int)whole.refusal, data);
    assert_int_equal(read_bytewise(&bytewise, data, size), HTTP_COMPLETE);
    assert_memory_equal(&whole, &bytewise, sizeof(whole));
    return whole;
}

static void assert_slice(const char *data, struct http_slice slice, const char *expected)
{
    struct text t = http_slice_text(data, slice);

    if (!text_equals(t, text_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)t.size, t.data, expected);
}

static void assert_refused(const char *data, size_t size, enum http_status status)
{
    struct http_request r;

    if (read_whole(&r, data, size) != HTTP_REFUSED || r.refusal != status)
        fail_msg("expected %d, got %d: %s", (int)status, (int)r.refusal, data);
    if (read_bytewise(&r, data, size) != HTTP_REFUSED || r.refusal != status)
        fail_msg("bytewise: expected %d, got %d: %s", (int)status, (int)r.refusal, data);
}

/* ---- acceptable requests ---- */

static void plain_request_is_taken_apart(void **state)
{
    static const char data[] = "GET /a/b.html?x=1&y HTTP/1.1\r\n"
                               "Host: example.org:8443\r\n"
                               "User-Agent: test\r\n"
                               "Accept-Encoding:gzip \t\r\n"
                               "\r\n"
                               "GET /next";
    struct http_request r = accepted(data);

    (void)state;
    assert_int_equal(r.method, HTTP_GET);
    assert_int_equal(r.minor, 1);
    assert_true(r.keep_alive);
    assert_false(r.has_body);
    assert_slice(data, r.path, "/a/b.html");
    assert_slice(data, r.query, "x=1&y");
    assert_slice(data, r.host, "example.org");
    assert_slice(data, r.field[HTTP_ACCEPT_ENCODING], "gzip");
    assert_int_equal(r.head_length, sizeof(data) - 1 - strlen("GET /next"));
    assert_false(http_request_has(&r, HTTP_RANGE));
}

static void absolute_target_names_the_host(void **state)
{
    static const char data[] = "HEAD http://[2001:db8::1]:80 HTTP/1.1\r\nHost: other\r\n\r\n";
    static const char query[] = "GET HTTPS://name?q HTTP/1.1\r\nHost: other\r\n\r\n";
    struct http_request r = accepted(data);

    (void)state;
    assert_int_equal(r.method, HTTP_HEAD);
    assert_slice(data, r.host, "[2001:db8::1]");
    assert_int_equal(r.path.length, 0);
    r = accepted(query);
    assert_slice(query, r.host, "name");
    assert_slice(query, r.query, "q");
}

static void persistence_follows_version_and_connection(void **state)
{
    (void)state;
    assert_true(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
    assert_false(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive);
    assert_false(
        accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, , close\r\n\r\n").keep_alive);
    assert_false(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: "
                          "keep-alive, close\r\n\r\n")
                     .keep_alive);
    assert_false(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
    assert_true(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
    assert_int_equal(accepted("GET / HTTP/1.7\r\nHost: a\r\n\r\n").minor, 1);
}

static void content_means_no_further_request(void **state)
{
    struct http_request r = accepted("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");

    (void)state;
    assert_int_equal(r.method, HTTP_KNOWN_METHOD);
    assert_true(r.has_body);
    assert_false(r.keep_alive);
    r = accepted("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
    assert_true(r.has_body);
    assert_false(r.keep_alive);
    r = accepted("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_false(r.has_body);
    assert_true(r.keep_alive);
}

static void other_methods_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").method, HTTP_KNOWN_METHOD);
    assert_int_equal(accepted("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n").method,
                     HTTP_KNOWN_METHOD);
    assert_int_equal(accepted("get / HTTP/1.1\r\nHost: a\r\n\r\n").method, HTTP_UNKNOWN_METHOD);
    assert_int_equal(accepted("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n").method,
                     HTTP_UNKNOWN_METHOD);
}

static void oddities_that_the_grammar_allows_are_accepted(void **state)
{
    static const char *const requests[] = {
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhOsT:a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab:\t\t\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Bytes: \xc3\xa9\xff\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb  c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::ffff:10.0.2.15]\r\n\r\n",
        "GET /?a|b^`{} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        accepted(requests[i]);
}

/* ---- malformed requests ---- */

struct malformed {
    const char *data;
    enum http_status status;
};

#define HOST "Host: a\r\n"

static const struct malformed malformed[] = {
    /* request line */
    {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET /\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET /  HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET\t/\tHTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / x HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET index.html HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET http:///x HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET /#part HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET /<b> HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/11\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / http/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1,1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/x.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", HTTP_VERSION_NOT_SUPPORTED},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED},
    {"\x16\x03\x01\x02", HTTP_BAD_REQUEST},

    /* line ends and control characters */
    {"GET / HTTP/1.1\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\r\n" HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET /\x0b HTTP/1.1\r\n" HOST "\r\n", HTTP_BAD_REQUEST},

    /* fields */
    {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST "X: y\r\n folded\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST "X(y): z\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST "X\xc3: z\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST "Expect: the best\r\n\r\n", HTTP_EXPECTATION_FAILED},
    {"GET / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n", HTTP_BAD_REQUEST},

    /* host */
    {"GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.0\r\n" HOST "host: b\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", HTTP_BAD_REQUEST},
    {"GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_BAD_REQUEST},

    /* lengths */
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 0\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     HTTP_BAD_REQUEST},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", HTTP_BAD_REQUEST},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP_NOT_IMPLEMENTED},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", HTTP_NOT_IMPLEMENTED},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", HTTP_NOT_IMPLEMENTED},

    /* methods */
    {"AVERYLONGMETHODNAMETHATNOBODYKNOWS / HTTP/1.1\r\n" HOST "\r\n", HTTP_NOT_IMPLEMENTED},
};

static void malformed_requests_are_refused(void **state)
{
    size_t count = sizeof(malformed) / sizeof(malformed[0]);

    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_refused(malformed[i].data, strlen(malformed[i].data), malformed[i].status);
    print_message("%zu malformed requests refused\n", count);
    assert_true(count >= 40);
}

static void nul_is_refused_everywhere(void **state)
{
    static const char request[] = "GET /index.html HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n";
    char copy[sizeof(request) - 1];

    (void)state;
    for (size_t i = 0; i < sizeof(copy); i++) {
        memcpy(copy, request, sizeof(copy));
        copy[i] = '\0';
        assert_refused(copy, sizeof(copy), HTTP_BAD_REQUEST);
    }
}

/* ---- limits ---- */

static size_t repeat(char *out, size_t at, char c, size_t count)
{
    memset(out + at, c, count);
    return at + count;
}

static size_t append(char *out, size_t at, const char *string)
{
    memcpy(out + at, string, strlen(string));
    return at + strlen(string);
}

static void target_has_a_limit(void **state)
{
    static char data[HTTP_HEAD_LIMIT];
    struct http_request r;
    size_t size = append(data, 0, "GET /");

    (void)state;
    size = repeat(data, size, 'a', HTTP_TARGET_LIMIT - 1);
    size = append(data, size, " HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(read_whole(&r, data, size), HTTP_COMPLETE);

    size = append(data, 0, "GET /");
    size = repeat(data, size, 'a', HTTP_TARGET_LIMIT);
    size = append(data, size, " HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(read_whole(&r, data, size), HTTP_REFUSED);
    assert_int_equal(r.refusal, HTTP_URI_TOO_LONG);

    /* Nobody needs to wait for the end of a line that is too long already. */
    size = append(data, 0, "GET /");
    size = repeat(data, size, 'a', HTTP_TARGET_LIMIT + 60);
    assert_int_equal(read_whole(&r, data, size), HTTP_REFUSED);
    assert_int_equal(r.refusal, HTTP_URI_TOO_LONG);
}

static void endless_method_is_refused_early(void **state)
{
    static char data[64];
    struct http_request r;

    (void)state;
    assert_int_equal(read_whole(&r, data, repeat(data, 0, 'A', HTTP_METHOD_LIMIT)), HTTP_MORE);
    assert_int_equal(read_whole(&r, data, repeat(data, 0, 'A', 64)), HTTP_REFUSED);
    assert_int_equal(r.refusal, HTTP_NOT_IMPLEMENTED);
}

static void head_has_a_limit(void **state)
{
    static char data[HTTP_HEAD_LIMIT];
    struct http_request r;
    size_t size = append(data, 0, "GET / HTTP/1.1\r\n" HOST "X: ");

    (void)state;
    /* Exactly full and complete is fine. */
    repeat(data, size, 'x', HTTP_HEAD_LIMIT - size);
    append(data, HTTP_HEAD_LIMIT - 4, "\r\n\r\n");
    assert_int_equal(read_whole(&r, data, HTTP_HEAD_LIMIT), HTTP_COMPLETE);
    assert_int_equal(r.head_length, HTTP_HEAD_LIMIT);

    append(data, HTTP_HEAD_LIMIT - 4, "\r\nX:");
    assert_int_equal(read_whole(&r, data, HTTP_HEAD_LIMIT), HTTP_REFUSED);
    assert_int_equal(r.refusal, HTTP_HEAD_TOO_LARGE);
}

static void field_lines_have_a_limit(void **state)
{
    static char data[HTTP_HEAD_LIMIT];
    struct http_request r;
    size_t size = append(data, 0, "GET / HTTP/1.1\r\n" HOST);

    (void)state;
    for (int i = 1; i < HTTP_FIELDS_LIMIT; i++)
        size = append(data, size, "X: y\r\n");
    append(data, size, "\r\n");
    assert_int_equal(read_whole(&r, data, size + 2), HTTP_COMPLETE);

    size = append(data, size, "X: y\r\n");
    assert_int_equal(read_whole(&r, data, size), HTTP_REFUSED);
    assert_int_equal(r.refusal, HTTP_HEAD_TOO_LARGE);
}

static void partial_requests_ask_for_more(void **state)
{
    static const char data[] = "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n";
    struct http_request r;

    (void)state;
    for (size_t i = 0; i < sizeof(data) - 1; i++)
        assert_int_equal(read_whole(&r, data, i), HTTP_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_request_is_taken_apart),
        cmocka_unit_test(absolute_target_names_the_host),
        cmocka_unit_test(persistence_follows_version_and_connection),
        cmocka_unit_test(content_means_no_further_request),
        cmocka_unit_test(other_methods_are_told_apart),
        cmocka_unit_test(oddities_that_the_grammar_allows_are_accepted),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(nul_is_refused_everywhere),
        cmocka_unit_test(target_has_a_limit),
        cmocka_unit_test(endless_method_is_refused_early),
        cmocka_unit_test(head_has_a_limit),
        cmocka_unit_test(field_lines_have_a_limit),
        cmocka_unit_test(partial_requests_ask_for_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

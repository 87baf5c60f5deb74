/*
 * Fuzzing the web server's HTTP: any bytes, in any pieces, at any pace.
 *
 * The first byte of the input seeds how the rest is cut into pieces, how much output is taken in
 * between and how time passes.  Beside the sanitizers' findings these must hold: every answer
 * begins with a status line, every body lies inside the site, and every connection ends once its
 * clock has run out.
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

#include <stdlib.h>

#include "tests/host/http_sample_site.h"
#include "userland/web/http_connection.h"

#define SECOND UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct site site;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void check_head(const struct http_connection *c)
{
    const struct http_answer *a = &c->answer;

    require(a->head_size <= HTTP_ANSWER_SIZE);
    require(memcmp(a->head, "HTTP/1.1 ", 9) == 0);
    require(a->body_size == 0
            || (a->body >= site.blob && a->body + a->body_size <= site.blob + sample_size));
}

/* Take up to `most` bytes of output, reading each of them. */
static void drain(struct http_connection *c, size_t most, uint64_t now)
{
    struct text parts[2];
    size_t taken = 0;
    volatile char sink = 0;

    http_connection_output(c, &parts[0], &parts[1]);
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < parts[i].size && taken < most; j++, taken++)
            sink = parts[i].data[j];
    }
    (void)sink;
    if (c->state == HTTP_SENDING)
        check_head(c);
    if (taken > 0)
        http_connection_on_sent(c, taken, now);
}

static void converse(struct http_service *service, const uint8_t *data, size_t size, uint32_t seed)
{
    struct http_connection *c = malloc(sizeof(*c));
    uint64_t now = SECOND;

    require(c != NULL);
    http_connection_open(c, service, now);
    while (size > 0 && c->state != HTTP_CLOSED) {
        struct http_room room = http_connection_room(c);
        size_t piece = next_random(&seed) % 2048 + 1;

        piece = piece < size ? piece : size;
        piece = piece < room.size ? piece : room.size;
        memcpy(room.data, data, piece);
        if (piece > 0)
            http_connection_on_input(c, piece, now);
        data += piece;
        size -= piece;
        drain(c, next_random(&seed) % 8192, now);
        now += next_random(&seed) % 8 == 0 ? SECOND : 1000;
        http_connection_on_time(c, now);
    }
    if (c->state != HTTP_CLOSED && seed % 2 == 0)
        http_connection_on_end(c, now);
    uint32_t unsent = seed;
    for (int i = 0; c->state != HTTP_CLOSED; i++) {
        require(i < 100000);
        drain(c, seed % 3 == 0 ? 0 : 4096, now);
        http_connection_on_unsent(c, next_random(&unsent), now);
        now += SECOND;
        http_connection_on_time(c, now);
    }
    free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_service service;

    if (site.blob == NULL)
        require(site_open(&site, &sample_blob, sample_site_build()));
    if (size < 1)
        return 0;
    http_service_open(&service, data[0] & 1 ? HTTP_REDIRECT : HTTP_SERVE, &site);
    http_service_on_time(&service, sample_modified);
    service.strict_transport = data[0] & 2;
    converse(&service, data + 1, size - 1, data[0]);
    return 0;
}

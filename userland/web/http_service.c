/*
 * HTTP service: the shared lines of all answers, and the limits.
 */

#include "http_service.h"

#include "http_date.h"

#define SECONDS(n) ((uint64_t)(n)*1000000000)

static const char fixed_lines[] = "Server: Rotunda\r\n"
                                  "X-Content-Type-Options: nosniff\r\n"
                                  "Referrer-Policy: no-referrer\r\n";

_Static_assert(sizeof(fixed_lines) + sizeof("Date: \r\n") + HTTP_DATE_SIZE
                   <= sizeof(((struct http_service *)0)->common),
               "the shared lines fit");

const struct http_limits http_limits_default = {
    .head_ns = SECONDS(15),
    .idle_ns = SECONDS(20),
    .send_ns = SECONDS(10),
    .linger_ns = SECONDS(2),
    .send_least = 8192,
    .discard_most = 65536,
};

static void common_append(struct http_service *s, const char *data, size_t size)
{
    memcpy(s->common + s->common_size, data, size);
    s->common_size += size;
}

void http_service_open(struct http_service *s, enum http_service_mode mode, const struct site *site)
{
    *s = (struct http_service){
        .mode = mode,
        .site = site,
        .secure_port = 443,
        .limits = http_limits_default,
    };
    common_append(s, fixed_lines, sizeof(fixed_lines) - 1);
}

void http_service_on_time(struct http_service *s, uint64_t seconds)
{
    char date[HTTP_DATE_SIZE];

    if (seconds == s->date || seconds == 0)
        return;
    http_date_write(seconds, date);
    s->date = seconds;
    s->common_size = sizeof(fixed_lines) - 1;
    common_append(s, "Date: ", 6);
    common_append(s, date, sizeof(date));
    common_append(s, "\r\n", 2);
}

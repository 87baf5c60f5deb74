/*
 * HTTP service: what all connections of one port have in common.
 *
 * One service answers with pages, another only sends people to the first one
 * over TLS.  The field lines that every answer carries are kept ready-made and
 * change once a second, with the date.
 */

#pragma once

#include "http_status.h"
#include "site.h"

enum http_service_mode {
    HTTP_SERVE,   /* answer from the site */
    HTTP_REDIRECT /* answer 301 to https */
};

/* How long a client may take, so that slow ones cannot hold what others need.  Nanoseconds. */
struct http_limits {
    uint64_t head_ns;      /* from the first byte of a head (or from opening) to its last */
    uint64_t idle_ns;      /* between requests */
    uint64_t send_ns;      /* to take the next `send_least` bytes of an answer, or its last ones */
    uint64_t linger_ns;    /* from our last byte's leaving to the client's close */
    uint64_t send_least;   /* bytes */
    uint64_t discard_most; /* bytes thrown away after the last answer */
};

struct http_counters {
    uint64_t connections;
    uint64_t requests;
    uint64_t answers[6]; /* by the status's first digit */
    uint64_t bytes;      /* of answers, heads included, as far as they were sent */
    uint64_t timeouts;
};

struct http_service {
    enum http_service_mode mode;
    const struct site *site; /* borrowed; may be NULL for a service that redirects */
    uint16_t secure_port;    /* where a redirect leads; 443 is left unsaid */
    bool strict_transport;   /* tell browsers to come by TLS only from now on */
    struct http_limits limits;
    struct http_counters counters;
    char common[160]; /* lines of every answer */
    size_t common_size;
    uint64_t date; /* seconds since 1970 as said in `common`; 0 while it is unknown */
};

/* Limits that reap any idle, slow or stuck client within 30 seconds. */
extern const struct http_limits http_limits_default;

/* Set up a service whose clock is not known yet. */
void http_service_open(struct http_service *s, enum http_service_mode mode,
                       const struct site *site);

/* Tell the time, as often as wanted.  Without it answers carry no Date, as RFC 9110 wants. */
void http_service_on_time(struct http_service *s, uint64_t seconds);

/*
 * HTTP connection: one client's byte stream, from opening to closing.
 *
 * It does no input or output and knows no clock: whoever owns the socket (with
 * or without TLS) puts bytes in, takes bytes out and says what time it is.
 *
 *                 .-----------(answer sent, keep alive)----------.
 *                 v                                              |
 *      open --> IDLE --first byte--> READING --head complete--> SENDING
 *                 |                     |  \                     ^   |
 *                 |                     |   `--refused, late-----'   | (answer sent, close)
 *                 |                     |                            v
 *                 +------(close)--------+---------------------> DELIVERING
 *                 |                     |                          |     | (all has left)
 *                 |                     |                          |     v
 *                 `--(late)-> CLOSED <--'------(close, late)-------'- LINGERING
 *
 * Pipelined requests wait in the input buffer and are answered in order, each
 * when the one before has been sent: a client that doesn't read its answers is
 * not read from either, so it can never hold more than one buffer of each kind.
 */

#pragma once

#include "http_answer.h"
#include "http_request.h"
#include "http_service.h"

enum http_connection_state {
    HTTP_CLOSED,
    HTTP_IDLE,
    HTTP_READING,
    HTTP_SENDING,
    HTTP_DELIVERING, /* the last was said; shut our side down and wait until it has left */
    HTTP_LINGERING   /* until the client closes; in both, what still comes is thrown away */
};

struct http_connection {
    enum http_connection_state state;
    bool peer_ended; /* the client won't send any more */
    struct http_service *service;
    uint64_t since_ns;    /* when this state was entered */
    uint64_t deadline_ns; /* when http_connection_on_time() has something to do */
    uint64_t window;      /* bytes still to be taken before the deadline, while SENDING */
    uint64_t unsent;      /* bytes that had not left when the deadline was set, while DELIVERING */
    uint64_t discarded;   /* while DELIVERING or LINGERING */
    size_t head_sent;
    uint64_t body_sent;
    size_t input_size;
    struct http_request request;
    struct http_answer answer;
    char input[HTTP_HEAD_LIMIT];
};

/* Where the next input goes. */
struct http_room {
    char *data;
    size_t size; /* 0 while nothing can be taken */
};

/* Begin with a fresh stream.  Units of all times: nanoseconds of one steady clock. */
void http_connection_open(struct http_connection *c, struct http_service *s, uint64_t now_ns);

/* Where to put input; borrowed until the next call. */
struct http_room http_connection_room(struct http_connection *c);

/* `size` bytes were put there. */
void http_connection_on_input(struct http_connection *c, size_t size, uint64_t now_ns);

/* All that will ever be said has been said, by somebody else: throw away what still comes. */
void http_connection_linger(struct http_connection *c, uint64_t now_ns);

/*
 * So many bytes of what was taken have not left yet.  Say so from time to time while DELIVERING:
 * the client's time to close begins when it is 0, and until then it has as long as for an answer.
 */
void http_connection_on_unsent(struct http_connection *c, uint64_t size, uint64_t now_ns);

/* The client closed its side. */
void http_connection_on_end(struct http_connection *c, uint64_t now_ns);

/* The stream is broken: nothing can be sent any more. */
void http_connection_on_failure(struct http_connection *c);

/*
 * What to send next: the rest of the head and the rest of the body, either may be empty.
 * Ownership: borrowed until http_connection_on_sent().
 */
void http_connection_output(const struct http_connection *c, struct text *head, struct text *body);

/* The first `size` bytes of that were taken. */
void http_connection_on_sent(struct http_connection *c, uint64_t size, uint64_t now_ns);

/* Since when nothing has moved for want of the client; a slow reader's crumbs don't count. */
uint64_t http_connection_waiting_since(const struct http_connection *c);

/* Act on a deadline that has passed. */
void http_connection_on_time(struct http_connection *c, uint64_t now_ns);

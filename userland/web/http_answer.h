/*
 * HTTP answer: what goes back for one request.
 *
 * A pure function from (service, request) to a small buffer with the head, and
 * a pointer to the body where it lies in the site.  Built-in pages are short
 * and follow the head in its buffer, so a client gets them in one piece.
 */

#pragma once

#include "http_request.h"
#include "http_service.h"

enum { HTTP_ANSWER_SIZE = 2560 };

/* Zero is an empty answer. */
struct http_answer {
    enum http_status status;
    bool close;       /* nothing may be read from this client afterwards */
    size_t head_size; /* bytes of `head`, a built-in page included */
    const char *body; /* borrowed from the site */
    uint64_t body_size;
    char head[HTTP_ANSWER_SIZE];
};

/* Answer a complete request; `data` is the buffer it was read from, not needed afterwards. */
void http_answer_make(struct http_answer *a, const struct http_service *s,
                      const struct http_request *r, const char *data);

/* Answer what was no request, or didn't come in time; the connection closes. */
void http_answer_refuse(struct http_answer *a, const struct http_service *s,
                        enum http_status status);

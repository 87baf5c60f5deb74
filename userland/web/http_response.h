/*
 * HTTP response head: puts a status line and fields into a caller's buffer.
 *
 * The writer cannot fail in the middle: what doesn't fit sets `overflowed` and
 * is left out, and the caller looks once, at the end.  Field values come from
 * this server and from the packed site; the one piece of a request that is
 * ever repeated (a redirect's host and target) was checked character by
 * character when it was read.
 */

#pragma once

#include "http_status.h"

struct http_response {
    char *data; /* borrowed from the caller */
    size_t capacity;
    size_t size;
    bool overflowed;
};

/* Begin in `buffer` with the status line. */
void http_response_start(struct http_response *r, char *buffer, size_t capacity,
                         enum http_status status);

/* Append bytes as they are: part of a value, or whole lines that were made ready earlier. */
void http_response_text(struct http_response *r, struct text t);
void http_response_number(struct http_response *r, uint64_t number);

/* Append "name: value" and its line end. */
void http_response_field(struct http_response *r, const char *name, struct text value);
void http_response_number_field(struct http_response *r, const char *name, uint64_t value);

/* Append the empty line that ends the head. */
void http_response_end(struct http_response *r);

/* Append a whole small page that says what happened; http_page_size() says how long it is. */
void http_response_page(struct http_response *r, enum http_status status);
size_t http_page_size(enum http_status status);

/*
 * HTTP status: the answers this server can give, each with its words.
 *
 * Every status has a ready-made status line and one plain sentence for the
 * page that goes with it.  Nothing of what the client sent appears in either.
 */

#pragma once

#include "text.h"

enum http_status {
    HTTP_OK = 200,
    HTTP_PARTIAL_CONTENT = 206,
    HTTP_MOVED_PERMANENTLY = 301,
    HTTP_NOT_MODIFIED = 304,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_REQUEST_TIMEOUT = 408,
    HTTP_PRECONDITION_FAILED = 412,
    HTTP_URI_TOO_LONG = 414,
    HTTP_RANGE_NOT_SATISFIABLE = 416,
    HTTP_EXPECTATION_FAILED = 417,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_INTERNAL_ERROR = 500,
    HTTP_NOT_IMPLEMENTED = 501,
    HTTP_VERSION_NOT_SUPPORTED = 505,
};

/* "HTTP/1.1 404 Not Found" with its line end. */
struct text http_status_line(enum http_status status);

/* "Not Found" */
struct text http_status_reason(enum http_status status);

/* One sentence that tells a person what happened. */
struct text http_status_sentence(enum http_status status);

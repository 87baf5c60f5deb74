/*
 * HTTP range: which bytes of a file a client wants (RFC 9110 section 14).
 *
 * One range is served; a request for several gets the whole file, which the
 * standard permits and which leaves nothing to gain from asking for thousands
 * of overlapping ones.  A malformed field is ignored for the same reason.
 */

#pragma once

#include "text.h"

enum http_range_kind {
    HTTP_RANGE_WHOLE,        /* send everything */
    HTTP_RANGE_PART,         /* send `first` to `last` */
    HTTP_RANGE_UNSATISFIABLE /* the file ends before the range begins */
};

struct http_range {
    enum http_range_kind kind;
    uint64_t first, last; /* byte positions, both included; only for HTTP_RANGE_PART */
};

/* Read the value of a Range field for a file of `size` bytes. */
struct http_range http_range_read(struct text value, uint64_t size);

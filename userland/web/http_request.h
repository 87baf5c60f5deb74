/*
 * HTTP request: reads one request head, as RFC 9112 writes it and no other way.
 *
 * Lenient parsers are how two machines come to disagree about where a request
 * ends, so whatever the grammar leaves open to argument is refused: bare CR or
 * LF, folded lines, blanks before a colon, two lengths, two hosts.  The reader
 * is fed the whole input buffer each time more bytes have come and continues
 * where it stopped; it looks at every byte once.
 *
 *      FIRST_LINE --line--> FIELDS --empty line--> (COMPLETE)
 *           \                  \
 *            `------------------`----> (REFUSED, with the status to answer)
 *
 * Nothing is copied: results are slices of the buffer, counted from its start.
 */

#pragma once

#include "http_status.h"
#include "text.h"

enum {
    HTTP_HEAD_LIMIT = 8192,   /* request line and fields together */
    HTTP_TARGET_LIMIT = 4096, /* the request target alone */
    HTTP_METHOD_LIMIT = 32,
    HTTP_FIELDS_LIMIT = 64, /* field lines */
};

enum http_progress { HTTP_MORE, HTTP_COMPLETE, HTTP_REFUSED };

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_KNOWN_METHOD,  /* a standard one that a site of files has no use for */
    HTTP_UNKNOWN_METHOD /* a well-formed word that means nothing to us */
};

/* The fields this server acts on.  Every other field is checked and skipped. */
enum http_field {
    HTTP_HOST,
    HTTP_CONTENT_LENGTH,
    HTTP_TRANSFER_ENCODING,
    HTTP_EXPECT,
    HTTP_RANGE,
    HTTP_IF_RANGE,
    HTTP_IF_MATCH,
    HTTP_IF_UNMODIFIED_SINCE,
    HTTP_IF_MODIFIED_SINCE,
    HTTP_IF_NONE_MATCH,
    HTTP_ACCEPT_ENCODING,
    HTTP_CONNECTION,
    HTTP_FIELD_KINDS
};

struct http_slice {
    uint16_t offset; /* from the start of the input buffer */
    uint16_t length;
};

/* Zero is a reader that has seen nothing. */
struct http_request {
    /* How far the reader has come. */
    uint16_t scanned;    /* bytes looked at */
    uint16_t line_start; /* where the line being read begins */
    uint8_t lines;       /* field lines so far */
    bool in_fields;      /* the request line is behind us */
    bool blank_skipped;  /* the one empty line tolerated before a request */

    /* What the head said; settled once the reader answers HTTP_COMPLETE. */
    enum http_method method;
    uint8_t minor;           /* HTTP/1.minor */
    bool keep_alive;         /* the client would send another request */
    bool has_body;           /* content follows; we never read it */
    uint16_t head_length;    /* the next request starts here, unless has_body */
    struct http_slice path;  /* still encoded; empty means "/" */
    struct http_slice query; /* without its question mark */
    struct http_slice host;  /* name or address as it was written, brackets and all */
    struct http_slice field[HTTP_FIELD_KINDS]; /* offset 0 while absent */
    bool said_close, said_keep_alive;          /* what Connection listed */
    enum http_status refusal;                  /* the answer, when refused */
};

/*
 * Read on in `data`, of which `size` bytes have arrived so far (at most HTTP_HEAD_LIMIT).
 * Ownership: `data` is borrowed and must hold the same bytes at the next call.
 * After HTTP_REFUSED nothing that follows can be trusted to be a request: answer and close.
 */
enum http_progress http_request_read(struct http_request *r, const char *data, size_t size);

/* The bytes of `slice`; `data` is the buffer that was read. */
static inline struct text http_slice_text(const char *data, struct http_slice slice)
{
    return (struct text){data + slice.offset, slice.length};
}

static inline bool http_request_has(const struct http_request *r, enum http_field field)
{
    return r->field[field].offset != 0;
}

/* The value of `field`, blanks trimmed; empty when it is absent. */
static inline struct text http_request_text(const struct http_request *r, const char *data,
                                            enum http_field field)
{
    return http_slice_text(data, r->field[field]);
}

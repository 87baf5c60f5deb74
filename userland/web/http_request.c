/*
 * HTTP request reader: finds lines, then takes each apart at once.
 *
 * Every byte passes read_line() exactly once, so no control character, bare CR
 * or bare LF ever reaches the code behind it.  Slices are 16 bits wide because
 * a head is never longer than HTTP_HEAD_LIMIT.
 *
 * Source: RFC 9112 sections 2 to 6, RFC 9110 sections 5, 7.2 and 10.1.1.
 */

#include "http_request.h"

_Static_assert(HTTP_HEAD_LIMIT <= UINT16_MAX, "slices are 16 bits wide");
_Static_assert(HTTP_FIELDS_LIMIT < UINT8_MAX, "lines are counted in 8 bits");

enum line { LINE_MORE, LINE_FOUND, LINE_BROKEN };

static bool refuse(struct http_request *r, enum http_status status)
{
    r->refusal = status;
    return false;
}

static enum http_progress refused(struct http_request *r, enum http_status status)
{
    r->refusal = status;
    return HTTP_REFUSED;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One bit for each ASCII character that may stand in a token (RFC 9110 section 5.6.2). */
static bool is_token(char c)
{
    static const uint64_t low = 0x03ff6cfa00000000;
    static const uint64_t high = 0x57ffffffc7fffffe;
    unsigned char u = (unsigned char)c;

    if (u >= 128)
        return false;
    return ((u < 64 ? low : high) >> (u & 63) & 1) != 0;
}

/* A printable ASCII character that may appear unencoded in a target. */
static bool is_target(char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '#' && c != '<' && c != '>';
}

/* ---- lines ---- */

static enum line read_line(struct http_request *r, const char *data, size_t size)
{
    while (r->scanned < size) {
        unsigned char c = (unsigned char)data[r->scanned];

        if ((c >= ' ' && c != 0x7f) || c == '\t') {
            r->scanned++;
            continue;
        }
        if (c != '\r')
            return LINE_BROKEN;
        if ((size_t)r->scanned + 1 == size)
            return LINE_MORE;
        return data[r->scanned + 1] == '\n' ? LINE_FOUND : LINE_BROKEN;
    }
    return LINE_MORE;
}

/* ---- the request line ---- */

static enum http_method method_of(struct text name)
{
    static const char *const known[] = {"POST",    "PUT",   "DELETE", "CONNECT",
                                        "OPTIONS", "TRACE", "PATCH"};

    if (text_equals(name, text_of("GET")))
        return HTTP_GET;
    if (text_equals(name, text_of("HEAD")))
        return HTTP_HEAD;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (text_equals(name, text_of(known[i])))
            return HTTP_KNOWN_METHOD;
    }
    return HTTP_UNKNOWN_METHOD;
}

static bool read_version(struct http_request *r, struct text t)
{
    if (t.size != 8 || !text_starts_with(t, text_of("HTTP/")) || !is_digit(t.data[5])
        || t.data[6] != '.' || !is_digit(t.data[7]))
        return refuse(r, HTTP_BAD_REQUEST);
    if (t.data[5] != '1')
        return refuse(r, HTTP_VERSION_NOT_SUPPORTED);
    /* A later 1.x must still be understood by whoever speaks 1.1. */
    r->minor = t.data[7] == '0' ? 0 : 1;
    return true;
}

static bool port_is_valid(struct text port)
{
    uint64_t number = 0;

    return port.size == 0 || (text_number(port, &number) && number <= UINT16_MAX);
}

/* How many bytes of `t` are a bracketed address; 0 when it is none. */
static size_t bracketed_length(struct text t)
{
    for (size_t i = 1; i < t.size; i++) {
        char c = t.data[i];

        if (c == ']')
            return i > 2 ? i + 1 : 0;
        if (!is_digit(c) && !(is_letter(c) && (c | 0x20) <= 'f') && c != ':' && c != '.')
            return 0;
    }
    return 0;
}

static size_t name_length(struct text t)
{
    size_t i = 0;

    while (i < t.size
           && (is_letter(t.data[i]) || is_digit(t.data[i]) || t.data[i] == '-' || t.data[i] == '.'
               || t.data[i] == '_'))
        i++;
    return i;
}

/*
 * Read "name[:port]".  Only names, IPv4 and bracketed IPv6 addresses pass, so that a
 * redirect can repeat the host without becoming somebody else's address or markup.
 */
static bool read_authority(struct http_request *r, const char *data, struct http_slice slice)
{
    enum { NAME_LIMIT = 255 };
    struct text t = http_slice_text(data, slice);
    size_t length = t.size > 0 && t.data[0] == '[' ? bracketed_length(t) : name_length(t);

    if (length == 0 || length > NAME_LIMIT)
        return refuse(r, HTTP_BAD_REQUEST);
    if (length < t.size && (t.data[length] != ':' || !port_is_valid(text_after(t, length + 1))))
        return refuse(r, HTTP_BAD_REQUEST);
    r->host = (struct http_slice){slice.offset, (uint16_t)length};
    return true;
}

/* How many bytes "http://" or "https://" takes at the start of `t`; 0 when it has neither. */
static uint16_t scheme_length(struct text t)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        struct text scheme = text_of(schemes[i]);

        if (t.size >= scheme.size && text_matches((struct text){t.data, scheme.size}, scheme))
            return (uint16_t)scheme.size;
    }
    return 0;
}

/* Take the authority off an absolute target; what is left starts at its path. */
static bool read_absolute(struct http_request *r, const char *data, struct http_slice *target)
{
    uint16_t scheme = scheme_length(http_slice_text(data, *target));
    uint16_t end = scheme;

    if (scheme == 0)
        return refuse(r, HTTP_BAD_REQUEST);
    while (end < target->length && data[target->offset + end] != '/'
           && data[target->offset + end] != '?')
        end++;

    struct http_slice authority = {(uint16_t)(target->offset + scheme), (uint16_t)(end - scheme)};

    target->offset = (uint16_t)(target->offset + end);
    target->length = (uint16_t)(target->length - end);
    return read_authority(r, data, authority);
}

static bool read_target(struct http_request *r, const char *data, struct http_slice target)
{
    struct text t = http_slice_text(data, target);

    if (t.size == 0)
        return refuse(r, HTTP_BAD_REQUEST);
    for (size_t i = 0; i < t.size; i++) {
        if (!is_target(t.data[i]))
            return refuse(r, HTTP_BAD_REQUEST);
    }
    /* "*" and "host:port" belong to methods that we answer without looking at a target. */
    if (r->method == HTTP_KNOWN_METHOD || r->method == HTTP_UNKNOWN_METHOD)
        return true;
    if (t.data[0] != '/' && !read_absolute(r, data, &target))
        return false;

    const char *mark = target.length == 0 ? NULL : memchr(data + target.offset, '?', target.length);
    uint16_t path = mark == NULL ? target.length : (uint16_t)(mark - (data + target.offset));

    r->path = (struct http_slice){target.offset, path};
    if (mark != NULL)
        r->query = (struct http_slice){(uint16_t)(target.offset + path + 1),
                                       (uint16_t)(target.length - path - 1)};
    return true;
}

static bool read_method(struct http_request *r, struct text name)
{
    if (name.size == 0)
        return refuse(r, HTTP_BAD_REQUEST);
    for (size_t i = 0; i < name.size; i++) {
        if (!is_token(name.data[i]))
            return refuse(r, HTTP_BAD_REQUEST);
    }
    if (name.size > HTTP_METHOD_LIMIT)
        return refuse(r, HTTP_NOT_IMPLEMENTED);
    r->method = method_of(name);
    return true;
}

/* method SP target SP version, with exactly these two blanks */
static bool read_first_line(struct http_request *r, const char *data, struct text line)
{
    const char *first = memchr(line.data, ' ', line.size);
    size_t method = first == NULL ? 0 : (size_t)(first - line.data);
    struct text rest = text_after(line, method + 1);
    const char *second = first == NULL || rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);

    if (second == NULL)
        return refuse(r, HTTP_BAD_REQUEST);

    size_t target = (size_t)(second - rest.data);

    if (!read_method(r, (struct text){line.data, method}))
        return false;
    if (target > HTTP_TARGET_LIMIT)
        return refuse(r, HTTP_URI_TOO_LONG);
    if (!read_version(r, text_after(rest, target + 1)))
        return false;
    return read_target(r, data,
                       (struct http_slice){(uint16_t)(rest.data - data), (uint16_t)target});
}

/* ---- fields ---- */

static const struct {
    struct text name;
    bool single; /* a second line with this name makes the request ambiguous */
} fields[HTTP_FIELD_KINDS] = {
    [HTTP_HOST] = {{"host", 4}, true},
    [HTTP_CONTENT_LENGTH] = {{"content-length", 14}, true},
    [HTTP_TRANSFER_ENCODING] = {{"transfer-encoding", 17}, true},
    [HTTP_EXPECT] = {{"expect", 6}, true},
    [HTTP_RANGE] = {{"range", 5}, true},
    [HTTP_IF_RANGE] = {{"if-range", 8}, true},
    [HTTP_IF_MATCH] = {{"if-match", 8}, true},
    [HTTP_IF_UNMODIFIED_SINCE] = {{"if-unmodified-since", 19}, true},
    [HTTP_IF_MODIFIED_SINCE] = {{"if-modified-since", 17}, true},
    [HTTP_IF_NONE_MATCH] = {{"if-none-match", 13}, false},
    [HTTP_ACCEPT_ENCODING] = {{"accept-encoding", 15}, false},
    [HTTP_CONNECTION] = {{"connection", 10}, false},
};

static void read_connection(struct http_request *r, struct text list)
{
    struct text option;

    while (text_next_element(&list, &option)) {
        r->said_close |= text_matches(option, text_of("close"));
        r->said_keep_alive |= text_matches(option, text_of("keep-alive"));
    }
}

/* Keep the value of a field that we act on; the first line wins where more are allowed. */
static bool keep_field(struct http_request *r, const char *data, struct text name,
                       struct text value)
{
    for (int i = 0; i < HTTP_FIELD_KINDS; i++) {
        if (!text_matches(name, fields[i].name))
            continue;
        if (i == HTTP_CONNECTION)
            read_connection(r, value);
        if (r->field[i].offset != 0)
            return fields[i].single ? refuse(r, HTTP_BAD_REQUEST) : true;
        r->field[i] = (struct http_slice){(uint16_t)(value.data - data), (uint16_t)value.size};
        break;
    }
    return true;
}

static bool read_field(struct http_request *r, const char *data, struct text line)
{
    size_t name = 0;

    if (r->lines == HTTP_FIELDS_LIMIT)
        return refuse(r, HTTP_HEAD_TOO_LARGE);
    r->lines++;
    while (name < line.size && is_token(line.data[name]))
        name++;
    /* A fold, a nameless field and a blank before the colon all end here. */
    if (name == 0 || name == line.size || line.data[name] != ':')
        return refuse(r, HTTP_BAD_REQUEST);
    return keep_field(r, data, (struct text){line.data, name},
                      text_trim(text_after(line, name + 1)));
}

/* ---- the whole head ---- */

/* Decide how the request's content is delimited; what could be read two ways is refused. */
static bool check_framing(struct http_request *r, const char *data)
{
    uint64_t length = 0;

    if (http_request_has(r, HTTP_TRANSFER_ENCODING)) {
        if (http_request_has(r, HTTP_CONTENT_LENGTH) || r->minor == 0)
            return refuse(r, HTTP_BAD_REQUEST);
        if (!text_matches(http_request_text(r, data, HTTP_TRANSFER_ENCODING), text_of("chunked")))
            return refuse(r, HTTP_NOT_IMPLEMENTED);
        r->has_body = true;
    }
    if (http_request_has(r, HTTP_CONTENT_LENGTH)) {
        if (!text_number(http_request_text(r, data, HTTP_CONTENT_LENGTH), &length))
            return refuse(r, HTTP_BAD_REQUEST);
        r->has_body = length > 0;
    }
    return true;
}

static bool check_host(struct http_request *r, const char *data)
{
    struct http_slice named = r->host; /* an absolute target's host outranks the field */

    if (!http_request_has(r, HTTP_HOST))
        return r->minor == 0 ? true : refuse(r, HTTP_BAD_REQUEST);
    if (!read_authority(r, data, r->field[HTTP_HOST]))
        return false;
    if (named.length > 0)
        r->host = named;
    return true;
}

static bool finish(struct http_request *r, const char *data)
{
    if (!check_host(r, data) || !check_framing(r, data))
        return false;
    if (http_request_has(r, HTTP_EXPECT)
        && !text_matches(http_request_text(r, data, HTTP_EXPECT), text_of("100-continue")))
        return refuse(r, HTTP_EXPECTATION_FAILED);
    r->keep_alive = !r->said_close && (r->minor > 0 || r->said_keep_alive) && !r->has_body;
    r->head_length = r->scanned;
    return true;
}

/* Not a whole line yet: is it still possible that an acceptable one comes? */
static enum http_progress check_limits(struct http_request *r, const char *data, size_t size)
{
    enum { REQUEST_LINE_LIMIT = HTTP_METHOD_LIMIT + HTTP_TARGET_LIMIT + sizeof("  HTTP/1.1") };
    size_t line = size - r->line_start;

    if (!r->in_fields && line > HTTP_METHOD_LIMIT
        && memchr(data + r->line_start, ' ', HTTP_METHOD_LIMIT + 1) == NULL)
        return refused(r, HTTP_NOT_IMPLEMENTED);
    if (!r->in_fields && line > REQUEST_LINE_LIMIT)
        return refused(r, HTTP_URI_TOO_LONG);
    if (size >= HTTP_HEAD_LIMIT)
        return refused(r, HTTP_HEAD_TOO_LARGE);
    return HTTP_MORE;
}

enum http_progress http_request_read(struct http_request *r, const char *data, size_t size)
{
    for (;;) {
        enum line found = read_line(r, data, size);

        if (found == LINE_BROKEN)
            return refused(r, HTTP_BAD_REQUEST);
        if (found == LINE_MORE)
            return check_limits(r, data, size);

        struct text line = {data + r->line_start, (size_t)(r->scanned - r->line_start)};

        r->scanned = (uint16_t)(r->scanned + 2);
        r->line_start = r->scanned;
        if (line.size == 0 && r->in_fields)
            return finish(r, data) ? HTTP_COMPLETE : HTTP_REFUSED;
        if (line.size == 0 && !r->blank_skipped) {
            r->blank_skipped = true;
            continue;
        }
        if (!(r->in_fields ? read_field(r, data, line) : read_first_line(r, data, line)))
            return HTTP_REFUSED;
        r->in_fields = true;
    }
}

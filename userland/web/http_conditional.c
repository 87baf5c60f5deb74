/*
 * HTTP conditions: entity-tag lists and dates.  A date that can't be read is
 * no condition at all, as the standard demands.
 */

#include "http_conditional.h"

#include "http_date.h"

static bool is_weak(struct text tag)
{
    return text_starts_with(tag, text_of("W/"));
}

/* Is `etag` in the list of a condition field?  Weak comparison ignores the W/ mark. */
static bool list_has(struct text list, struct text etag, bool weak_counts)
{
    struct text tag;

    if (text_equals(list, text_of("*")))
        return true;
    while (text_next_element(&list, &tag)) {
        if (is_weak(tag)) {
            if (!weak_counts)
                continue;
            tag = text_after(tag, 2);
        }
        if (text_equals(tag, etag))
            return true;
    }
    return false;
}

static bool date_field(const struct http_request *r, const char *data, enum http_field field,
                       uint64_t *seconds)
{
    return http_request_has(r, field) && http_date_read(http_request_text(r, data, field), seconds);
}

enum http_status http_conditional_judge(const struct http_request *r, const char *data,
                                        const struct http_version_mark *mark)
{
    uint64_t since = 0;

    if (http_request_has(r, HTTP_IF_MATCH)) {
        if (!list_has(http_request_text(r, data, HTTP_IF_MATCH), mark->etag, false))
            return HTTP_PRECONDITION_FAILED;
    } else if (date_field(r, data, HTTP_IF_UNMODIFIED_SINCE, &since)) {
        if (mark->modified > since)
            return HTTP_PRECONDITION_FAILED;
    }

    if (http_request_has(r, HTTP_IF_NONE_MATCH))
        return list_has(http_request_text(r, data, HTTP_IF_NONE_MATCH), mark->etag, true)
                   ? HTTP_NOT_MODIFIED
                   : HTTP_OK;
    if (date_field(r, data, HTTP_IF_MODIFIED_SINCE, &since) && mark->modified <= since)
        return HTTP_NOT_MODIFIED;
    return HTTP_OK;
}

bool http_conditional_allows_range(const struct http_request *r, const char *data,
                                   const struct http_version_mark *mark)
{
    uint64_t date = 0;

    if (!http_request_has(r, HTTP_IF_RANGE))
        return true;
    if (date_field(r, data, HTTP_IF_RANGE, &date))
        return date == mark->modified;
    return text_equals(http_request_text(r, data, HTTP_IF_RANGE), mark->etag);
}

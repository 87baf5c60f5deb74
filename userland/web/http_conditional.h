/*
 * HTTP conditional requests: does the client's condition hold for this file?
 *
 * Our entity tags are strong (made from the content), so weak tags only ever
 * match where the standard allows weak comparison.  The order in which the
 * conditions count is that of RFC 9110 section 13.2.2.
 */

#pragma once

#include "http_request.h"

/* What identifies the file version about to be sent. */
struct http_version_mark {
    struct text etag;  /* with its quotes */
    uint64_t modified; /* Unix seconds */
};

/*
 * Judge If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since together.
 * Returns HTTP_OK (send it), HTTP_NOT_MODIFIED or HTTP_PRECONDITION_FAILED.
 */
enum http_status http_conditional_judge(const struct http_request *r, const char *data,
                                        const struct http_version_mark *mark);

/* Does the Range field count?  Without If-Range always, else only for the very same version. */
bool http_conditional_allows_range(const struct http_request *r, const char *data,
                                   const struct http_version_mark *mark);

/*
 * HTTP date: Unix seconds to and from the forms of RFC 9110 section 5.6.7.
 *
 * We write one form (Sun, 06 Nov 1994 08:49:37 GMT) and read the two obsolete
 * ones as well.  Years 1970 to 9999; no locale, no time zone, no leap seconds.
 */

#pragma once

#include "text.h"

enum { HTTP_DATE_SIZE = 29 };

/* Write the HTTP_DATE_SIZE bytes of `seconds`, without a NUL.  Units: seconds since 1970. */
void http_date_write(uint64_t seconds, char out[HTTP_DATE_SIZE]);

/* Read any of the three forms; false when it is none of them or not a real date. */
bool http_date_read(struct text t, uint64_t *seconds);

/*
 * HTTP content encoding: may this client be sent the gzip variant of a file?
 */

#pragma once

#include "text.h"

/*
 * Judge the value of an Accept-Encoding field (RFC 9110 section 12.5.3): true when it
 * names gzip, or "*" without naming gzip, with a weight other than zero.
 */
bool http_encoding_takes_gzip(struct text value);

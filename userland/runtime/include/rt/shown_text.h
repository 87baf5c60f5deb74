/*
 * Shown text: somebody else's text in a form that no terminal obeys and no line ends in.
 *
 * What a domain calls its memory comes from that domain: it may hold control sequences, or a
 * newline that would begin a line of its own.  Whatever isn't shown as itself becomes "\xNN", as it
 * does in the kernel's log.
 */
#pragma once

#include <stddef.h>

enum { SHOWN_BYTE_MAX = 4 }; /* what one byte becomes at the most */

/*
 * Write the text of at most `text_bytes` bytes, or up to its zero, to `out`, with a zero behind it:
 * as much of it as fits into `out_bytes`, which are not none.
 */
void shown_text(char *out, size_t out_bytes, const char *text, size_t text_bytes);

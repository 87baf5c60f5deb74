/*
 * Keys: which typed bytes reach the line editor.
 *
 * Text and the editor's own control keys pass; everything else is dropped, since the
 * editor would echo it to the terminal as it came.  Carriage return, newline and both in
 * a row all end a line once.
 */
#pragma once

#include <stdbool.h>

enum { KEY_INTERRUPT = 3, KEY_ENTER = 13 };

struct keys {
    bool after_return; /* the last byte was a carriage return */
};

/* Whether `c` is to be used; then `*out` is the byte for the editor. */
bool keys_accept(struct keys *keys, char c, char *out);

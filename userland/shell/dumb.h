/*
 * Dumb: what the line editor writes, for a terminal that knows no control sequences.
 *
 * The editor repaints its line as: carriage return, text, "erase to the right", carriage
 * return, "n to the right".  Here erasing becomes blanks and backspaces, and moving right
 * becomes writing what stands there already.  Pure logic.
 */
#pragma once

#include <stddef.h>

enum { DUMB_COLUMNS = 256 };

struct dumb {
    char line[DUMB_COLUMNS]; /* what the terminal's line shows */
    size_t length;           /* of it */
    size_t column;           /* where its cursor is */
    enum dumb_state { DUMB_TEXT = 0, DUMB_ESCAPE, DUMB_SEQUENCE } state;
    size_t number; /* of the sequence being read */
};

/* Take one byte of the editor's output and emit what the terminal is to get instead. */
void dumb_put(struct dumb *dumb, char c, void (*emit)(void *context, char c), void *context);

/*
 * What goes to the terminal: the foreground's bytes, and whole lines of everybody else
 * above the line that the foreground is editing.
 *
 * Pure logic: bytes for the terminal gather in `out`; who empties it is another's
 * affair.  The caller looks at screen_room() before he writes.
 */
#pragma once

#include <stdbool.h>

#include "fifo.h"
#include "line.h"

enum {
    SCREEN_OUT_BYTES = 64 * 1024,
    SCREEN_SENT_BYTES = 64 * 1024, /* kept of what was taken from `out`: it may come back */
    SCREEN_SEQUENCE_BYTES = 32,
    SCREEN_LINE_BYTES = 512, /* of a line from the background */
    /* The most that one line from the background can add to `out`. */
    SCREEN_RESERVE_BYTES = LINE_DRAWN_MAX + SCREEN_LINE_BYTES + LINE_CELLS + 64,
};
_Static_assert(SCREEN_OUT_BYTES >= 2 * SCREEN_RESERVE_BYTES, "room for more than one line");

struct screen {
    struct fifo out;
    struct line line;
    /* An escape sequence of the foreground that isn't complete: it is held back, so that nothing
     * gets into its middle. */
    uint8_t sequence[SCREEN_SEQUENCE_BYTES];
    unsigned sequence_length;
    bool is_return_last; /* the foreground's last byte was "\r" */
};

void screen_init(struct screen *screen);

/* How many bytes screen_write() takes without loss; with any room, screen_print() works. */
size_t screen_room(const struct screen *screen);

/* The foreground writes. */
void screen_write(struct screen *screen, const uint8_t *bytes, size_t length);

/* The foreground is gone, maybe in the middle of something: whoever is next finds an empty line. */
void screen_leave(struct screen *screen);

/* A line (its newline not included, SCREEN_LINE_BYTES at most) from somebody else.  Control
 * characters other than tab and escape are left out. */
void screen_print(struct screen *screen, const uint8_t *text, size_t length);

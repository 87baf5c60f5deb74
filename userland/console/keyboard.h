/*
 * What is typed: a queue of bytes for the foreground, and in the mode TTY_LINES an
 * editor for one line in front of it.
 *
 * Pure logic.  Echo goes to the screen; what else happened comes back as a set of
 * enum keyboard_event.  Bytes typed ahead stay in the queue, whoever reads them.
 */
#pragma once

#include <stdbool.h>

#include "fifo.h"
#include "screen.h"

enum {
    KEYBOARD_BYTES = 128 * 1024, /* typed or pasted, and not yet read */
    KEYBOARD_LINE_BYTES = 1024,  /* of the editor */
};

enum keyboard_event {
    KEYBOARD_READY = 1U << 0,     /* there is something to read */
    KEYBOARD_INTERRUPT = 1U << 1, /* Ctrl-C was typed */
};

struct keyboard {
    struct fifo in;
    unsigned modes; /* set of enum tty_mode */
    uint8_t edit[KEYBOARD_LINE_BYTES];
    unsigned edit_length;
    bool is_ended; /* Ctrl-D on an empty line, not yet read */
};

void keyboard_init(struct keyboard *keyboard);

/* Bytes that keyboard_put() takes without loss. */
size_t keyboard_room(const struct keyboard *keyboard);

/* One byte came from the terminal.  It is taken in any case, and echoed if the screen has room. */
unsigned keyboard_put(struct keyboard *keyboard, uint8_t byte, struct screen *screen);

/* Take up to `limit` bytes.  False: there is nothing; true with none: the input was ended. */
bool keyboard_take(struct keyboard *keyboard, uint8_t *out, size_t limit, size_t *count);

/* Another mode.  A line that is being edited becomes input as it is; what was typed ahead goes
 * through the editor if there is one now. */
void keyboard_mode_set(struct keyboard *keyboard, unsigned modes, struct screen *screen);

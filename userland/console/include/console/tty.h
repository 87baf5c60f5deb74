/*
 * `console:Tty`: the one terminal, shared by all programs.
 *
 * Everybody may write; whole lines of one program never tear the line that another
 * is editing.  One client at a time, the *foreground*, gets what is typed.  All of
 * it goes by portal calls that never wait: who finds no room or no input is told by
 * an event when to come again.
 *
 * What is written: bytes, "\n" ends a line (the console adds "\r").  The output of
 * clients in the background is held until their line is complete (or 512 bytes long).
 *
 * How a program gets here: app_connect("console:Tty"), tty_open() if it wants events,
 * then tty_write(); for input tty_claim() and tty_read().
 */
#pragma once

#include <stdbool.h>

#include "console/mode.h"
#include "rt/portal.h"

#define TTY_SERVICE "console:Tty"

/* Word 0 of a call holds the operation in its low byte.  Word 0 of the answer: enum status. */
enum tty_operation {
    /* handles 0, 1, 2 (each may be 0): events that are signalled when there is input, when there
     * is room for output again, and when Ctrl-C is typed (all of them want SIGNAL). */
    TTY_OPEN = 0x40,
    /* word 0 bits 8..15: how many bytes; words 1..7: the bytes -> word 1: how many were taken.
     * WOULD_BLOCK: none; the room event tells when to try again. */
    TTY_WRITE = 0x41,
    /* word 1: how many at most -> word 1: how many; words 2..7: the bytes.
     * WOULD_BLOCK: none now; the input event tells when.  OK with none: the user ended the input
     * (Ctrl-D on an empty line, TTY_LINES only).  BAD_STATE: not in the foreground. */
    TTY_READ = 0x42,
    /* -> word 1 columns, word 2 rows (a guess: nobody asks the terminal).  BUSY: another client
     * is in the foreground.  BAD_STATE: no event was registered, so the console couldn't
     * tell when the client is gone.  Claiming what one has is OK. */
    TTY_CLAIM = 0x43,
    TTY_RELEASE = 0x44, /* no longer in the foreground */
    /* word 1: set of enum tty_mode.  BAD_STATE: not in the foreground. */
    TTY_MODE = 0x45,
    /* WOULD_BLOCK: some output hasn't reached the serial port yet; try again in a millisecond. */
    TTY_DRAIN = 0x46,
};

enum {
    TTY_WRITE_BYTES = 7 * 8,
    TTY_READ_BYTES = 6 * 8,
    TTY_COLUMNS = 80,
    TTY_ROWS = 24,
};

/* Register for events; each handle may be 0.  Ownership: the handles are duplicated. */
CHECK_RESULT static inline enum status tty_open(handle_t tty, handle_t on_input, handle_t on_room,
                                                handle_t on_interrupt)
{
    struct portal_message m = {.word = {TTY_OPEN}, .handle = {on_input, on_room, on_interrupt}};
    enum status s = portal_call_with(tty, &m, DEADLINE_NEVER);

    return s == STATUS_OK ? (enum status)m.word[0] : s;
}

/* Write up to TTY_WRITE_BYTES of `length` bytes; `*taken` says how many.  Errors: WOULD_BLOCK. */
CHECK_RESULT static inline enum status tty_write(handle_t tty, const void *bytes, size_t length,
                                                 size_t *taken)
{
    size_t count = length < TTY_WRITE_BYTES ? length : TTY_WRITE_BYTES;
    struct portal_message m = {.word = {TTY_WRITE | (uint64_t)count << 8}};

    __builtin_memcpy(&m.word[1], bytes, count);
    enum status s = portal_request(tty, &m);

    if (s != STATUS_OK)
        return s;
    if (m.word[1] > count)
        return STATUS_BAD_DATA;
    *taken = m.word[1];
    return s;
}

/* Read what was typed, up to `room` and TTY_READ_BYTES.  Errors: WOULD_BLOCK, BAD_STATE. */
CHECK_RESULT static inline enum status tty_read(handle_t tty, void *bytes, size_t room,
                                                size_t *count)
{
    size_t limit = room < TTY_READ_BYTES ? room : TTY_READ_BYTES;
    struct portal_message m = {.word = {TTY_READ, limit}};
    enum status s = portal_request(tty, &m);

    if (s != STATUS_OK)
        return s;
    if (m.word[1] > limit)
        return STATUS_BAD_DATA;
    *count = m.word[1];
    __builtin_memcpy(bytes, &m.word[2], m.word[1]);
    return s;
}

/* Ask for the foreground.  Errors: BUSY, BAD_STATE (tty_open() with an event comes first). */
CHECK_RESULT static inline enum status tty_claim(handle_t tty)
{
    struct portal_message m = {.word = {TTY_CLAIM}};

    return portal_request(tty, &m);
}

static inline void tty_release(handle_t tty)
{
    struct portal_message m = {.word = {TTY_RELEASE}};
    enum status s = portal_request(tty, &m);

    (void)s; /* a console that is gone has forgotten us as well */
}

CHECK_RESULT static inline enum status tty_mode(handle_t tty, unsigned modes)
{
    struct portal_message m = {.word = {TTY_MODE, modes}};

    return portal_request(tty, &m);
}

/* OK once all output has reached the serial port.  Errors: WOULD_BLOCK. */
CHECK_RESULT static inline enum status tty_drain(handle_t tty)
{
    struct portal_message m = {.word = {TTY_DRAIN}};

    return portal_request(tty, &m);
}

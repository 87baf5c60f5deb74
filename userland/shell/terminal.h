/*
 * The terminal: reading keys and lines from console:Tty, and ending what runs for ever.
 *
 * The shell waits in one place only, terminal_read(), and the event loop serves
 * everything else meanwhile.  Bytes that are neither text nor a key of the line editor
 * are dropped on the way in, so random input can't reach the terminal as output.
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"

#include <stdbool.h>
#include <stddef.h>

enum terminal_kind {
    TERMINAL_ANSI, /* understands control sequences */
    TERMINAL_DUMB, /* understands text, newline, carriage return and backspace */
};

/* Connect to the console and take the foreground; waits until both are to be had. */
CHECK_RESULT enum status terminal_open(void);

/*
 * The next byte typed, cleaned up.  Blocks until `deadline_ns`.
 * Errors: TIMED_OUT; PEER_DEAD once after the console was lost and found again.
 */
CHECK_RESULT enum status terminal_read(nsec_t deadline_ns, char *out);

/* Whether q or Ctrl-C is typed before the deadline; other keys are thrown away. */
bool terminal_wait_quit(nsec_t deadline_ns);

/* Ask for a line with editing, history and completion; malloc'd, NULL on Ctrl-C. */
char *terminal_line(const char *prompt);

enum terminal_kind terminal_kind(void);
void terminal_set_kind(enum terminal_kind kind);

/* Empty the screen, if the terminal can. */
void terminal_clear(void);

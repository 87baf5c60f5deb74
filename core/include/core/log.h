/*
 * Kernel log: what happened, in order, as lines of text in memory.
 *
 * A ring of bytes, written a whole line at a time, each
 *     [    1.234567] name: text
 * with the time since boot and, unless the kernel itself speaks, the domain's name.
 * The position of a byte counts from the first one ever written and is never
 * reused, so a reader is just a position: it needs no slot here, and a slow one
 * finds out exactly how many bytes it missed.
 *
 * Text is made safe on its way in: a tab becomes four spaces and every other byte that is
 * not printable ASCII becomes \xNN, so that no domain can drive the reader's terminal
 * or forge another's line.
 *
 * Until log_console_release() each line also goes to the console that
 * log_console_set() named.  Works from the first instruction of C; lines before there
 * is a console are printed when it comes.
 * Context: with the kernel lock, or while one CPU runs.
 */
#pragma once

#include "abi/types.h"
#include "base/path.h"

#include <stddef.h>
#include <stdint.h>

enum {
    LOG_SIZE = 64 * 1024, /* bytes of text kept */
    LOG_LINE_MAX = 192,   /* longest line, with its prefix and newline; more is continued */
};

#define LOG_POSITION_RELEASED UINT64_MAX

typedef void log_console_fn(const char *text, size_t length);

/* Print what the log holds, and from now on each line, through `console`. */
BOOT_ONLY void log_console_set(log_console_fn *console);

/* The console has a driver now: the log stays in memory only. */
void log_console_release(void);

/*
 * Take the console back for a panic or the machine's end, and print what nobody has read yet.
 * The log loses the line that was being written, if one was; nothing else may be running.
 */
void log_console_seize(void);

/* Add one line in the kernel's own name; newlines in the text start further lines. */
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);

/*
 * Add one line in a domain's name: the text up to its first newline, or what a line has room for.
 * Returns how many bytes of the text that was, with newlines in front and the one that ended it:
 * more than 0, unless `length` is.  One line for each call, for interrupts wait meanwhile.
 */
CHECK_RESULT size_t log_write_from(const struct name *name, const char *text, size_t length);

/*
 * Copy text from `*position` on into `buffer`, and move the position past it.
 * Less than `size` says nothing: the end has come when nothing is copied.
 * A position whose text is gone moves to the oldest whole line first; `*lost` is how
 * many bytes that skipped.  Returns the bytes copied, 0 at the end of the log.
 * Position 0 starts at the oldest line, LOG_POSITION_RELEASED where the console was
 * released, so that its driver can go on without a gap or a line twice.
 */
size_t log_read(uint64_t *position, char *buffer, size_t size, uint64_t *lost);

/* The position just after the last line: where a reader starts who wants only news. */
uint64_t log_end(void);

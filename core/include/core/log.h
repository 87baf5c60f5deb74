/*
 * Kernel log: what happened, in order, as lines of text in memory.
 *
 * A ring of bytes that only ever holds whole lines, each
 *     [    1.234567] name: text
 * with the time since boot and, unless the kernel itself speaks, the domain's name.
 * The position of a byte counts from the first one ever written and is never
 * reused, so a reader is just a position: it needs no slot here, and a slow one
 * finds out exactly how many bytes it missed.
 *
 * Text is made safe on its way in: tabs become spaces and every other byte that is
 * not printable ASCII becomes \xNN, so that no domain can drive the reader's terminal
 * or forge another's line.
 *
 * Until log_console_release() each line also goes to the console that
 * log_console_set() named.  Works from the first instruction of C; lines before there
 * is a console are printed when it comes.
 * Locking: one spinlock, a leaf of the lock order; the console is written under it.
 */
#pragma once

#include "abi/types.h"
#include "base/path.h"

#include <stddef.h>
#include <stdint.h>

enum {
    LOG_SIZE = 64 * 1024, /* bytes of text kept */
    LOG_LINE_MAX = 256,   /* longest line, with its prefix and newline; more is continued */
};

#define LOG_POSITION_RELEASED UINT64_MAX

typedef void log_console_fn(const char *text, size_t length);
typedef nsec_t log_clock_fn(void);
typedef void log_grown_fn(void);

/* Where times come from; until then they are 0. */
BOOT_ONLY void log_clock_set(log_clock_fn *now);

/* From now on more than one CPU writes.  Context: boot, before the second one starts. */
BOOT_ONLY void log_share(void);

/* Print what the log holds, and from now on each line, through `console`. */
BOOT_ONLY void log_console_set(log_console_fn *console);

/* The console has a driver now: the log stays in memory only. */
void log_console_release(void);

/*
 * Take the console back for a panic or the machine's end, whoever holds the log's lock, and
 * print what nobody has read yet.
 * The log may lose the line that was being written; nothing else may be running.
 */
void log_console_seize(void);

/* Call `grown` after each addition, with the log's lock free again. */
BOOT_ONLY void log_grown_set(log_grown_fn *grown);

/* Add one line in the kernel's own name; newlines in the text start further lines. */
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);

/* Add `length` bytes of text in a domain's name, as one line per newline in it. */
void log_write_from(const struct name *name, const char *text, size_t length);

/*
 * Copy text from `*position` on into `buffer`, and move the position past it.
 * A position whose text is gone moves to the oldest whole line first; `*lost` is how
 * many bytes that skipped.  Returns the bytes copied, 0 at the end of the log.
 * Position 0 starts at the oldest line, LOG_POSITION_RELEASED where the console was
 * released, so that its driver can go on without a gap or a line twice.
 */
size_t log_read(uint64_t *position, char *buffer, size_t size, uint64_t *lost);

/* The position just after the last line: where a reader starts who wants only news. */
uint64_t log_end(void);

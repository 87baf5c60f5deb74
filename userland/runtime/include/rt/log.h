/*
 * Lines for the kernel's log, which knows the domain they come from.
 *
 * The log works from the first instruction to the last, without any service; the shell's `log`
 * shows it.  Lines are for people: a fact, with units, no trailing dot.  No floating point in them.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_BYTES = 240 }; /* longer lines are cut */

/* Write one line (no newline in `format` needed), printf style. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_line_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/*
 * Is the `nth` line (from 1) of a kind that somebody else brings about worth writing?  Each power
 * of two is, and should say how many there were: who misbehaves a million times doesn't push what
 * others said out of the log.
 */
static inline bool log_is_worth(uint64_t nth)
{
    return (nth & (nth - 1)) == 0;
}

/* The last words of a program that can't go on: a line, then app_exit(1). */
_Noreturn void log_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Those of a program that finds itself broken, by a defect or by damaged memory: a line, then a
 * breakpoint.  So it dies of a fault: `crashes` tells how it came there, and of the launcher the
 * kernel does, and starts the machine again.
 */
_Noreturn void log_crash(const char *format, ...) __attribute__((format(printf, 1, 2)));

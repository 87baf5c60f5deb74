/*
 * Assertions: claims about the kernel itself.
 *
 * A user's mistake gets a status; a kernel's mistake ends here.  Assertions stay
 * in release builds, so a condition must be cheap and free of side effects.
 * The base layer only declares panic(): core/panic.c stops the machine, host
 * tests bring their own.
 */
#pragma once

/*
 * Say why on the console, with a backtrace, and halt this machine.
 * Context: anywhere once the kernel runs at its linked address, even with locks held.
 */
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *format, ...);

/* Out of line, so that an ASSERT costs its caller a compare, a branch and a call. */
__attribute__((noreturn, cold)) void assert_failed(const char *claim);

#define ASSERT_TEXT(text) #text
#define ASSERT_LINE(line) ASSERT_TEXT(line)
#define ASSERT(condition) \
    ((condition) ? (void)0 : assert_failed(__FILE__ ":" ASSERT_LINE(__LINE__) ": " #condition))

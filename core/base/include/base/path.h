/*
 * Paths: what the compiler can't know about which one is taken.
 *
 * A function that calls another needs a frame and registers that survive the call, also on the
 * path that doesn't make it.  Out of line, as the last thing that its caller does, the rare part
 * is a jump, and the usual one a leaf.
 */
#pragma once

/* Not part of its caller. */
#define OUT_OF_LINE __attribute__((noinline))

/* The same, and rare: small rather than fast. */
#define COLD __attribute__((noinline, cold))

/*
 * Runs while booting only: its memory is given back before the first thread runs (core/boot.h),
 * so nothing that runs later may call it.
 */
#define BOOT_ONLY __attribute__((noinline, cold, section(".text.boot")))

/* With all that it calls inside, but for what is out of line: the fastest of paths. */
#define FLAT __attribute__((flatten))

/* The condition is nearly always true: what follows if it is comes next, without a jump. */
#define LIKELY(condition) __builtin_expect((condition), 1)

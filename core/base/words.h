/*
 * Words at any address, for the loops that copy, fill and compare memory.
 */
#pragma once

#include <stdint.h>

/* A word at any address and of any declared type. */
typedef uint64_t word_t __attribute__((may_alias, aligned(1)));
typedef uint32_t half_t __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter_t __attribute__((may_alias, aligned(1)));

enum { PAIR = 16, BLOCK = 64 };

/* Keeps the compiler from recognising the loop around it as the function that it is in. */
static inline void loop_is_meant(void)
{
    __asm__ volatile("" : : : "memory");
}

/*
 * Undisturbed: whether the kernel was entered meanwhile.
 *
 * A load-exclusive marks the CPU's monitor and every return from an exception clears it, so a
 * store-exclusive to the same word succeeds only if none happened.  What lies in between must use
 * no exclusive accesses itself.  (Stores to other words leave the mark alone on the CPUs that we
 * know; where one doesn't, everything seems disturbed, never the other way round.)
 * Source: Arm ARM, "Exclusive access instructions and the monitors".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct undisturbed {
    uint32_t word;
};

static inline void undisturbed_begin(struct undisturbed *u)
{
    uint32_t value;

    __asm__ volatile("ldxr %w0, [%1]" : "=r"(value) : "r"(&u->word) : "memory");
}

static inline bool undisturbed_end(struct undisturbed *u)
{
    uint32_t failed;

    __asm__ volatile("stxr %w0, wzr, [%1]" : "=&r"(failed) : "r"(&u->word) : "memory");
    return failed == 0;
}

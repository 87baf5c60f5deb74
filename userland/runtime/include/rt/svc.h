/*
 * `svc #2`, the instruction behind rt/syscall.h.
 *
 * The kernel keeps x18-x30, sp and FP/SIMD, zeroes x9-x17, and answers in x0 (status) and x1-x7.
 * What isn't an argument reaches the kernel as it was: the kernel may see everything anyway.
 */
#pragma once

#include "abi/status.h"
#include "abi/syscall.h"

struct svc_words {
    uint64_t word[8]; /* x0..x7, in and out */
};

static inline enum status svc_0(enum syscall number)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0");

    __asm__ volatile("svc #2"
                     : "=r"(x0), "+r"(x8)
                     :
                     : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "cc", "memory");
    return (enum status)x0;
}

static inline enum status svc_1(enum syscall number, uint64_t a0)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a0;

    __asm__ volatile("svc #2"
                     : "+r"(x0), "+r"(x8)
                     :
                     : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "cc", "memory");
    return (enum status)x0;
}

/* Up to four arguments and one result; `out` may be NULL where the call has none. */
static inline enum status svc_4(enum syscall number, uint64_t a0, uint64_t a1, uint64_t a2,
                                uint64_t a3, uint64_t *out)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a0;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    __asm__ volatile("svc #2"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x8)
                     :
                     : "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
                       "x16", "x17", "cc", "memory");
    if (x0 == STATUS_OK && out != NULL)
        *out = x1;
    return (enum status)x0;
}

/* All registers, both ways. */
static inline enum status svc_8(enum syscall number, struct svc_words *w)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = w->word[0];
    register uint64_t x1 __asm__("x1") = w->word[1];
    register uint64_t x2 __asm__("x2") = w->word[2];
    register uint64_t x3 __asm__("x3") = w->word[3];
    register uint64_t x4 __asm__("x4") = w->word[4];
    register uint64_t x5 __asm__("x5") = w->word[5];
    register uint64_t x6 __asm__("x6") = w->word[6];
    register uint64_t x7 __asm__("x7") = w->word[7];

    __asm__ volatile(
        "svc #2"
        : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "+r"(x8)
        :
        : "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "cc", "memory");
    *w = (struct svc_words){{x0, x1, x2, x3, x4, x5, x6, x7}};
    return (enum status)x0;
}

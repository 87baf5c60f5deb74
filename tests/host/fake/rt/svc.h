/*
 * The system-call instruction as host tests have it: calls into fake_kernel.c.
 */
#pragma once

#include "abi/status.h"
#include "abi/syscall.h"

struct svc_words {
    uint64_t word[8];
};

enum status svc_8(enum syscall number, struct svc_words *w);

static inline enum status svc_0(enum syscall number)
{
    struct svc_words w = {{0}};

    return svc_8(number, &w);
}

static inline enum status svc_1(enum syscall number, uint64_t a0)
{
    struct svc_words w = {{a0}};

    return svc_8(number, &w);
}

static inline enum status svc_4(enum syscall number, uint64_t a0, uint64_t a1, uint64_t a2,
                                uint64_t a3, uint64_t *out)
{
    struct svc_words w = {{a0, a1, a2, a3}};
    enum status s = svc_8(number, &w);

    if (s == STATUS_OK && out != NULL)
        *out = w.word[1];
    return s;
}

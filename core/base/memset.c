/*
 * Filling memory, for the kernel and for programs.
 *
 * The C library's own memset() fills through SIMD registers.  They are fast to use and slow to
 * have used: a crossing or a switch right after it has them to clear or to save.
 */
#include "base/string.h"

#include "words.h"

static inline void set_block(unsigned char *to, word_t pattern)
{
    *(word_t *)(void *)to = pattern;
    *(word_t *)(void *)(to + 8) = pattern;
    *(word_t *)(void *)(to + 16) = pattern;
    *(word_t *)(void *)(to + 24) = pattern;
    *(word_t *)(void *)(to + 32) = pattern;
    *(word_t *)(void *)(to + 40) = pattern;
    *(word_t *)(void *)(to + 48) = pattern;
    *(word_t *)(void *)(to + 56) = pattern;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *at = to;
    const word_t pattern = (unsigned char)byte * UINT64_C(0x0101010101010101);

    for (; size >= BLOCK; size -= BLOCK, at += BLOCK) {
        set_block(at, pattern);
        loop_is_meant();
    }
    for (; size >= 8; size -= 8, at += 8) {
        *(word_t *)(void *)at = pattern;
        loop_is_meant();
    }
    for (; size > 0; size--, at++) {
        *at = (unsigned char)byte;
        loop_is_meant();
    }
    return to;
}

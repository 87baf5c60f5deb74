/*
 * Memory and strings, sixteen bytes at a time where it pays.
 *
 * Every block is loaded whole before any of it is stored, so copying upwards is
 * correct for each overlap in which the destination lies below the source; memmove
 * relies on that.  The empty assembly in the loops keeps the compiler from
 * recognising them as memcpy or memset, and calling them from within themselves.
 */
#include "base/string.h"

#include "words.h"

#include <stdbool.h>
#include <stdint.h>

static inline void copy_pair(unsigned char *to, const unsigned char *from)
{
    const word_t low = *(const word_t *)(const void *)from;
    const word_t high = *(const word_t *)(const void *)(from + 8);

    *(word_t *)(void *)to = low;
    *(word_t *)(void *)(to + 8) = high;
}

static inline void copy_block(unsigned char *to, const unsigned char *from)
{
    const word_t a = *(const word_t *)(const void *)from;
    const word_t b = *(const word_t *)(const void *)(from + 8);
    const word_t c = *(const word_t *)(const void *)(from + 16);
    const word_t d = *(const word_t *)(const void *)(from + 24);
    const word_t e = *(const word_t *)(const void *)(from + 32);
    const word_t f = *(const word_t *)(const void *)(from + 40);
    const word_t g = *(const word_t *)(const void *)(from + 48);
    const word_t h = *(const word_t *)(const void *)(from + 56);

    *(word_t *)(void *)to = a;
    *(word_t *)(void *)(to + 8) = b;
    *(word_t *)(void *)(to + 16) = c;
    *(word_t *)(void *)(to + 24) = d;
    *(word_t *)(void *)(to + 32) = e;
    *(word_t *)(void *)(to + 40) = f;
    *(word_t *)(void *)(to + 48) = g;
    *(word_t *)(void *)(to + 56) = h;
}

static void copy_up(unsigned char *to, const unsigned char *from, size_t size)
{
    for (; size >= BLOCK; size -= BLOCK, to += BLOCK, from += BLOCK) {
        copy_block(to, from);
        loop_is_meant();
    }
    for (; size >= PAIR; size -= PAIR, to += PAIR, from += PAIR) {
        copy_pair(to, from);
        loop_is_meant();
    }
    if ((size & 8) != 0) {
        *(word_t *)(void *)to = *(const word_t *)(const void *)from;
        to += 8;
        from += 8;
    }
    if ((size & 4) != 0) {
        *(half_t *)(void *)to = *(const half_t *)(const void *)from;
        to += 4;
        from += 4;
    }
    if ((size & 2) != 0) {
        *(quarter_t *)(void *)to = *(const quarter_t *)(const void *)from;
        to += 2;
        from += 2;
    }
    if ((size & 1) != 0)
        *to = *from;
}

static void copy_down(unsigned char *to, const unsigned char *from, size_t size)
{
    while (size >= PAIR) {
        size -= PAIR;
        copy_pair(to + size, from + size);
        loop_is_meant();
    }
    while (size > 0) {
        size--;
        to[size] = from[size];
        loop_is_meant();
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_up(to, from, size);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        copy_up(to, from, size);
    else
        copy_down(to, from, size);
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a;
    const unsigned char *y = b;
    /* Before the MMU is on, words must be aligned, and libfdt compares names at any address. */
    const bool by_words = (((uintptr_t)x | (uintptr_t)y) & 7) == 0;

    while (by_words && size >= 8
           && *(const word_t *)(const void *)x == *(const word_t *)(const void *)y) {
        x += 8;
        y += 8;
        size -= 8;
    }
    for (; size > 0; size--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}

void *memchr(const void *memory, int byte, size_t size)
{
    const unsigned char *at = memory;

    for (; size > 0; size--, at++) {
        if (*at == (unsigned char)byte)
            return (void *)(uintptr_t)at;
    }
    return NULL;
}

size_t strlen(const char *text)
{
    const char *end = text;

    while (*end != '\0') {
        end++;
        loop_is_meant();
    }
    return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit)
{
    size_t length = 0;

    while (length < limit && text[length] != '\0')
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++) {
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
    for (; limit > 0; limit--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (*a == '\0')
            return 0;
    }
    return 0;
}

char *strchr(const char *text, int character)
{
    for (; *text != (char)character; text++) {
        if (*text == '\0')
            return NULL;
    }
    return (char *)(uintptr_t)text;
}

char *strrchr(const char *text, int character)
{
    char *last = NULL;

    for (;; text++) {
        if (*text == (char)character)
            last = (char *)(uintptr_t)text;
        if (*text == '\0')
            return last;
    }
}

/*
 * Memory and strings: the part of C's <string.h> that the kernel, the compiler
 * and libfdt need.
 *
 * The compiler itself emits calls to memcpy, memmove, memset and memcmp, so these
 * names and meanings are fixed by the C standard.  No vector registers are used:
 * they belong to user threads while the kernel runs.
 * All of them need normal memory (the MMU on): they access words at any alignment.
 */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *memory, int byte, size_t size);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);

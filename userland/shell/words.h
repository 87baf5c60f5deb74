/*
 * A command line as words: separated by blanks, kept together by double quotes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 16 };

struct words {
    size_t count;
    char *word[WORDS_MAX];
};

/*
 * Cut `line` into words, in place.  NULL if it worked, else what is wrong in words.
 */
const char *words_split(char *line, struct words *out);

/* Read a whole number, decimal or 0x hexadecimal; false if `text` is anything else. */
bool words_number(const char *text, uint64_t *out);

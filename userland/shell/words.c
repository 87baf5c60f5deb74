/*
 * Words: the shell's whole grammar.
 */
#include "words.h"

#include <errno.h>
#include <stdlib.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Copy one word down over its quotes; NULL if a quote is left open, else behind the word. */
static char *word_cut(char *from)
{
    char *to = from;
    bool is_quoted = false;

    while (*from != '\0' && (is_quoted || !is_blank(*from))) {
        if (*from == '"')
            is_quoted = !is_quoted;
        else
            *to++ = *from;
        from++;
    }
    if (is_quoted)
        return NULL;
    char *next = *from == '\0' ? from : from + 1;
    *to = '\0';
    return next;
}

const char *words_split(char *line, struct words *out)
{
    out->count = 0;
    for (;;) {
        while (is_blank(*line))
            line++;
        if (*line == '\0')
            return NULL;
        if (out->count == WORDS_MAX)
            return "too many words: 16 at most";
        out->word[out->count++] = line;
        line = word_cut(line);
        if (line == NULL)
            return "a double quote is open: close it with \"";
    }
}

bool words_number(const char *text, uint64_t *out)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned long long value = strtoull(text, &end, is_hexadecimal ? 16 : 10);
    if (errno != 0 || *end != '\0' || end == text)
        return false;
    *out = value;
    return true;
}

/*
 * Last lines: cutting the log's text.
 */
#include "last_lines.h"

#include <string.h>

void last_lines_init(struct last_lines *lines, const char *domain, bool is_partial)
{
    lines->domain = domain;
    lines->count = 0;
    lines->begun_bytes = 0;
    lines->is_partial = is_partial;
}

/* "[    0.322829] net: ...": whose line is it? */
static bool is_of_domain(const struct last_lines *lines)
{
    const size_t length = strlen(lines->domain);
    const char *text = strstr(lines->begun, "] ");

    return lines->begun[0] == '[' && text != NULL && strncmp(text + 2, lines->domain, length) == 0
           && strncmp(text + 2 + length, ": ", 2) == 0;
}

static void line_end(struct last_lines *lines)
{
    lines->begun[lines->begun_bytes] = '\0';
    if (!lines->is_partial && is_of_domain(lines))
        memcpy(lines->line[lines->count++ % LAST_LINES_COUNT], lines->begun,
               lines->begun_bytes + 1);
    lines->begun_bytes = 0;
    lines->is_partial = false;
}

void last_lines_feed(struct last_lines *lines, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n')
            line_end(lines);
        else if (lines->begun_bytes < LAST_LINES_WIDTH - 1)
            lines->begun[lines->begun_bytes++] = text[i];
    }
}

void last_lines_take(const struct last_lines *lines, char *out, size_t out_bytes)
{
    const unsigned kept = lines->count < LAST_LINES_COUNT ? lines->count : LAST_LINES_COUNT;
    size_t used = 0;
    unsigned fitting = 0;

    while (fitting < kept) {
        const char *line = lines->line[(lines->count - fitting - 1) % LAST_LINES_COUNT];
        if (used + strlen(line) + 2 > out_bytes)
            break;
        used += strlen(line) + 1;
        fitting++;
    }
    for (unsigned i = fitting; i > 0; i--) {
        const char *line = lines->line[(lines->count - i) % LAST_LINES_COUNT];
        const size_t length = strlen(line);
        memcpy(out, line, length);
        out[length] = '\n';
        out += length + 1;
    }
    *out = '\0';
}

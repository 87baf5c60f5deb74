/*
 * Last lines: what one domain wrote to the log last.
 *
 * Fed with the log's text in pieces, from old to new, it keeps the last few lines of one domain and
 * forgets the others.  A line that comes in two pieces is put together; one whose start is missing
 * is passed over.
 *
 * Pure: looks at text, calls nobody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    LAST_LINES_COUNT = 8,
    LAST_LINES_WIDTH = 256, /* what the kernel's longest line takes, its newline included */
};

struct last_lines {
    const char *domain;
    char line[LAST_LINES_COUNT][LAST_LINES_WIDTH]; /* a ring of texts, each with its zero */
    unsigned count;                                /* lines ever kept */
    char begun[LAST_LINES_WIDTH];                  /* the line whose end hasn't come */
    size_t begun_bytes;
    bool is_partial; /* its start was missed */
};

/* Start.  `is_partial`: the first piece starts in the middle of a line.  Borrows `domain`. */
void last_lines_init(struct last_lines *lines, const char *domain, bool is_partial);

void last_lines_feed(struct last_lines *lines, const char *text, size_t bytes);

/* Write what is kept to `out`, oldest first, each with its newline: as many of the last as fit. */
void last_lines_take(const struct last_lines *lines, char *out, size_t out_bytes);

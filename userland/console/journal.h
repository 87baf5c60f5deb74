/*
 * The kernel log on the terminal, line by line, from where the kernel stopped printing
 * it itself.
 */
#pragma once

#include <stdbool.h>

#include "screen.h"

enum { JOURNAL_CHUNK_BYTES = 1024 };

struct journal {
    uint64_t cursor;
    bool is_on;
    unsigned chunk_length, chunk_used;
    unsigned length;
    uint8_t line[SCREEN_LINE_BYTES];
    char chunk[JOURNAL_CHUNK_BYTES];
};

/* Begin.  `is_restart`: the lines since the early console are lost from sight, so the log's last
 * few are shown instead. */
void journal_start(struct journal *journal, bool is_restart);

/* Print what is new, as far as the screen has room. */
void journal_print(struct journal *journal, struct screen *screen);

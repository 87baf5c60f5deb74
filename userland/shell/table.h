/*
 * A table on the terminal: columns as wide as their widest cell, numbers to the right.
 *
 * Cells are filled row by row, left to right, and printed at the end; bytes that a terminal would
 * obey are shown as numbers.  A machine that is short of memory loses cells, never the shell: the
 * table then says that it is cut off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS_MAX = 16 };

struct table_column {
    const char *title;
    bool is_number; /* right-aligned */
};

struct table {
    const struct table_column *columns; /* borrowed */
    size_t column_count;
    char **cells; /* row by row; owned */
    size_t cell_count;
    size_t capacity;
    bool is_cut_off;
};

/* Start an empty table of at most TABLE_COLUMNS_MAX columns. */
void table_init(struct table *table, const struct table_column *columns, size_t column_count);

/* Add the next cell. */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);

/* Print titles and rows, then give the memory back. */
void table_print(struct table *table);

/* Only give the memory back. */
void table_drop(struct table *table);

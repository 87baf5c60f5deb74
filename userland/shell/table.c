/*
 * Tables: collect the cells, measure them, print them.
 */
#include "table.h"

#include "rt/shown_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL_BYTES = 128,
    CELLS_AT_FIRST = 64,
};

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
    *table = (struct table){
        .columns = columns,
        .column_count = column_count < TABLE_COLUMNS_MAX ? column_count : TABLE_COLUMNS_MAX,
    };
}

static bool table_has_room(struct table *table)
{
    if (table->cell_count < table->capacity)
        return true;

    size_t capacity = table->capacity == 0 ? CELLS_AT_FIRST : table->capacity * 2;
    char **cells = realloc(table->cells, capacity * sizeof *cells);
    if (cells == NULL)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void table_cell(struct table *table, const char *format, ...)
{
    char text[CELL_BYTES];
    char shown[CELL_BYTES * SHOWN_BYTE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    shown_text(shown, sizeof shown, text, sizeof text);

    char *cell = table->is_cut_off || !table_has_room(table) ? NULL : strdup(shown);
    if (cell == NULL)
        table->is_cut_off = true;
    else
        table->cells[table->cell_count++] = cell;
}

/* The last column of text is not padded: no line ends in spaces. */
static void print_cell(const struct table *table, size_t column, size_t width, const char *text)
{
    const char *gap = column == 0 ? "" : "  ";

    if (table->columns[column].is_number)
        printf("%s%*s", gap, (int)width, text);
    else if (column + 1 == table->column_count)
        printf("%s%s", gap, text);
    else
        printf("%s%-*s", gap, (int)width, text);
}

void table_print(struct table *table)
{
    size_t width[TABLE_COLUMNS_MAX];
    size_t columns = table->column_count;

    for (size_t i = 0; i < columns; i++)
        width[i] = strlen(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t length = strlen(table->cells[i]);
        if (length > width[i % columns])
            width[i % columns] = length;
    }

    for (size_t i = 0; i < columns; i++)
        print_cell(table, i, width[i], table->columns[i].title);
    putchar('\n');
    for (size_t i = 0; i < table->cell_count; i++) {
        print_cell(table, i % columns, width[i % columns], table->cells[i]);
        if ((i + 1) % columns == 0)
            putchar('\n');
    }
    if (table->is_cut_off)
        puts("(cut off: the shell is out of memory)");
    table_drop(table);
}

void table_drop(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){0};
}

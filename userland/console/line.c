/*
 * The line being edited: a row of cells and a small parser of escape sequences.
 *
 * Source: ECMA-48 (CUB, CUF, CHA, EL, SGR).
 */
#include "line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ESC = 0x1b, BACKSPACE = 8, PARAMETER_MAX = 9999 };

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

static void cell_write(struct line *line, uint8_t byte)
{
    /* Further bytes of a character belong to the cell before the cursor. */
    if (is_continuation(byte)) {
        if (line->cursor == 0 || line->cursor > LINE_CELLS)
            return;
        struct line_cell *cell = &line->cells[line->cursor - 1];
        if (cell->count < LINE_CELL_BYTES)
            cell->bytes[cell->count++] = byte;
        return;
    }
    if (line->cursor < LINE_CELLS) {
        line->cells[line->cursor] =
            (struct line_cell){.bytes = {byte}, .count = 1, .style = line->style};
        if (line->width <= line->cursor)
            line->width = line->cursor + 1;
    }
    line->cursor++;
}

static void cells_blank(struct line *line, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to && i < LINE_CELLS; i++)
        line->cells[i] = (struct line_cell){.count = 0};
}

static void line_clear(struct line *line)
{
    cells_blank(line, 0, line->width);
    line->width = 0;
    line->cursor = 0;
}

/* EL: 0 from the cursor on, 1 up to the cursor, 2 all. */
static void erase(struct line *line, unsigned what)
{
    if (what == 0) {
        cells_blank(line, line->cursor, line->width);
        if (line->width > line->cursor)
            line->width = line->cursor;
    } else if (what == 1) {
        cells_blank(line, 0, line->cursor + 1);
    } else if (what == 2) {
        cells_blank(line, 0, line->width);
        line->width = 0;
    }
}

static void style_set(struct line *line)
{
    for (unsigned i = 0; i < line->parameter_count; i++) {
        unsigned p = line->parameter[i];

        if (p == 0)
            line->style = (struct line_style){0};
        else if (p == 1)
            line->style.is_bold = 1;
        else if (p == 22)
            line->style.is_bold = 0;
        else if ((p >= 30 && p <= 37) || (p >= 90 && p <= 97))
            line->style.colour = (uint8_t)p;
        else if (p == 39)
            line->style.colour = 0;
    }
}

static void sequence_act(struct line *line, uint8_t final)
{
    unsigned first = line->parameter[0];
    unsigned count = first == 0 ? 1 : first;

    switch (final) {
    case 'C':
        line->cursor += count;
        break;
    case 'D':
        line->cursor = line->cursor > count ? line->cursor - count : 0;
        break;
    case 'G':
        line->cursor = count - 1;
        break;
    case 'K':
        erase(line, first);
        break;
    case 'H':
    case 'J': /* the screen was cleared: whatever follows starts from nothing */
        line_clear(line);
        break;
    case 'm':
        style_set(line);
        break;
    default:
        break;
    }
    if (line->cursor > PARAMETER_MAX)
        line->cursor = PARAMETER_MAX;
}

static void sequence_put(struct line *line, uint8_t byte)
{
    unsigned *parameter = &line->parameter[line->parameter_count - 1];

    if (byte >= '0' && byte <= '9') {
        *parameter = *parameter * 10 + (byte - '0');
        if (*parameter > PARAMETER_MAX)
            *parameter = PARAMETER_MAX;
    } else if (byte == ';') {
        if (line->parameter_count < LINE_PARAMETERS)
            line->parameter_count++;
    } else if (byte >= 0x40) {
        line->state = LINE_TEXT;
        sequence_act(line, byte);
    } else if (byte < 0x20) {
        line->state = LINE_TEXT; /* broken off */
    }
}

static void text_put(struct line *line, uint8_t byte)
{
    switch (byte) {
    case ESC:
        line->state = LINE_ESCAPE;
        break;
    case '\r':
        line->cursor = 0;
        break;
    case '\n':
        line_clear(line);
        break;
    case BACKSPACE:
        if (line->cursor > 0)
            line->cursor--;
        break;
    case '\t':
        line->cursor = (line->cursor / 8 + 1) * 8;
        break;
    default:
        if (byte >= ' ' && byte != 0x7f && line->cursor < PARAMETER_MAX)
            cell_write(line, byte);
        break;
    }
}

void line_put(struct line *line, uint8_t byte)
{
    switch (line->state) {
    case LINE_TEXT:
        text_put(line, byte);
        break;
    case LINE_ESCAPE:
        line->state = byte == '[' ? LINE_CSI : LINE_TEXT;
        memset(line->parameter, 0, sizeof line->parameter);
        line->parameter_count = 1;
        break;
    case LINE_CSI:
        sequence_put(line, byte);
        break;
    }
}

static bool style_equal(struct line_style a, struct line_style b)
{
    return a.is_bold == b.is_bold && a.colour == b.colour;
}

static size_t style_draw(struct line_style style, char *out)
{
    size_t length = 0;

    out[length++] = ESC;
    out[length++] = '[';
    out[length++] = '0';
    if (style.is_bold) {
        out[length++] = ';';
        out[length++] = '1';
    }
    if (style.colour != 0) {
        out[length++] = ';';
        out[length++] = (char)('0' + style.colour / 10);
        out[length++] = (char)('0' + style.colour % 10);
    }
    out[length++] = 'm';
    return length;
}

static size_t cells_draw(const struct line *line, unsigned count, char *out)
{
    struct line_style style = {0};
    size_t length = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct line_cell *cell = &line->cells[i];

        if (!style_equal(cell->style, style)) {
            style = cell->style;
            length += style_draw(style, out + length);
        }
        if (cell->count == 0)
            out[length++] = ' ';
        memcpy(out + length, cell->bytes, cell->count);
        length += cell->count;
    }
    if (!style_equal(line->style, style))
        length += style_draw(line->style, out + length);
    return length;
}

size_t line_draw(const struct line *line, char *out)
{
    unsigned cursor = line->cursor < LINE_CELLS ? line->cursor : LINE_CELLS - 1;
    size_t length = cells_draw(line, line->width, out);

    /* The cursor goes where it was by writing the cells in front of it once more. */
    if (cursor != line->width) {
        out[length++] = '\r';
        length += cells_draw(line, cursor, out + length);
    }
    return length;
}

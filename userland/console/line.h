/*
 * The line being edited, as the terminal shows it.
 *
 * The foreground's output is watched, so that the console knows what stands on the
 * terminal's last line and where the cursor is.  To print something else it covers
 * that line, and afterwards draws it again.  Understood are plain characters (UTF-8
 * counted as one column), carriage return, backspace, newline, and of the escape
 * sequences those that line editors use: cursor left and right, erase, colours.
 * Others pass by without an effect on the model.
 *
 * Pure logic.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    LINE_CELLS = 512,         /* columns that are remembered; what lies beyond isn't redrawn */
    LINE_CELL_BYTES = 4,      /* of a UTF-8 character */
    LINE_PARAMETERS = 4,      /* of an escape sequence */
    LINE_CELL_DRAWN_MAX = 16, /* a change of colour and a character */
    LINE_DRAWN_MAX = 2 * LINE_CELLS * LINE_CELL_DRAWN_MAX,
};

/* What a character looks like; zero is the terminal's default. */
struct line_style {
    uint8_t is_bold;
    uint8_t colour; /* SGR number 30..37 or 90..97; 0: default */
};

struct line_cell {
    uint8_t bytes[LINE_CELL_BYTES];
    uint8_t count; /* 0: a blank */
    struct line_style style;
};

/*
 *        ESC          [          parameter bytes      final byte
 *  TEXT -----> ESCAPE ---> CSI -------------------> (acted on) -> TEXT
 *                 \--- other: one byte, ignored -> TEXT
 */
enum line_state {
    LINE_TEXT = 0,
    LINE_ESCAPE = 1,
    LINE_CSI = 2,
};

struct line {
    struct line_cell cells[LINE_CELLS];
    unsigned width;  /* cells up to the last one that was written */
    unsigned cursor; /* column */
    struct line_style style;
    enum line_state state;
    unsigned parameter[LINE_PARAMETERS];
    unsigned parameter_count;
};

/* Follow what one byte of output does to the line. */
void line_put(struct line *line, uint8_t byte);

/*
 * Bytes that draw the line again on an empty one, cursor included, into `out`, which has room for
 * LINE_DRAWN_MAX.  Returns how many.  Uses no escape sequence unless the line has colours, so a
 * dumb terminal shows it as well.
 */
size_t line_draw(const struct line *line, char *out);

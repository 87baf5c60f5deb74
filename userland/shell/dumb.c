/*
 * Control sequences acted out with blanks and backspaces.
 *
 *   TEXT --ESC--> ESCAPE --'['--> SEQUENCE --letter--> TEXT
 *                    `--anything else--> TEXT
 */
#include "dumb.h"

struct sink {
    void (*emit)(void *context, char c);
    void *context;
};

static void emit_to(const struct sink *sink, char c)
{
    sink->emit(sink->context, c);
}

static void put_text(struct dumb *dumb, const struct sink *sink, char c)
{
    emit_to(sink, c);
    if (dumb->column == DUMB_COLUMNS)
        return;
    dumb->line[dumb->column++] = c;
    if (dumb->column > dumb->length)
        dumb->length = dumb->column;
}

static void erase_to_the_right(struct dumb *dumb, const struct sink *sink)
{
    for (size_t i = dumb->column; i < dumb->length; i++)
        emit_to(sink, ' ');
    for (size_t i = dumb->column; i < dumb->length; i++)
        emit_to(sink, '\b');
    dumb->length = dumb->column;
}

static void move_right(struct dumb *dumb, const struct sink *sink)
{
    size_t left = dumb->number == 0 ? 1 : dumb->number;

    while (left-- > 0 && dumb->column < dumb->length)
        emit_to(sink, dumb->line[dumb->column++]);
}

static void put_control(struct dumb *dumb, const struct sink *sink, char c)
{
    if (c == '\r' || c == '\n')
        dumb->column = 0;
    if (c == '\n')
        dumb->length = 0;
    if (c == '\b' && dumb->column > 0)
        dumb->column--;
    emit_to(sink, c);
}

static void put_in_sequence(struct dumb *dumb, const struct sink *sink, char c)
{
    if (c >= '0' && c <= '9') {
        if (dumb->number < DUMB_COLUMNS)
            dumb->number = dumb->number * 10 + (size_t)(c - '0');
        return;
    }
    if (c == ';')
        return;
    dumb->state = DUMB_TEXT;
    if (c == 'K' && dumb->number == 0)
        erase_to_the_right(dumb, sink);
    else if (c == 'C')
        move_right(dumb, sink);
}

void dumb_put(struct dumb *dumb, char c, void (*emit)(void *context, char c), void *context)
{
    const struct sink sink = {emit, context};

    if (dumb->state == DUMB_ESCAPE) {
        dumb->state = c == '[' ? DUMB_SEQUENCE : DUMB_TEXT;
        dumb->number = 0;
    } else if (dumb->state == DUMB_SEQUENCE) {
        put_in_sequence(dumb, &sink, c);
    } else if (c == '\x1b') {
        dumb->state = DUMB_ESCAPE;
    } else if ((unsigned char)c < ' ') {
        put_control(dumb, &sink, c);
    } else {
        put_text(dumb, &sink, c);
    }
}

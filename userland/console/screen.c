/*
 * Output to the terminal; see screen.h.
 */
#include "screen.h"

#include <string.h>

static uint8_t out_storage[SCREEN_OUT_BYTES + SCREEN_SENT_BYTES];

/* Each byte of the foreground becomes two at most ("\n"). */
enum { EXPANSION_MAX = 2, ESC = 0x1b, DELETE = 0x7f };

/* Room in `out` that the foreground doesn't get. */
enum { KEPT_BYTES = SCREEN_SENT_BYTES + SCREEN_RESERVE_BYTES };

#define STYLE_RESET "\x1b[0m"

static void emit(struct screen *screen, uint8_t byte)
{
    fifo_put(&screen->out, byte);
}

static void emit_text(struct screen *screen, const char *text)
{
    while (*text != '\0')
        emit(screen, (uint8_t)*text++);
}

void screen_init(struct screen *screen)
{
    *screen = (struct screen){.sequence_length = 0};
    fifo_init(&screen->out, out_storage, sizeof out_storage);
}

size_t screen_room(const struct screen *screen)
{
    size_t room = fifo_room(&screen->out);

    return room > KEPT_BYTES ? (room - KEPT_BYTES) / EXPANSION_MAX : 0;
}

static void sequence_flush(struct screen *screen)
{
    for (unsigned i = 0; i < screen->sequence_length; i++)
        emit(screen, screen->sequence[i]);
    screen->sequence_length = 0;
}

static void foreground_put(struct screen *screen, uint8_t byte)
{
    line_put(&screen->line, byte);
    if (screen->line.state != LINE_TEXT && screen->sequence_length < SCREEN_SEQUENCE_BYTES) {
        screen->sequence[screen->sequence_length++] = byte;
        return;
    }
    sequence_flush(screen);
    if (byte == '\n' && !screen->is_return_last)
        emit(screen, '\r');
    emit(screen, byte);
    screen->is_return_last = byte == '\r';
}

void screen_write(struct screen *screen, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        foreground_put(screen, bytes[i]);
}

static bool line_is_fresh(const struct line *line)
{
    return line->width == 0 && line->cursor == 0;
}

static bool line_is_plain(const struct line *line)
{
    return line->style.is_bold == 0 && line->style.colour == 0;
}

void screen_leave(struct screen *screen)
{
    screen->sequence_length = 0;
    screen->line.state = LINE_TEXT;
    if (!line_is_plain(&screen->line))
        screen_write(screen, (const uint8_t *)STYLE_RESET, sizeof STYLE_RESET - 1);
    if (!line_is_fresh(&screen->line))
        screen_write(screen, (const uint8_t *)"\n", 1);
}

/* Returns the columns that the text takes, as far as one can tell. */
static unsigned text_emit(struct screen *screen, const uint8_t *text, size_t length)
{
    bool has_escape = false;
    unsigned columns = 0;

    for (size_t i = 0; i < length; i++) {
        uint8_t byte = text[i];

        if ((byte < ' ' && byte != ESC && byte != '\t') || byte == DELETE)
            continue;
        has_escape |= byte == ESC;
        columns += byte >= ' ' && (byte & 0xc0) != 0x80;
        emit(screen, byte);
    }
    if (has_escape)
        emit_text(screen, STYLE_RESET);
    return columns;
}

void screen_print(struct screen *screen, const uint8_t *text, size_t length)
{
    static char drawn[LINE_DRAWN_MAX];
    struct line *line = &screen->line;
    bool is_fresh = line_is_fresh(line);
    bool is_plain = line_is_plain(line);

    if (!is_fresh)
        emit(screen, '\r');
    if (!is_plain)
        emit_text(screen, STYLE_RESET);
    unsigned columns = text_emit(screen, text, length);
    for (; !is_fresh && columns < line->width; columns++)
        emit(screen, ' ');
    emit_text(screen, "\r\n");
    if (is_fresh && is_plain)
        return;

    size_t drawn_length = line_draw(line, drawn);
    for (size_t i = 0; i < drawn_length; i++)
        emit(screen, (uint8_t)drawn[i]);
}

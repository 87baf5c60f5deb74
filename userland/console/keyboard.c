/*
 * Input from the terminal; see keyboard.h.
 */
#include "keyboard.h"

#include <string.h>

#include "console/mode.h"

enum {
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_H = 8,
    CTRL_U = 21,
    CTRL_W = 23,
    DELETE = 0x7f,
    ECHO_MAX = 4, /* for each byte: what shows it, and what rubs it out */
};

static uint8_t in_storage[KEYBOARD_BYTES];

void keyboard_init(struct keyboard *keyboard)
{
    *keyboard = (struct keyboard){.modes = TTY_RAW};
    fifo_init(&keyboard->in, in_storage, sizeof in_storage);
}

size_t keyboard_room(const struct keyboard *keyboard)
{
    size_t room = fifo_room(&keyboard->in);

    /* A line that is done needs room for all of it. */
    return room > KEYBOARD_LINE_BYTES ? room - KEYBOARD_LINE_BYTES : 0;
}

/*
 * The editor never waits for the terminal: Ctrl-C has to get through when there is no end to the
 * output.  So what finds no room isn't echoed; all of it, or the screen would take for shown what
 * isn't.  `screen` NULL: nothing is.
 */
static void echo_bytes(struct screen *screen, const uint8_t *bytes, size_t length)
{
    if (screen != NULL && screen_room(screen) >= length)
        screen_write(screen, bytes, length);
}

static void echo(struct screen *screen, const char *text)
{
    echo_bytes(screen, (const uint8_t *)text, strlen(text));
}

static void edit_submit(struct keyboard *keyboard)
{
    for (unsigned i = 0; i < keyboard->edit_length; i++)
        fifo_put(&keyboard->in, keyboard->edit[i]);
    keyboard->edit_length = 0;
}

/* Remove the last character, all bytes of it. */
static void edit_rub_out(struct keyboard *keyboard, struct screen *screen)
{
    while (keyboard->edit_length > 0) {
        uint8_t byte = keyboard->edit[--keyboard->edit_length];

        if ((byte & 0xc0) == 0x80)
            continue;
        echo(screen, "\b \b");
        return;
    }
}

static void edit_rub_out_word(struct keyboard *keyboard, struct screen *screen)
{
    while (keyboard->edit_length > 0 && keyboard->edit[keyboard->edit_length - 1] == ' ')
        edit_rub_out(keyboard, screen);
    while (keyboard->edit_length > 0 && keyboard->edit[keyboard->edit_length - 1] != ' ')
        edit_rub_out(keyboard, screen);
}

static void edit_insert(struct keyboard *keyboard, uint8_t byte, struct screen *screen)
{
    if (byte < ' ' && byte != '\t')
        return;
    if (keyboard->edit_length == KEYBOARD_LINE_BYTES - 1)
        return;
    keyboard->edit[keyboard->edit_length++] = byte;
    echo_bytes(screen, &byte, 1);
}

static unsigned edit_put(struct keyboard *keyboard, uint8_t byte, struct screen *screen)
{
    switch (byte) {
    case '\r':
    case '\n':
        keyboard->edit[keyboard->edit_length++] = '\n';
        edit_submit(keyboard);
        echo(screen, "\n");
        return KEYBOARD_READY;
    case CTRL_D:
        keyboard->is_ended = keyboard->edit_length == 0;
        edit_submit(keyboard);
        return KEYBOARD_READY;
    case CTRL_H:
    case DELETE:
        edit_rub_out(keyboard, screen);
        return 0;
    case CTRL_W:
        edit_rub_out_word(keyboard, screen);
        return 0;
    case CTRL_U:
        while (keyboard->edit_length > 0)
            edit_rub_out(keyboard, screen);
        return 0;
    default:
        edit_insert(keyboard, byte, screen);
        return 0;
    }
}

unsigned keyboard_put(struct keyboard *keyboard, uint8_t byte, struct screen *screen)
{
    if (byte == CTRL_C && (keyboard->modes & TTY_SIGNAL_KEY) != 0) {
        fifo_clear(&keyboard->in);
        keyboard->edit_length = 0;
        keyboard->is_ended = false;
        echo(screen, "^C\n");
        return KEYBOARD_INTERRUPT;
    }
    if ((keyboard->modes & TTY_LINES) != 0)
        return edit_put(keyboard, byte, screen);
    fifo_put(&keyboard->in, byte);
    return KEYBOARD_READY;
}

bool keyboard_take(struct keyboard *keyboard, uint8_t *out, size_t limit, size_t *count)
{
    size_t taken = fifo_peek(&keyboard->in, out, limit);

    if (taken == 0 && !keyboard->is_ended)
        return false;
    if (taken == 0)
        keyboard->is_ended = false;
    fifo_drop(&keyboard->in, taken);
    *count = taken;
    return true;
}

/*
 * What was typed ahead goes through the editor, and may be more than the screen has room for.  Then
 * only the line that isn't done is shown: those before it are input already, nobody edits them.
 */
static void edit_ahead(struct keyboard *keyboard, size_t ahead, struct screen *screen)
{
    struct screen *shown = ahead * ECHO_MAX <= screen_room(screen) ? screen : NULL;

    for (size_t i = 0; i < ahead; i++) {
        uint8_t byte = 0;

        fifo_drop(&keyboard->in, fifo_peek(&keyboard->in, &byte, 1));
        (void)edit_put(keyboard, byte, shown);
    }
    if (shown == NULL)
        echo_bytes(screen, keyboard->edit, keyboard->edit_length);
}

void keyboard_mode_set(struct keyboard *keyboard, unsigned modes, struct screen *screen)
{
    bool begins_lines = (modes & TTY_LINES) != 0 && (keyboard->modes & TTY_LINES) == 0;
    size_t ahead = begins_lines ? fifo_count(&keyboard->in) : 0;

    edit_submit(keyboard);
    keyboard->is_ended = false;
    keyboard->modes = modes;
    edit_ahead(keyboard, ahead, screen);
}

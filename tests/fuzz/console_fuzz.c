/*
 * Fuzzing the console's terminal side: programs and a keyboard that send any bytes.
 *
 * The input is a list of steps: who sends, how much, and what.  Beside the sanitizers' findings
 * these must hold: nothing that was announced as room is lost, the model of the line stays within
 * its cells, and drawing it stays within its buffer.
 */
// source: userland/console/line.c
// source: userland/console/screen.c
// source: userland/console/keyboard.c
#include <stdlib.h>

#include "console/mode.h"
#include "userland/console/keyboard.h"
#include "userland/console/screen.h"

enum step { STEP_FOREGROUND, STEP_BACKGROUND, STEP_TYPE, STEP_MODE, STEP_LEAVE, STEP_SHOW, STEPS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct screen screen;
static struct keyboard keyboard;

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void line_check(void)
{
    static char drawn[LINE_DRAWN_MAX];

    require(screen.line.width <= LINE_CELLS);
    require(line_draw(&screen.line, drawn) <= sizeof drawn);
}

static void type(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length && keyboard_room(&keyboard) > 0 && screen_room(&screen) > 64; i++)
        (void)keyboard_put(&keyboard, bytes[i], &screen);
}

static void read_some(size_t limit)
{
    uint8_t bytes[256];
    size_t count = 0;

    if (keyboard_take(&keyboard, bytes, limit, &count))
        require(count <= limit);
}

static void step(enum step what, const uint8_t *bytes, size_t length)
{
    size_t room = screen_room(&screen);

    if (what == STEP_FOREGROUND)
        screen_write(&screen, bytes, length < room ? length : room);
    else if (what == STEP_BACKGROUND && room > 0)
        screen_print(&screen, bytes, length);
    else if (what == STEP_TYPE)
        type(bytes, length);
    else if (what == STEP_MODE && fifo_count(&keyboard.in) < room)
        keyboard_mode_set(&keyboard, (unsigned)length & TTY_MODES_ALL, &screen);
    else if (what == STEP_LEAVE)
        screen_leave(&screen);
    else if (what == STEP_SHOW)
        fifo_drop(&screen.out, fifo_count(&screen.out) / 2);
    read_some(length);
    require(fifo_room(&screen.out) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    screen_init(&screen);
    keyboard_init(&keyboard);
    for (size_t at = 0; at + 2 <= size;) {
        enum step what = (enum step)(data[at] % STEPS);
        size_t length = data[at + 1];

        at += 2;
        if (length > size - at)
            length = size - at;
        step(what, data + at, length);
        at += what <= STEP_TYPE ? length : 0;
        line_check();
    }
    return 0;
}

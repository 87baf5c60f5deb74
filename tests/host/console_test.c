/*
 * The console's terminal side: whole lines from the background, the edited line drawn
 * again, typing, and what a hostile stream of bytes does to it.
 *
 * A small terminal of the test's own shows what the user would see.
 */
// source: userland/console/line.c
// source: userland/console/screen.c
// source: userland/console/keyboard.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/mode.h"
#include "userland/console/keyboard.h"
#include "userland/console/screen.h"

enum { TERMINAL_ROWS = 32, TERMINAL_COLUMNS = 600 };

struct terminal {
    char row[TERMINAL_ROWS][TERMINAL_COLUMNS + 1];
    unsigned y, x;
    unsigned escape; /* 0 none, 1 ESC, 2 CSI */
    unsigned parameter;
};

static struct screen screen;
static struct keyboard keyboard;
static struct terminal terminal;

static int setup(void **state)
{
    (void)state;
    screen_init(&screen);
    keyboard_init(&keyboard);
    terminal = (struct terminal){.y = 0};
    return 0;
}

static void terminal_csi(uint8_t byte)
{
    unsigned count = terminal.parameter == 0 ? 1 : terminal.parameter;

    if (byte >= '0' && byte <= '9') {
        terminal.parameter = terminal.parameter * 10 + (byte - '0');
        return;
    }
    if (byte == 'C')
        terminal.x += count;
    if (byte == 'D')
        terminal.x -= count < terminal.x ? count : terminal.x;
    if (byte == 'K')
        for (unsigned i = terminal.x; i < TERMINAL_COLUMNS; i++)
            terminal.row[terminal.y][i] = '\0';
    if (byte >= 0x40)
        terminal.escape = 0;
    else if (byte == ';')
        terminal.parameter = 0;
}

static void terminal_byte(uint8_t byte)
{
    if (terminal.escape == 2) {
        terminal_csi(byte);
    } else if (terminal.escape == 1) {
        terminal.escape = byte == '[' ? 2 : 0;
        terminal.parameter = 0;
    } else if (byte == 0x1b) {
        terminal.escape = 1;
    } else if (byte == '\r') {
        terminal.x = 0;
    } else if (byte == '\n') {
        terminal.y = (terminal.y + 1) % TERMINAL_ROWS;
        memset(terminal.row[terminal.y], 0, sizeof terminal.row[0]);
    } else if (byte == '\b') {
        terminal.x -= terminal.x > 0;
    } else if (byte >= ' ' && terminal.x < TERMINAL_COLUMNS) {
        char *row = terminal.row[terminal.y];

        for (unsigned i = 0; i < terminal.x; i++)
            if (row[i] == '\0')
                row[i] = ' ';
        row[terminal.x++] = (char)byte;
    }
}

/* Send what has gathered to the terminal. */
static void show(void)
{
    uint8_t byte;

    while (fifo_peek(&screen.out, &byte, 1) == 1) {
        fifo_drop(&screen.out, 1);
        terminal_byte(byte);
    }
}

static void foreground(const char *text)
{
    screen_write(&screen, (const uint8_t *)text, strlen(text));
}

static void background(const char *text)
{
    screen_print(&screen, (const uint8_t *)text, strlen(text));
}

static void expect_row(unsigned y, const char *text)
{
    char row[TERMINAL_COLUMNS + 1];
    size_t length = strlen(terminal.row[y]);

    memcpy(row, terminal.row[y], length + 1);
    while (length > 0 && row[length - 1] == ' ')
        row[--length] = '\0';
    assert_string_equal(row, text);
}

static void type(const char *text)
{
    for (; *text != '\0'; text++)
        (void)keyboard_put(&keyboard, (uint8_t)*text, &screen);
}

static const char *typed(void)
{
    static char text[256];
    size_t count = 0;

    if (!keyboard_take(&keyboard, (uint8_t *)text, sizeof text - 1, &count))
        return NULL;
    text[count] = '\0';
    return text;
}

static void newline_gets_a_return_once(void **state)
{
    (void)state;
    uint8_t out[16];

    foreground("a\nb\r\n");
    assert_int_equal(fifo_peek(&screen.out, out, sizeof out), 6);
    assert_memory_equal(out, "a\r\nb\r\n", 6);
}

static void background_lines_stand_above_the_prompt(void **state)
{
    (void)state;
    foreground("hello\n> edit me");
    background("log line");
    show();
    expect_row(0, "hello");
    expect_row(1, "log line");
    expect_row(2, "> edit me");
    assert_int_equal(terminal.x, 9);
}

static void short_line_covers_all_of_a_long_prompt(void **state)
{
    (void)state;
    foreground("a rather long prompt> ");
    background("x");
    show();
    expect_row(0, "x");
    expect_row(1, "a rather long prompt>");
    assert_int_equal(terminal.x, 22);
}

static void cursor_in_the_middle_stays_there(void **state)
{
    (void)state;
    /* As linenoise refreshes: return, prompt and text, erase, return, cursor right. */
    foreground("\r> abcdef\x1b[0K\r\x1b[4C");
    background("first");
    background("second");
    foreground("X");
    show();
    expect_row(0, "first");
    expect_row(1, "second");
    expect_row(2, "> abXdef");
}

static void erased_text_does_not_come_back(void **state)
{
    (void)state;
    foreground("> long text\r> a\x1b[0K");
    background("line");
    show();
    expect_row(1, "> a");
    assert_int_equal(terminal.x, 3);
}

static void nothing_gets_into_an_escape_sequence(void **state)
{
    (void)state;
    foreground("> ab\x1b[1");
    background("line");
    foreground("Dc");
    show();
    expect_row(0, "line");
    expect_row(1, "> ac");
}

static void colours_of_the_prompt_are_drawn_again(void **state)
{
    (void)state;
    char drawn[LINE_DRAWN_MAX];

    foreground("\x1b[1;32mok\x1b[0m> ");
    size_t length = line_draw(&screen.line, drawn);
    drawn[length] = '\0';
    assert_string_equal(drawn, "\x1b[0;1;32mok\x1b[0m> ");
}

static void utf8_counts_one_column(void **state)
{
    (void)state;
    foreground("> \xc3\xa4\xe2\x82\xac");
    assert_int_equal(screen.line.width, 4);
    assert_int_equal(screen.line.cursor, 4);
}

static void background_cannot_move_the_cursor_by_control_characters(void **state)
{
    (void)state;
    foreground("> safe");
    background("evil\b\b\r\n\x07more");
    show();
    expect_row(0, "evilmore");
    expect_row(1, "> safe");
}

static void leaving_foreground_ends_its_line(void **state)
{
    (void)state;
    foreground("> half\x1b[3");
    screen_leave(&screen);
    foreground("# ");
    show();
    expect_row(0, "> half");
    expect_row(1, "#");
}

static void room_is_never_exceeded(void **state)
{
    (void)state;
    uint8_t line[SCREEN_LINE_BYTES];
    memset(line, 'x', sizeof line);
    for (unsigned i = 0; i < LINE_CELLS; i++)
        foreground(i % 2 == 0 ? "\x1b[1;97m\xf0\x9f\x98\x80" : "\x1b[0;35m\xf0\x9f\x98\x80");
    foreground("\r");

    while (screen_room(&screen) > 0) {
        size_t before = fifo_room(&screen.out);

        screen_print(&screen, line, sizeof line);
        assert_true(fifo_room(&screen.out) < before);
        assert_true(before - fifo_room(&screen.out) <= SCREEN_RESERVE_BYTES);
        assert_true(fifo_room(&screen.out) > 0);
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    uint32_t random = 7;

    for (unsigned i = 0; i < 400000; i++) {
        random = random * 1664525U + 1013904223U;
        uint8_t byte = (uint8_t)(random >> 24);
        static const char likely[] = "\x1b[;0123456789CDGKm\r\n\b\t";

        if ((random & 0x30000) != 0)
            byte = (uint8_t)likely[(random >> 20) % (sizeof likely - 1)];
        screen_write(&screen, &byte, 1);
        if (i % 97 == 0)
            screen_print(&screen, (const uint8_t *)"line", 4);
        (void)keyboard_put(&keyboard, byte, &screen);
        if (i % 5003 == 0)
            keyboard_mode_set(&keyboard, i % 4, &screen);
        assert_true(screen.line.width <= LINE_CELLS);
        fifo_clear(&screen.out);
        if (keyboard_room(&keyboard) == 0)
            fifo_clear(&keyboard.in);
    }
}

static void raw_mode_passes_bytes_as_they_are(void **state)
{
    (void)state;
    type("a\r\x03\x7f");
    assert_string_equal(typed(), "a\r\x03\x7f");
    assert_null(typed());
    assert_int_equal(fifo_count(&screen.out), 0);
}

static void line_mode_edits_and_echoes(void **state)
{
    (void)state;
    keyboard_mode_set(&keyboard, TTY_LINES, &screen);
    type("helo\x7flo wrld");
    assert_null(typed());
    type("\x17world\r");
    assert_string_equal(typed(), "hello world\n");
    show();
    expect_row(0, "hello world");
}

/* Whole pieces of it only: half a rub-out would be taken for shown. */
static void echo_that_finds_no_room_is_left_out(void **state)
{
    (void)state;
    keyboard_mode_set(&keyboard, TTY_LINES, &screen);
    while (screen_room(&screen) > 2)
        screen_write(&screen, (const uint8_t *)"x", 1);
    const size_t count = fifo_count(&screen.out);
    const struct line line = screen.line;
    type("ab\x7f");
    assert_int_equal(fifo_count(&screen.out), count + 2);
    assert_int_equal(screen.line.cursor, line.cursor);
    for (unsigned i = 0; i < 3 * SCREEN_OUT_BYTES / KEYBOARD_LINE_BYTES; i++)
        type("\x15"
             "many bytes are typed, and none of them is lost");
    assert_true(screen_room(&screen) <= 2);
    type("\r");
    assert_string_equal(typed(), "many bytes are typed, and none of them is lost\n");
}

/* All of it is input; of more than the screen takes, the line that isn't done is shown. */
static void more_typed_ahead_than_the_screen_takes_shows_its_last_line(void **state)
{
    static const char text[] = "a line that was typed ahead\r";
    const unsigned count = SCREEN_OUT_BYTES / (sizeof text - 1);
    uint8_t out[sizeof text - 1];
    size_t length;

    (void)state;
    for (unsigned i = 0; i < count; i++)
        type(text);
    type("last");
    keyboard_mode_set(&keyboard, TTY_LINES, &screen);
    assert_int_equal(fifo_count(&screen.out), sizeof "last" - 1);
    for (unsigned i = 0; i < count; i++) {
        assert_true(keyboard_take(&keyboard, out, sizeof out, &length));
        assert_int_equal(length, sizeof out);
        assert_memory_equal(out, text, sizeof out - 1);
    }
    show();
    expect_row(0, "last");
    type(" of them\r");
    assert_string_equal(typed(), "last of them\n");
}

static void control_d_ends_the_input_once(void **state)
{
    (void)state;
    keyboard_mode_set(&keyboard, TTY_LINES, &screen);
    type("\x04");
    assert_string_equal(typed(), "");
    assert_null(typed());
    type("ab\x04");
    assert_string_equal(typed(), "ab");
}

static void control_c_drops_what_was_typed_and_signals(void **state)
{
    (void)state;
    keyboard_mode_set(&keyboard, TTY_SIGNAL_KEY, &screen);
    type("typed ahead");
    assert_int_equal(keyboard_put(&keyboard, 3, &screen), KEYBOARD_INTERRUPT);
    assert_null(typed());
}

static void bytes_typed_ahead_go_through_the_editor(void **state)
{
    (void)state;
    type("two\rlin");
    keyboard_mode_set(&keyboard, TTY_LINES, &screen);
    assert_string_equal(typed(), "two\n");
    type("es\r");
    assert_string_equal(typed(), "lines\n");
}

static void paste_of_64_kib_is_kept(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t count, total = 0;

    for (unsigned i = 0; i < 65536; i++) {
        assert_true(keyboard_room(&keyboard) > 0);
        (void)keyboard_put(&keyboard, (uint8_t)(i * 7), &screen);
    }
    while (keyboard_take(&keyboard, out, sizeof out, &count)) {
        for (size_t i = 0; i < count; i++)
            assert_int_equal(out[i], (uint8_t)((total + i) * 7));
        total += count;
    }
    assert_int_equal(total, 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(newline_gets_a_return_once, setup),
        cmocka_unit_test_setup(background_lines_stand_above_the_prompt, setup),
        cmocka_unit_test_setup(short_line_covers_all_of_a_long_prompt, setup),
        cmocka_unit_test_setup(cursor_in_the_middle_stays_there, setup),
        cmocka_unit_test_setup(erased_text_does_not_come_back, setup),
        cmocka_unit_test_setup(nothing_gets_into_an_escape_sequence, setup),
        cmocka_unit_test_setup(colours_of_the_prompt_are_drawn_again, setup),
        cmocka_unit_test_setup(utf8_counts_one_column, setup),
        cmocka_unit_test_setup(background_cannot_move_the_cursor_by_control_characters, setup),
        cmocka_unit_test_setup(leaving_foreground_ends_its_line, setup),
        cmocka_unit_test_setup(room_is_never_exceeded, setup),
        cmocka_unit_test_setup(random_bytes_do_no_harm, setup),
        cmocka_unit_test_setup(raw_mode_passes_bytes_as_they_are, setup),
        cmocka_unit_test_setup(line_mode_edits_and_echoes, setup),
        cmocka_unit_test_setup(echo_that_finds_no_room_is_left_out, setup),
        cmocka_unit_test_setup(more_typed_ahead_than_the_screen_takes_shows_its_last_line, setup),
        cmocka_unit_test_setup(control_d_ends_the_input_once, setup),
        cmocka_unit_test_setup(control_c_drops_what_was_typed_and_signals, setup),
        cmocka_unit_test_setup(bytes_typed_ahead_go_through_the_editor, setup),
        cmocka_unit_test_setup(paste_of_64_kib_is_kept, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

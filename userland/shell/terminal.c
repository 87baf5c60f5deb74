/*
 * The terminal, over one connection to console:Tty: input, output, and the few POSIX
 * names by which linenoise and the C library reach them.
 *
 * Output is gathered in a small buffer and leaves it at a newline, when it is full, and
 * before every wait for input, as do the editor's repaints.
 */
#include "terminal.h"

#include "dumb.h"
#include "keys.h"
#include "patience.h"

#include "console/tty.h"
#include "linenoise.h"

#include "rt/app.h"
#include "rt/loop.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { REPAINT_BYTES = 512 };

static struct {
    handle_t tty; /* 0: not connected */
    enum terminal_kind kind;
    unsigned input_bit, room_bit;
    handle_t input_event, room_event; /* what the console signals */
    bool has_input, has_room;         /* news since it last said WOULD_BLOCK */
    bool was_lost;                    /* the console died and came back: its line is gone */
    char typed[TTY_READ_BYTES];
    size_t typed_count, typed_next;
    char output[TTY_WRITE_BYTES];
    size_t output_count;
    char repaint[REPAINT_BYTES]; /* the editor's last picture of its line, not yet shown */
    size_t repaint_count;
    struct keys keys;
    struct dumb dumb;
} terminal;

static void on_flag(void *context)
{
    bool *flag = context;

    *flag = true;
    patience_end();
}

static enum status terminal_bits(void)
{
    if (terminal.input_event != 0)
        return STATUS_OK;
    enum status s = loop_bit_allocate(on_flag, &terminal.has_input, &terminal.input_bit);
    if (s == STATUS_OK)
        s = loop_bit_allocate(on_flag, &terminal.has_room, &terminal.room_bit);
    if (s == STATUS_OK)
        s = loop_signal_handle(terminal.room_bit, &terminal.room_event);
    if (s == STATUS_OK)
        s = loop_signal_handle(terminal.input_bit, &terminal.input_event);
    return s;
}

/* A console that dies while we wait for a key is news of input, too: the next read tells. */
static enum status terminal_connect(handle_t tty)
{
    enum status s = domain_watch(tty, loop_event(), UINT64_C(1) << terminal.input_bit);

    if (s == STATUS_OK)
        s = tty_open(tty, terminal.input_event, terminal.room_event, 0);
    /* Whoever has the foreground gives it up sooner or later. */
    while (s == STATUS_OK && (s = tty_claim(tty)) == STATUS_BUSY) {
        bool never = false;
        (void)patience_wait(&never, time_after_ns(NS_PER_S));
        s = STATUS_OK;
    }
    if (s == STATUS_OK)
        s = tty_mode(tty, TTY_RAW);
    return s;
}

enum status terminal_open(void)
{
    handle_t tty;
    enum status s = terminal_bits();

    if (s == STATUS_OK)
        s = app_connect(TTY_SERVICE, &tty);
    if (s != STATUS_OK)
        return s;
    s = terminal_connect(tty);
    if (s == STATUS_OK)
        terminal.tty = tty;
    else
        (void)!handle_close(tty);
    return s;
}

/* The console is gone: connect to its successor.  Without one there is nobody to tell. */
static void terminal_reopen(void)
{
    (void)!handle_close(terminal.tty);
    terminal.tty = 0;
    terminal.typed_count = terminal.typed_next = 0;
    terminal.was_lost = true;
    while (terminal_open() != STATUS_OK) {
        bool never = false;
        (void)patience_wait(&never, time_after_ns(NS_PER_S));
    }
}

static void output_flush(void)
{
    size_t done = 0;

    while (done < terminal.output_count && terminal.tty != 0) {
        size_t taken = 0;
        terminal.has_room = false;
        enum status s =
            tty_write(terminal.tty, terminal.output + done, terminal.output_count - done, &taken);
        if (s == STATUS_OK)
            done += taken;
        else if (s == STATUS_WOULD_BLOCK)
            (void)patience_wait(&terminal.has_room, time_after_ns(NS_PER_S));
        else
            terminal_reopen();
    }
    terminal.output_count = 0;
}

static void output_put(void *context, char c)
{
    (void)context;
    terminal.output[terminal.output_count++] = c;
    if (c == '\n' || terminal.output_count == sizeof terminal.output)
        output_flush();
}

static void cooked_put(char c)
{
    if (terminal.kind == TERMINAL_DUMB)
        dumb_put(&terminal.dumb, c, output_put, NULL);
    else
        output_put(NULL, c);
}

static void repaint_show(void)
{
    for (size_t i = 0; i < terminal.repaint_count; i++)
        cooked_put(terminal.repaint[i]);
    terminal.repaint_count = 0;
}

/*
 * The editor paints its whole line anew for most keys, and says so by starting with a carriage
 * return.  Pictures that the next key would paint over are not worth a serial line's time: only
 * the last one before a wait for input, or before other output, is shown.
 */
static bool repaint_keep(const char *bytes, size_t length)
{
    if (length < 2 || length > REPAINT_BYTES || bytes[0] != '\r')
        return false;
    memcpy(terminal.repaint, bytes, length);
    terminal.repaint_count = length;
    return true;
}

static void terminal_put(char c)
{
    repaint_show();
    cooked_put(c);
}

/* Fill `typed`, waiting if nothing is there. */
static enum status typed_fill(nsec_t deadline_ns)
{
    for (;;) {
        terminal.has_input = false;
        enum status s =
            tty_read(terminal.tty, terminal.typed, sizeof terminal.typed, &terminal.typed_count);
        terminal.typed_next = 0;
        if (s == STATUS_OK && terminal.typed_count > 0)
            return STATUS_OK;
        terminal.typed_count = 0;
        /* Before the output, which would find the dead console, too, and claim twice. */
        if (s != STATUS_OK && s != STATUS_WOULD_BLOCK)
            terminal_reopen();
        repaint_show();
        output_flush();
        if ((s == STATUS_OK || s == STATUS_WOULD_BLOCK)
            && !patience_wait(&terminal.has_input, deadline_ns))
            return STATUS_TIMED_OUT;
    }
}

enum status terminal_read(nsec_t deadline_ns, char *out)
{
    for (;;) {
        while (terminal.typed_next < terminal.typed_count) {
            if (keys_accept(&terminal.keys, terminal.typed[terminal.typed_next++], out))
                return STATUS_OK;
        }
        enum status s = typed_fill(deadline_ns);
        if (s != STATUS_OK)
            return s;
        if (terminal.was_lost) {
            terminal.was_lost = false;
            return STATUS_PEER_DEAD;
        }
    }
}

bool terminal_wait_quit(nsec_t deadline_ns)
{
    char c;

    while (terminal_read(deadline_ns, &c) != STATUS_TIMED_OUT) {
        if (c == 'q' || c == KEY_INTERRUPT)
            return true;
    }
    return false;
}

char *terminal_line(const char *prompt)
{
    return linenoise(prompt);
}

enum terminal_kind terminal_kind(void)
{
    return terminal.kind;
}

void terminal_set_kind(enum terminal_kind kind)
{
    output_flush();
    terminal.dumb = (struct dumb){0};
    terminal.kind = kind;
}

void terminal_clear(void)
{
    if (terminal.kind == TERMINAL_ANSI)
        fputs("\x1b[H\x1b[2J", stdout);
}

/* What linenoise calls. */

ssize_t read(int file, void *out, size_t room)
{
    (void)file;
    (void)room;
    return terminal_read(DEADLINE_NEVER, out) == STATUS_OK ? 1 : -1;
}

ssize_t write(int file, const void *bytes, size_t length)
{
    const char *text = bytes;

    (void)file;
    if (repaint_keep(text, length))
        return (ssize_t)length;
    for (size_t i = 0; i < length; i++)
        terminal_put(text[i]);
    return (ssize_t)length;
}

int isatty(int file)
{
    (void)file;
    return 1;
}

/* What the C library's streams call. */

static int stream_put(char c, FILE *stream)
{
    (void)stream;
    terminal_put(c);
    return (unsigned char)c;
}

static int stream_flush(FILE *stream)
{
    (void)stream;
    repaint_show();
    output_flush();
    return 0;
}

static FILE terminal_stream = FDEV_SETUP_STREAM(stream_put, NULL, stream_flush, _FDEV_SETUP_WRITE);

FILE *const stdin = &terminal_stream;
FILE *const stdout = &terminal_stream;
FILE *const stderr = &terminal_stream;

/*
 * stdin, stdout and stderr.
 *
 * Output is collected by lines.  They go to console:Tty where the manifest lets this program
 * connect to it, and to the kernel's log otherwise, and also while the console is away or has no
 * room for a second.  When the console dies, the input ends once; who reads on reads from the next
 * one.  Input comes from the console alone and makes this program the foreground; only the loop's
 * thread may read it.
 */
#include <stdio.h>

#include <stdbool.h>

#include "console/tty.h"
#include "rt/app.h"
#include "rt/loop.h"
#include "rt/syscall.h"
#include "rt/time.h"

enum { LINE_BYTES = 512, WRITE_ATTEMPTS = 500, FP_KEPT = 8 };

#define WRITE_PAUSE_NS (2 * NS_PER_MS)

enum target { TARGET_UNKNOWN, TARGET_LOG, TARGET_CONSOLE };

/* Protected by the monitor. */
static enum target target;
static handle_t tty;
static char line[LINE_BYTES];
static size_t line_length;

static bool is_input_open;
static unsigned input_bit;
static char input[TTY_READ_BYTES];
static size_t input_length, input_next;

static void target_find(void)
{
    enum status s = app_connect_try(TTY_SERVICE, 0, &tty);

    if (s == STATUS_OK)
        target = TARGET_CONSOLE;
    else if (s != STATUS_WOULD_BLOCK && s != STATUS_PEER_DEAD)
        target = TARGET_LOG;
}

static void target_lose(void)
{
    enum status s = handle_close(tty);

    (void)s; /* gone with its service */
    target = TARGET_UNKNOWN;
    if (is_input_open)
        loop_bit_free(input_bit);
    is_input_open = false;
}

/* Returns how much the console took before it failed. */
static size_t console_write(const char *text, size_t length)
{
    size_t done = 0;

    for (unsigned attempt = 0; done < length && attempt < WRITE_ATTEMPTS;) {
        size_t taken = 0;
        enum status s = tty_write(tty, text + done, length - done, &taken);

        if (s == STATUS_WOULD_BLOCK) {
            attempt++;
            (void)thread_sleep(time_after_ns(WRITE_PAUSE_NS));
        } else if (s != STATUS_OK) {
            target_lose();
            break;
        }
        done += taken;
    }
    return done;
}

static void line_write(void)
{
    size_t done = 0;

    if (target == TARGET_UNKNOWN)
        target_find();
    if (target == TARGET_CONSOLE)
        done = console_write(line, line_length);
    if (done < line_length)
        (void)log_write(line + done, line_length - done);
    line_length = 0;
}

/*
 * The C library formats floating point with values in d8-d15 and calls us in the middle of it; a
 * portal call loses them (portal_entry.S), so here, and only here, they are kept.
 */
static int stream_flush(FILE *f)
{
    uint64_t kept[FP_KEPT];

    (void)f;
    if (line_length == 0)
        return 0;
    __asm__ volatile(".arch_extension fp\n\t"
                     "stp d8, d9, [%0]\n\t"
                     "stp d10, d11, [%0, #16]\n\t"
                     "stp d12, d13, [%0, #32]\n\t"
                     "stp d14, d15, [%0, #48]"
                     :
                     : "r"(kept)
                     : "memory");
    line_write();
    __asm__ volatile(".arch_extension fp\n\t"
                     "ldp d8, d9, [%0]\n\t"
                     "ldp d10, d11, [%0, #16]\n\t"
                     "ldp d12, d13, [%0, #32]\n\t"
                     "ldp d14, d15, [%0, #48]"
                     :
                     : "r"(kept)
                     : "memory");
    return 0;
}

static int stream_put(char c, FILE *f)
{
    line[line_length++] = c;
    if (c == '\n' || line_length == LINE_BYTES)
        return stream_flush(f);
    return 0;
}

static enum status input_claim(void)
{
    handle_t event = 0;
    enum status s = loop_signal_handle(input_bit, &event);

    if (s == STATUS_OK)
        s = tty_open(tty, event | HANDLE_MOVE, 0, 0);
    if (s == STATUS_OK)
        s = tty_claim(tty);
    if (s == STATUS_OK)
        s = tty_mode(tty, TTY_LINES);
    if (s == STATUS_OK) /* who dies signals nothing else */
        s = domain_watch(tty, loop_event(), UINT64_C(1) << input_bit);
    if (s == STATUS_PEER_DEAD && event != 0)
        (void)!handle_close(event); /* unless it has moved */
    return s;
}

/* A console that died while nobody wrote isn't missed before somebody reads. */
static bool input_open(void)
{
    if (target == TARGET_UNKNOWN)
        target_find();
    if (target != TARGET_CONSOLE || loop_bit_allocate(NULL, NULL, &input_bit) != STATUS_OK)
        return false;

    const enum status s = input_claim();

    is_input_open = s == STATUS_OK;
    if (s != STATUS_OK)
        loop_bit_free(input_bit);
    if (s == STATUS_PEER_DEAD)
        target_lose();
    return is_input_open;
}

/* Fill `input`; false at its end, which is that of what this console will ever have. */
static bool input_read(void)
{
    input_next = input_length = 0;
    for (;;) {
        enum status s = tty_read(tty, input, sizeof input, &input_length);

        /* None at all: the user has ended the input. */
        if (s == STATUS_OK)
            return input_length != 0;
        if (s != STATUS_WOULD_BLOCK) {
            target_lose();
            return false;
        }
        if (loop_wait(input_bit, DEADLINE_NEVER) != STATUS_OK)
            return false;
    }
}

static int stream_get(FILE *f)
{
    (void)stream_flush(f);
    if (!is_input_open && !input_open())
        return _FDEV_EOF;
    if (input_next == input_length && !input_read())
        return _FDEV_EOF;
    return (unsigned char)input[input_next++];
}

static FILE console_stream =
    FDEV_SETUP_STREAM(stream_put, stream_get, stream_flush, _FDEV_SETUP_RW);

FILE *const stdin = &console_stream;
FILE *const stdout = &console_stream;
FILE *const stderr = &console_stream;

/*
 * Kernel log: building lines, keeping them in the ring, copying them out.
 *
 * A line is built on the writer's stack, then enters ring and console in one piece.
 * Its end alone says what the ring holds:
 *
 *       end - LOG_SIZE            end
 *          v                       v
 *          ne\n][line\n]...[line\n]
 *
 * Who reads from the start of that begins after the first newline.
 */
#include "core/log.h"

#include "arch/timer.h"
#include "base/format.h"
#include "base/string.h"

#include <stdarg.h>
#include <stdbool.h>

/* Text that one log_info() may have, before its lines get their prefixes. */
enum { INFO_TEXT_MAX = 1024 };

enum { NSEC_PER_USEC = 1000 };

/* Of any time. */
enum { STAMP_MAX = sizeof("[18446744073709.551615] ") - 1 };

_Static_assert((LOG_SIZE & (LOG_SIZE - 1)) == 0, "positions are reduced by masking");
_Static_assert(LOG_SIZE >= 4 * LOG_LINE_MAX, "the ring holds several lines");

static struct {
    uint64_t end; /* position after the last byte: the start of the next line */
    log_console_fn *console;
    bool is_released;     /* the console belongs to its driver now */
    uint64_t released_at; /* `end` at that moment */
    uint64_t read_up_to;  /* what some reader has got, and so most likely shown */
    char text[LOG_SIZE];
} kernel_log;

/* What one byte becomes that is not shown as itself: "\xNN". */
enum { ESCAPE_LENGTH = 4 };

static bool is_shown(unsigned byte)
{
    return byte - ' ' <= '~' - ' ';
}

static bool is_end(unsigned byte)
{
    return byte == '\n' || byte == '\r';
}

/* "[    1.234567] ", which ends at `end`, with as many digits as it takes.  Returns its start. */
static char *stamp_put(char *end, uint64_t now_us)
{
    enum { FRACTION_DIGITS = 6, DIGITS_MIN = 11 };
    char *at = end;

    *--at = ' ';
    *--at = ']';
    for (unsigned i = 0; i < DIGITS_MIN || now_us != 0; i++) {
        if (i == FRACTION_DIGITS)
            *--at = '.';
        *--at = i > FRACTION_DIGITS && now_us == 0 ? ' ' : (char)('0' + now_us % 10);
        now_us /= 10;
    }
    *--at = '[';
    return at;
}

/* Of the domain that speaks, as far as it can be shown.  Returns where the text begins. */
static char *name_put(char *at, const struct name *name)
{
    for (size_t i = 0; i < NAME_BYTES && is_shown((unsigned char)name->text[i]); i++)
        *at++ = name->text[i];
    *at++ = ':';
    *at++ = ' ';
    return at;
}

/* A byte of untrusted text in a form that no terminal obeys: as many as any other, for speed. */
static void escape(char at[ESCAPE_LENGTH], unsigned byte)
{
    static const char digits[] = "0123456789abcdef";

    at[0] = '\\';
    at[1] = 'x';
    at[2] = digits[byte >> 4];
    at[3] = digits[byte & 15];
    if (byte == '\t')
        at[0] = at[1] = at[2] = at[3] = ' ';
}

/* How much of `length` bytes from `position` on lies in one piece; from there it goes on at 0. */
static size_t ring_piece(uint64_t position, size_t length)
{
    const size_t room = LOG_SIZE - (position & (LOG_SIZE - 1));

    return length < room ? length : room;
}

static char *ring_at(uint64_t position)
{
    return kernel_log.text + (position & (LOG_SIZE - 1));
}

/* The position of the oldest whole line. */
static uint64_t ring_oldest(void)
{
    uint64_t position = 0;

    if (kernel_log.end > LOG_SIZE)
        for (position = kernel_log.end - LOG_SIZE; *ring_at(position++) != '\n';) {
        }
    return position;
}

/* Of a line with its newline. */
static void ring_append(const char *line, size_t length)
{
    const size_t piece = ring_piece(kernel_log.end, length);

    memcpy(ring_at(kernel_log.end), line, piece);
    memcpy(kernel_log.text, line + piece, length - piece);
    kernel_log.end += length;
    if (kernel_log.console != NULL && !kernel_log.is_released)
        kernel_log.console(line, length);
}

/*
 * Add one line: what there is room for of the text from `start` to `end` or to where the line ends.
 * Returns where it stopped.  `name`: of the domain that speaks, NULL for the kernel.
 */
static const char *line_write(const struct name *name, const char *start, const char *end)
{
    char buffer[STAMP_MAX + LOG_LINE_MAX];
    char *const line = stamp_put(buffer + STAMP_MAX, timer_now_ns() / NSEC_PER_USEC);
    char *const full = line + LOG_LINE_MAX - ESCAPE_LENGTH - 1;
    char *at = buffer + STAMP_MAX;
    const char *text = start;

    if (name != NULL)
        at = name_put(at, name);
    while (at <= full && text != end) {
        const char *const stop = full - at < end - text ? text + (full - at) + 1 : end;
        unsigned byte;

        do {
            byte = (unsigned char)*text++;
            if (!is_shown(byte))
                break;
            *at++ = (char)byte;
        } while (text != stop);
        if (is_shown(byte))
            continue;
        if (is_end(byte))
            break;
        escape(at, byte);
        at += ESCAPE_LENGTH;
    }
    *at++ = '\n';
    ring_append(line, (size_t)(at - line));
    return text;
}

size_t log_write_from(const struct name *name, const char *text, size_t length)
{
    const char *const end = text + length;
    const char *at = text;

    while (at != end && is_end((unsigned char)*at))
        at++;
    if (at != end)
        at = line_write(name, at, end);
    return (size_t)(at - text);
}

void log_info(const char *format, ...)
{
    char text[INFO_TEXT_MAX];
    va_list list;

    va_start(list, format);
    size_t length = format_text_list(text, sizeof(text), format, list);
    va_end(list);

    if (length >= sizeof(text))
        length = sizeof(text) - 1;
    for (size_t used = 0; used < length;)
        used += log_write_from(NULL, text + used, length - used);
}

/* Print from `position` on, or from the oldest line. */
static void console_catch_up(log_console_fn *console, uint64_t position)
{
    const uint64_t oldest = ring_oldest();

    if (position < oldest)
        position = oldest;

    while (position < kernel_log.end) {
        const size_t length = ring_piece(position, (size_t)(kernel_log.end - position));

        console(ring_at(position), length);
        position += length;
    }
}

void log_console_set(log_console_fn *console)
{
    kernel_log.console = console;
    kernel_log.is_released = false;
    if (console != NULL)
        console_catch_up(console, 0);
}

void log_console_release(void)
{
    kernel_log.is_released = true;
    kernel_log.released_at = kernel_log.end;
    kernel_log.read_up_to = kernel_log.end;
}

void log_console_seize(void)
{
    if (kernel_log.console != NULL && kernel_log.is_released)
        console_catch_up(kernel_log.console, kernel_log.read_up_to);
    kernel_log.is_released = false;
}

size_t log_read(uint64_t *position, char *buffer, size_t size, uint64_t *lost)
{
    if (*position == LOG_POSITION_RELEASED)
        *position = kernel_log.released_at;

    uint64_t start = *position;

    if (start > kernel_log.end)
        start = kernel_log.end;
    if (start + LOG_SIZE < kernel_log.end)
        start = ring_oldest();

    const size_t rest = ring_piece(start, (size_t)(kernel_log.end - start));
    const size_t length = rest < size ? rest : size;

    memcpy(buffer, ring_at(start), length);
    if (start + length > kernel_log.read_up_to)
        kernel_log.read_up_to = start + length;

    *lost = start > *position ? start - *position : 0;
    *position = start + length;
    return length;
}

uint64_t log_end(void)
{
    return kernel_log.end;
}

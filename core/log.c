/*
 * Kernel log: building lines, keeping them in the ring, copying them out.
 *
 * A line is built on the writer's stack, then enters ring and console in one piece
 * under the lock.  Only the two positions say what the ring holds:
 *
 *        oldest                    end
 *          v                        v
 *     -----[line\n][line\n]...[line\n]-----      end - oldest <= LOG_SIZE
 *
 * `oldest` always stands at the start of a line; making room moves it past whole lines.
 */
#include "core/log.h"

#include "base/format.h"
#include "base/spinlock.h"
#include "base/string.h"

#include <stdarg.h>
#include <stdbool.h>

/* Text that one log_info() may have, before its lines get their prefixes. */
enum { INFO_TEXT_MAX = 1024 };

enum { NSEC_PER_USEC = 1000, USEC_PER_SEC = 1000000 };

_Static_assert((LOG_SIZE & (LOG_SIZE - 1)) == 0, "positions are reduced by masking");
_Static_assert(LOG_SIZE >= 4 * LOG_LINE_MAX, "the ring holds several lines");

static struct {
    struct spinlock lock; /* protects everything below */
    uint64_t oldest;      /* position of the first byte kept: the start of a line */
    uint64_t end;         /* position after the last byte: the start of the next line */
    log_clock_fn *now;
    log_grown_fn *grown;
    log_console_fn *console;
    bool is_released;     /* the console belongs to its driver now */
    uint64_t released_at; /* `end` at that moment */
    uint64_t read_up_to;  /* what some reader has got, and so most likely shown */
    char text[LOG_SIZE];
} kernel_log;

struct line {
    nsec_t now_ns;
    const struct name *name; /* NULL: the kernel's own */
    size_t length;
    char text[LOG_LINE_MAX];
};

/* Longest thing that one byte of input becomes, "\xNN". */
enum { ESCAPE_LENGTH = 4 };

static bool line_has_room(const struct line *line)
{
    return line->length + ESCAPE_LENGTH + sizeof("\n") <= sizeof(line->text);
}

static void line_start(struct line *line)
{
    const uint64_t now_us = line->now_ns / NSEC_PER_USEC;
    const struct name *const name = line->name;

    line->length = format_text(line->text, sizeof(line->text), "[%5llu.%06llu] ",
                               (unsigned long long)(now_us / USEC_PER_SEC),
                               (unsigned long long)(now_us % USEC_PER_SEC));
    if (name == NULL)
        return;
    for (size_t i = 0; i < NAME_BYTES && name->text[i] != '\0'; i++) {
        const char character = name->text[i];

        line->text[line->length++] = character > ' ' && character <= '~' ? character : '?';
    }
    line->text[line->length++] = ':';
    line->text[line->length++] = ' ';
}

/* Add one byte of untrusted text in a form that no terminal obeys. */
static void line_add(struct line *line, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    char *at = line->text + line->length;

    if (byte == '\t')
        byte = ' ';
    if (byte >= ' ' && byte <= '~') {
        *at = (char)byte;
        line->length++;
        return;
    }
    at[0] = '\\';
    at[1] = 'x';
    at[2] = digits[byte >> 4];
    at[3] = digits[byte & 15];
    line->length += ESCAPE_LENGTH;
}

static char ring_byte(uint64_t position)
{
    return kernel_log.text[position & (LOG_SIZE - 1)];
}

static void ring_drop_oldest_line(void)
{
    while (ring_byte(kernel_log.oldest++) != '\n') {
    }
}

static void ring_append(const char *text, size_t length)
{
    while (kernel_log.end + length - kernel_log.oldest > LOG_SIZE)
        ring_drop_oldest_line();
    for (size_t i = 0; i < length; i++)
        kernel_log.text[(kernel_log.end + i) & (LOG_SIZE - 1)] = text[i];
    kernel_log.end += length;
}

/* Copy up to `size` bytes from `position`, all of which the ring holds. */
static size_t ring_copy(uint64_t position, char *buffer, size_t size)
{
    const uint64_t available = kernel_log.end - position;
    const size_t length = size < available ? size : (size_t)available;

    for (size_t i = 0; i < length; i++)
        buffer[i] = ring_byte(position + i);
    return length;
}

static void line_finish(struct line *line)
{
    line->text[line->length++] = '\n';
    ring_append(line->text, line->length);
    if (kernel_log.console != NULL && !kernel_log.is_released)
        kernel_log.console(line->text, line->length);
}

/*
 * Add the lines of `text` under one hold of the lock, so that they stay together.  Newlines at the
 * end only end the last line; they do not start another.
 */
static void log_add(const struct name *name, const char *text, size_t length)
{
    struct line line;

    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;

    spinlock_lock(&kernel_log.lock);

    line.name = name;
    line.now_ns = kernel_log.now == NULL ? 0 : kernel_log.now();
    line_start(&line);
    for (size_t i = 0; i < length; i++) {
        const bool ends = text[i] == '\n';

        if (text[i] == '\r' && i + 1 < length && text[i + 1] == '\n')
            continue;
        if (ends || !line_has_room(&line)) {
            line_finish(&line);
            line_start(&line);
        }
        if (!ends)
            line_add(&line, (unsigned char)text[i]);
    }
    line_finish(&line);

    log_grown_fn *const grown = kernel_log.grown;
    spinlock_unlock(&kernel_log.lock);

    if (grown != NULL)
        grown();
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
    log_add(NULL, text, length);
}

void log_write_from(const struct name *name, const char *text, size_t length)
{
    if (length > 0)
        log_add(name, text, length);
}

void log_clock_set(log_clock_fn *now)
{
    kernel_log.now = now;
}

void log_share(void)
{
    spinlock_share(&kernel_log.lock);
    spinlock_unlock(&kernel_log.lock);
}

void log_grown_set(log_grown_fn *grown)
{
    spinlock_lock(&kernel_log.lock);
    kernel_log.grown = grown;
    spinlock_unlock(&kernel_log.lock);
}

/* Print from `position` on, in two pieces if the ring wraps.  Holds the lock. */
static void console_catch_up(log_console_fn *console, uint64_t position)
{
    if (position < kernel_log.oldest)
        position = kernel_log.oldest;

    while (position < kernel_log.end) {
        const size_t at = position & (LOG_SIZE - 1);
        const uint64_t rest = kernel_log.end - position;
        const size_t length = rest < LOG_SIZE - at ? rest : LOG_SIZE - at;

        console(kernel_log.text + at, length);
        position += length;
    }
}

void log_console_set(log_console_fn *console)
{
    spinlock_lock(&kernel_log.lock);
    kernel_log.console = console;
    kernel_log.is_released = false;
    if (console != NULL)
        console_catch_up(console, kernel_log.oldest);
    spinlock_unlock(&kernel_log.lock);
}

void log_console_release(void)
{
    spinlock_lock(&kernel_log.lock);
    kernel_log.is_released = true;
    kernel_log.released_at = kernel_log.end;
    kernel_log.read_up_to = kernel_log.end;
    spinlock_unlock(&kernel_log.lock);
}

void log_console_seize(void)
{
    spinlock_break(&kernel_log.lock);
    if (kernel_log.console != NULL && kernel_log.is_released)
        console_catch_up(kernel_log.console, kernel_log.read_up_to);
    kernel_log.is_released = false;
    kernel_log.grown = NULL;
}

size_t log_read(uint64_t *position, char *buffer, size_t size, uint64_t *lost)
{
    spinlock_lock(&kernel_log.lock);
    if (*position == LOG_POSITION_RELEASED)
        *position = kernel_log.released_at;

    uint64_t start = *position;

    if (start < kernel_log.oldest)
        start = kernel_log.oldest;
    if (start > kernel_log.end)
        start = kernel_log.end;

    const size_t length = ring_copy(start, buffer, size);

    if (start + length > kernel_log.read_up_to)
        kernel_log.read_up_to = start + length;
    spinlock_unlock(&kernel_log.lock);

    *lost = start > *position ? start - *position : 0;
    *position = start + length;
    return length;
}

uint64_t log_end(void)
{
    spinlock_lock(&kernel_log.lock);
    const uint64_t end = kernel_log.end;
    spinlock_unlock(&kernel_log.lock);
    return end;
}

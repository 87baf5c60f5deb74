/*
 * Formatting: one pass over the format, one piece of text per conversion.
 *
 * Arguments are fetched only for conversions that this file knows.  The length
 * counter keeps running when the buffer is full, so the caller learns what it lost.
 */
#include "base/format.h"

#include "base/string.h"

#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *buffer;
    size_t size;
    size_t length; /* of the whole text; only characters below size - 1 are stored */
};

struct spec {
    bool is_long; /* the argument has 64 bits */
    size_t size;  /* of a number the width, of a string the precision; 0: none given */
};

enum {
    NUMBER_MAX = 20, /* 2^64 - 1 in decimal; no more is put before shorter ones */
};

static void put_text(struct sink *sink, const char *text, size_t length)
{
    for (; length > 0; length--, text++) {
        if (sink->length + 1 < sink->size)
            sink->buffer[sink->length] = *text;
        sink->length++;
    }
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base)
{
    char text[NUMBER_MAX];
    char *const end = text + sizeof(text);
    char *at = end;

    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (at > text && (size_t)(end - at) < spec->size)
        *--at = '0';
    put_text(sink, at, (size_t)(end - at));
}

/* Everything between '%' and the conversion's letter. */
static const char *read_spec(const char *at, struct spec *spec)
{
    *spec = (struct spec){0};
    if (*at == '.')
        at++;
    for (; *at >= '0' && *at <= '9'; at++)
        spec->size = spec->size * 10 + (size_t)(*at - '0');
    for (; *at == 'l' || *at == 'z'; at++)
        spec->is_long = true;
    return at;
}

static bool is_conversion(char letter)
{
    return letter == 's' || letter == 'u' || letter == 'x';
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL)
        text = "(null)";
    put_text(sink, text, strnlen(text, spec->size == 0 ? SIZE_MAX : spec->size));
}

/*
 * Whatever its type, an argument takes 64 bits, of which an int uses the lower ones: one way to
 * fetch it is enough.
 * Source: Procedure Call Standard for AArch64, "Parameter passing".
 */
static void put_conversion(struct sink *sink, const struct spec *spec, char letter,
                           uint64_t argument)
{
    if (letter == 's')
        put_string(sink, spec, (const char *)(uintptr_t)argument);
    else
        put_number(sink, spec, spec->is_long ? argument : (uint32_t)argument,
                   letter == 'x' ? 16 : 10);
}

size_t format_text_list(char *buffer, size_t size, const char *format, va_list list)
{
    struct sink sink = {.buffer = buffer, .size = size};
    struct spec spec;

    for (; *format != '\0'; format++) {
        const char *const letter = *format == '%' ? read_spec(format + 1, &spec) : format;

        if (letter != format && is_conversion(*letter)) {
            put_conversion(&sink, &spec, *letter, va_arg(list, uint64_t));
            format = letter;
            continue;
        }
        /* A conversion that is unknown stays as it stands, but for %%. */
        put_text(&sink, format, 1);
        if (format[0] == '%' && format[1] == '%')
            format++;
    }
    if (size > 0)
        buffer[sink.length < size ? sink.length : size - 1] = '\0';
    return sink.length;
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    const size_t length = format_text_list(buffer, size, format, list);
    va_end(list);
    return length;
}

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

/* The digits of a number, which begin within `text` and end with it. */
static const char *number_text(const struct spec *spec, uint64_t value, unsigned base,
                               char text[NUMBER_MAX], size_t *length)
{
    char *const end = text + NUMBER_MAX;
    char *at = end;

    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (at > text && (size_t)(end - at) < spec->size)
        *--at = '0';
    *length = (size_t)(end - at);
    return at;
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

static const char *string_text(const struct spec *spec, const char *text, size_t *length)
{
    if (text == NULL)
        text = "(null)";
    *length = strnlen(text, spec->size == 0 ? SIZE_MAX : spec->size);
    return text;
}

/*
 * What a conversion makes of its argument.  Whatever its type, an argument takes 64 bits, of which
 * an int uses the lower ones: one way to fetch it is enough.
 * Source: Procedure Call Standard for AArch64, "Parameter passing".
 */
static const char *conversion_text(const struct spec *spec, char letter, uint64_t argument,
                                   char digits[NUMBER_MAX], size_t *length)
{
    if (letter == 's')
        return string_text(spec, (const char *)(uintptr_t)argument, length);
    return number_text(spec, spec->is_long ? argument : (uint32_t)argument, letter == 'x' ? 16 : 10,
                       digits, length);
}

size_t format_text_list(char *buffer, size_t size, const char *format, va_list list)
{
    struct sink sink = {.buffer = buffer, .size = size};
    char digits[NUMBER_MAX];
    struct spec spec;

    for (; *format != '\0'; format++) {
        const char *const letter = *format == '%' ? read_spec(format + 1, &spec) : format;
        const char *text = format; /* stands for itself, but for %%; an unknown conversion, too */
        size_t length = 1;

        if (letter != format && is_conversion(*letter)) {
            text = conversion_text(&spec, *letter, va_arg(list, uint64_t), digits, &length);
            format = letter;
        } else if (format[0] == '%' && format[1] == '%') {
            format++;
        }
        put_text(&sink, text, length);
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

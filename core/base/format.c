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
    bool left;
    bool zero;
    bool prefix;  /* '#': 0x before hexadecimal */
    bool is_long; /* the argument has 64 bits */
    size_t width;
    size_t precision; /* of a string; SIZE_MAX: none given */
};

enum {
    DIGITS_MAX = 20,             /* of 2^64 - 1 in decimal; more zeros aren't put before them */
    NUMBER_MAX = DIGITS_MAX + 2, /* with a sign or 0x */
    POINTER_WIDTH = 2 + 2 * 8,   /* 0x, and all digits */
    SIZE_READ_MAX = UINT16_MAX,  /* widths that no buffer could hold stop growing */
};

static void put_text(struct sink *sink, const char *text, size_t length)
{
    for (; length > 0; length--, text++) {
        if (sink->length + 1 < sink->size)
            sink->buffer[sink->length] = *text;
        sink->length++;
    }
}

static void put_padded(struct sink *sink, const struct spec *spec, const char *text, size_t length)
{
    if (spec->left)
        put_text(sink, text, length);
    for (size_t used = length; used < spec->width; used++)
        put_text(sink, " ", 1);
    if (!spec->left)
        put_text(sink, text, length);
}

/* `sign` is the text before the digits: "", "-" or "0x". */
static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                       const char *sign)
{
    char text[NUMBER_MAX];
    char *const end = text + sizeof(text);
    char *at = end;
    size_t sign_length = strlen(sign);
    size_t digits = spec->zero && !spec->left ? spec->width : 0;

    if (digits > DIGITS_MAX)
        digits = DIGITS_MAX;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0 || (size_t)(end - at) + sign_length < digits);
    while (sign_length > 0)
        *--at = sign[--sign_length];
    put_padded(sink, spec, at, (size_t)(end - at));
}

static const char *read_size(const char *at, size_t *out)
{
    size_t size = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        if (size < SIZE_READ_MAX)
            size = size * 10 + (size_t)(*at - '0');
    *out = size;
    return at;
}

/* Everything between '%' and the conversion's letter. */
static const char *read_spec(const char *at, struct spec *spec)
{
    *spec = (struct spec){.precision = SIZE_MAX};
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '0')
            spec->zero = true;
        else if (*at == '#')
            spec->prefix = true;
        else
            break;
    }
    at = read_size(at, &spec->width);
    if (*at == '.')
        at = read_size(at + 1, &spec->precision);
    for (; *at == 'l' || *at == 'z'; at++)
        spec->is_long = true;
    return at;
}

/*
 * Whatever its type, an argument takes 64 bits, of which an int uses the lower ones: one way to
 * fetch it is enough.
 * Source: Procedure Call Standard for AArch64, "Parameter passing".
 */
static uint64_t narrow(uint64_t argument, const struct spec *spec, bool is_signed)
{
    if (spec->is_long)
        return argument;
    return is_signed ? (uint64_t)(int32_t)argument : (uint32_t)argument;
}

static bool is_conversion(char letter)
{
    return letter != '\0' && strchr("dpsux", letter) != NULL;
}

static void put_conversion(struct sink *sink, struct spec *spec, char letter, uint64_t argument)
{
    const uint64_t value = narrow(argument, spec, letter == 'd');
    const char *text = (const char *)(uintptr_t)argument;

    if (letter == 's') {
        if (text == NULL)
            text = "(null)";
        put_padded(sink, spec, text, strnlen(text, spec->precision));
    } else if (letter == 'p') {
        *spec = (struct spec){.zero = true, .width = POINTER_WIDTH};
        put_number(sink, spec, argument, 16, "0x");
    } else if (letter == 'x') {
        put_number(sink, spec, value, 16, spec->prefix ? "0x" : "");
    } else if (letter == 'd' && (int64_t)value < 0) {
        put_number(sink, spec, -value, 10, "-");
    } else {
        put_number(sink, spec, value, 10, "");
    }
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

/*
 * Formatting: one pass over the format, one `spec` per conversion.
 *
 * Arguments are fetched only for conversions that this file knows.  The length
 * counter keeps running when the buffer is full, so the caller learns what it lost.
 */
#include "base/format.h"

#include "base/string.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *buffer;
    size_t size;
    size_t length; /* of the whole text; only characters below size - 1 are stored */
};

enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG };

struct spec {
    bool left;
    bool zero;
    bool prefix; /* '#': 0x before hexadecimal */
    size_t width;
    size_t precision; /* SIZE_MAX: none given */
    enum length length;
};

/* Longest number: 20 decimal digits of 2^64 - 1. */
enum { DIGITS_MAX = 20, POINTER_DIGITS = 16 };

static void put(struct sink *sink, char character)
{
    if (sink->length + 1 < sink->size)
        sink->buffer[sink->length] = character;
    sink->length++;
}

static void put_run(struct sink *sink, char character, size_t count)
{
    for (; count > 0; count--)
        put(sink, character);
}

static void put_text(struct sink *sink, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t padding(size_t width, size_t used)
{
    return width > used ? width - used : 0;
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL)
        text = "(null)";

    const size_t length = strnlen(text, spec->precision);
    const size_t blank = padding(spec->width, length);

    put_run(sink, ' ', spec->left ? 0 : blank);
    put_text(sink, text, length);
    put_run(sink, ' ', spec->left ? blank : 0);
}

/* `sign` is the text before the digits: "", "-" or "0x". */
static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                       const char *digits, const char *sign)
{
    char reversed[DIGITS_MAX];
    size_t count = 0;

    for (uint64_t rest = value; rest != 0 || (count == 0 && spec->precision != 0); rest /= base)
        reversed[count++] = digits[rest % base];

    const bool precise = spec->precision != SIZE_MAX;
    const size_t sign_length = strlen(sign);
    size_t zeros = precise ? padding(spec->precision, count) : 0;
    size_t blank = padding(spec->width, sign_length + zeros + count);

    if (spec->zero && !spec->left && !precise) {
        zeros = blank;
        blank = 0;
    }
    put_run(sink, ' ', spec->left ? 0 : blank);
    put_text(sink, sign, sign_length);
    put_run(sink, '0', zeros);
    while (count > 0)
        put(sink, reversed[--count]);
    put_run(sink, ' ', spec->left ? blank : 0);
}

static uint64_t narrow_unsigned(uint64_t value, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)value;
    case LENGTH_SHORT:
        return (unsigned short)value;
    case LENGTH_INT:
        return (unsigned)value;
    case LENGTH_LONG:
        break;
    }
    return value;
}

static int64_t narrow_signed(int64_t value, enum length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)value;
    case LENGTH_SHORT:
        return (short)value;
    case LENGTH_INT:
        return (int)value;
    case LENGTH_LONG:
        break;
    }
    return value;
}

static void put_signed(struct sink *sink, const struct spec *spec, int64_t value)
{
    value = narrow_signed(value, spec->length);

    const bool negative = value < 0;
    const uint64_t magnitude = negative ? -(uint64_t)value : (uint64_t)value;

    put_number(sink, spec, magnitude, 10, "0123456789", negative ? "-" : "");
}

static void put_unsigned(struct sink *sink, const struct spec *spec, uint64_t value,
                         char conversion)
{
    value = narrow_unsigned(value, spec->length);
    if (conversion == 'u')
        put_number(sink, spec, value, 10, "0123456789", "");
    else if (conversion == 'x')
        put_number(sink, spec, value, 16, "0123456789abcdef", spec->prefix ? "0x" : "");
    else
        put_number(sink, spec, value, 16, "0123456789ABCDEF", spec->prefix ? "0X" : "");
}

static void put_pointer(struct sink *sink, const void *pointer)
{
    const struct spec spec = {.precision = POINTER_DIGITS};

    put_number(sink, &spec, (uintptr_t)pointer, 16, "0123456789abcdef", "0x");
}

static const char *read_flags(const char *at, struct spec *spec)
{
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '0')
            spec->zero = true;
        else if (*at == '#')
            spec->prefix = true;
        else
            return at;
    }
}

/* Digits at `at`; numbers that no buffer could hold stop growing. */
static const char *read_number(const char *at, size_t *out)
{
    size_t number = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        number = at_most(number * 10 + (size_t)(*at - '0'), INT_MAX);
    *out = number;
    return at;
}

static const char *read_length(const char *at, struct spec *spec)
{
    spec->length = LENGTH_INT;
    if (*at == 'h') {
        const bool twice = at[1] == 'h';

        spec->length = twice ? LENGTH_CHAR : LENGTH_SHORT;
        return at + (twice ? 2 : 1);
    }
    if (*at == 'l' || *at == 'z' || *at == 'j' || *at == 't') {
        spec->length = LENGTH_LONG;
        return at + (at[0] == 'l' && at[1] == 'l' ? 2 : 1);
    }
    return at;
}

/* long, long long, size_t and intmax_t are fetched as one type. */
_Static_assert(sizeof(long) == 8 && sizeof(long long) == 8 && sizeof(size_t) == 8
                   && sizeof(intmax_t) == 8 && sizeof(ptrdiff_t) == 8,
               "LENGTH_LONG stands for all 64-bit types");

/* What a va_list is cannot be passed on by pointer everywhere; inside a struct it can. */
struct arguments {
    va_list list;
};

static void read_width_argument(struct arguments *arguments, struct spec *spec)
{
    const int width = va_arg(arguments->list, int);

    spec->left = spec->left || width < 0;
    spec->width = width < 0 ? (size_t) - (int64_t)width : (size_t)width;
}

static const char *read_spec(const char *at, struct arguments *arguments, struct spec *spec)
{
    at = read_flags(at, spec);
    if (*at == '*') {
        read_width_argument(arguments, spec);
        at++;
    } else {
        at = read_number(at, &spec->width);
    }

    spec->precision = SIZE_MAX;
    if (at[0] == '.' && at[1] == '*') {
        const int precision = va_arg(arguments->list, int);

        spec->precision = precision < 0 ? SIZE_MAX : (size_t)precision;
        at += 2;
    } else if (at[0] == '.') {
        at = read_number(at + 1, &spec->precision);
    }
    return read_length(at, spec);
}

/* Write one conversion whose '%' is at `start` - 1; returns where the format goes on. */
static const char *put_conversion(struct sink *sink, const char *start, struct arguments *arguments)
{
    struct spec spec = {0};
    const char *at = read_spec(start, arguments, &spec);
    char character[2] = {0};

    switch (*at) {
    case 'd':
    case 'i':
        put_signed(sink, &spec,
                   spec.length == LENGTH_LONG ? va_arg(arguments->list, int64_t)
                                              : va_arg(arguments->list, int));
        break;
    case 'u':
    case 'x':
    case 'X':
        put_unsigned(sink, &spec,
                     spec.length == LENGTH_LONG ? va_arg(arguments->list, uint64_t)
                                                : va_arg(arguments->list, unsigned),
                     *at);
        break;
    case 'p':
        put_pointer(sink, va_arg(arguments->list, const void *));
        break;
    case 's':
        put_string(sink, &spec, va_arg(arguments->list, const char *));
        break;
    case 'c':
        character[0] = (char)va_arg(arguments->list, int);
        spec.precision = 1;
        put_string(sink, &spec, character);
        break;
    case '%':
        put(sink, '%');
        break;
    default:
        put(sink, '%');
        put_text(sink, start, (size_t)(at - start));
        return at;
    }
    return at + 1;
}

size_t format_text_list(char *buffer, size_t size, const char *format, va_list list)
{
    struct sink sink = {.buffer = buffer, .size = size};
    struct arguments arguments;

    va_copy(arguments.list, list);
    while (*format != '\0') {
        if (*format == '%')
            format = put_conversion(&sink, format + 1, &arguments);
        else
            put(&sink, *format++);
    }
    va_end(arguments.list);

    if (size > 0)
        buffer[at_most(sink.length, size - 1)] = '\0';
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

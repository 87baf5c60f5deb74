/*
 * Formatting: numbers and strings into a bounded buffer, printf's way.
 *
 * Conversions: %s %u %x %%, with the lengths l, ll and z.
 * Sizes: %u and %x may have a width with `0`, up to 20; %s a precision.
 * A NULL string prints as (null).  Floating point does not exist in the kernel.
 * An unknown conversion is copied as it stands: a wrong format never reads an
 * argument of a type it cannot know.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Write the text into `buffer`, cut to `size` - 1 characters and always terminated
 * (unless `size` is 0, when nothing is written).
 * Returns the length that the whole text has, even if it was cut.
 */
__attribute__((format(printf, 3, 0))) size_t format_text_list(char *buffer, size_t size,
                                                              const char *format, va_list list);

__attribute__((format(printf, 3, 4))) size_t format_text(char *buffer, size_t size,
                                                         const char *format, ...);

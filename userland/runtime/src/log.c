/*
 * Lines for the kernel's log.
 */
#include "rt/log.h"

#include <stdio.h>

#include "rt/app.h"
#include "rt/syscall.h"

void log_line_list(const char *format, va_list arguments)
{
    char line[LOG_LINE_BYTES];
    int length = vsnprintf(line, sizeof line, format, arguments);

    if (length < 0)
        return;
    if ((size_t)length > sizeof line - 1)
        length = (int)sizeof line - 1;
    (void)log_write(line, (size_t)length);
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list(format, arguments);
    va_end(arguments);
}

void log_die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list(format, arguments);
    va_end(arguments);
    app_exit(1);
}

void log_crash(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_line_list(format, arguments);
    va_end(arguments);
    __builtin_trap();
}

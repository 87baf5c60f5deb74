/*
 * <sys/ioctl.h> for linenoise, which asks for the width of the terminal.  A serial line cannot
 * tell; linenoise then asks the terminal itself, by escape sequence.
 */
#pragma once

enum { TIOCGWINSZ = 1 };

struct winsize {
    unsigned short ws_row;
    unsigned short ws_col;
};

static inline int ioctl(int file, int request, struct winsize *size)
{
    (void)file;
    (void)request;
    (void)size;
    return -1;
}

/*
 * <sys/ioctl.h> for linenoise, which asks for the width of the terminal.  A serial line cannot
 * tell, and asking the terminal by escape sequence would print rubbish on a dumb one and wait for
 * its answer for ever; so it is 80 columns wide.
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
    *size = (struct winsize){24, 80};
    return 0;
}

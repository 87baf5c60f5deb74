/*
 * <termios.h> for linenoise: the names it uses, with no terminal driver behind them.
 *
 * The console service delivers single bytes without echo at all times, which is what linenoise asks
 * for when it asks for raw mode; so getting and setting attributes succeeds and does nothing.
 */
#pragma once

enum { TCSAFLUSH = 2 };
enum { BRKINT = 1, ICRNL = 2, INPCK = 4, ISTRIP = 8, IXON = 16 };
enum { OPOST = 1 };
enum { CS8 = 1 };
enum { ECHO = 1, ICANON = 2, IEXTEN = 4, ISIG = 8 };
enum { VMIN = 0, VTIME = 1, NCCS = 2 };

struct termios {
    unsigned c_iflag;
    unsigned c_oflag;
    unsigned c_cflag;
    unsigned c_lflag;
    unsigned char c_cc[NCCS];
};

static inline int tcgetattr(int file, struct termios *attributes)
{
    (void)file;
    *attributes = (struct termios){0};
    return 0;
}

static inline int tcsetattr(int file, int when, const struct termios *attributes)
{
    (void)file;
    (void)when;
    (void)attributes;
    return 0;
}

/*
 * How the console treats what is typed, as its foreground client chooses.
 */
#pragma once

enum tty_mode {
    TTY_RAW = 0,              /* bytes as they are typed */
    TTY_LINES = 1U << 0,      /* the console echoes and edits; input comes by whole lines */
    TTY_SIGNAL_KEY = 1U << 1, /* Ctrl-C drops the input so far and signals, instead of byte 3 */
    TTY_HIDE_LOG = 1U << 2,   /* the kernel log waits (a full-screen program is at work) */
    TTY_MODES_ALL = (1U << 3) - 1U,
};

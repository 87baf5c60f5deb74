/*
 * `uart:Port`: a serial line, as bytes in ring messages both ways.
 *
 * Flow control is that of the rings: a client that doesn't take what was received
 * stops the driver's reading, the receive FIFO fills, and the chip stops the other
 * end (RTS, where it is wired).  Nothing is dropped on purpose; what the chip itself
 * had to drop is reported where it happened.
 *
 * One client: a new connection ends the one before.
 */
#pragma once

#include "rt/ring.h"

#define UART_SERVICE "uart:Port"

enum {
    UART_BYTES = RING_MESSAGE_BYTES - 2,
    UART_RING_MESSAGES = 2048, /* each way: room for 2 KiB typed singly, 60 KiB pasted */
};

enum uart_kind {
    UART_DATA = 1,    /* either way: `count` bytes, in the order of the line */
    UART_OVERRUN = 2, /* driver to client: here at least one byte was lost by the chip */
    UART_BREAK = 3,   /* driver to client: the line was held low */
};

struct uart_message {
    uint8_t kind;  /* enum uart_kind */
    uint8_t count; /* 1..UART_BYTES of UART_DATA */
    uint8_t bytes[UART_BYTES];
};
_Static_assert(sizeof(struct uart_message) == sizeof(struct ring_message), "one ring slot");

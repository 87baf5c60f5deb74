/*
 * `net:Link`: what a network driver and the stack above it say to each other.
 *
 * Frames never move.  The stack owns two contiguous segments, one that it sends
 * from and one that it receives into, and gives the driver handles with DMA; the
 * two then tell each other by ring messages which parts of them are whose turn.
 * Both sides check every number: neither trusts the other, and the driver doesn't
 * trust its device either.
 *
 * Order: connect("net:Link"), connection_open (rings of struct link_message both
 * ways), LINK_OP_INFO, LINK_OP_POOLS; then post receive buffers and send.
 * One client: a new connection ends the one before, and its pools are let go of.
 */
#pragma once

#include "abi/types.h"

#define LINK_SERVICE "net:Link"

/*
 * Portal words.  In: x0 operation, x1.. arguments.  Out: x0 enum status, x1.. results.
 */
enum link_operation {
    /* () -> x1 MAC address, first byte lowest; x2 MTU in bytes, without the Ethernet header;
     * x3 set of enum link_feature; x4 frames that may always be in flight to send; x5 receive
     * buffers that may be posted at a time, more is an error; x6 1 if the link is up. */
    LINK_OP_INFO = 0x20,

    /* (x1 bytes of a receive buffer, x2 number of receive buffers), handles: transmit pool (READ
     * and DMA), receive pool (READ and DMA), both contiguous.  Receive buffer n is at n * bytes
     * in the receive pool.  Bytes: a multiple of 64, enough for header and MTU,
     * LINK_BUFFER_BYTES_MIN..LINK_BUFFER_BYTES_MAX.
     * The pools stay with the driver until the connection ends.
     * Errors: BAD_ARGUMENT (sizes), NO_RIGHT, NOT_SUPPORTED (not contiguous), BAD_STATE (again) */
    LINK_OP_POOLS = 0x21,

    /* () -> x1 frames sent, x2 frames received, x3 frames dropped (no buffer posted, or refused),
     * x4 interrupts taken, x5 notifications to the device, x6 device resets */
    LINK_OP_COUNTERS = 0x22,
};

enum link_feature {
    LINK_CHECKSUM_TX = 1U << 0, /* LINK_TX_CHECKSUM is honoured */
    LINK_CHECKSUM_RX = 1U << 1, /* received frames may carry LINK_RX_CHECKED */
};

enum {
    LINK_HEADER_BYTES = 14, /* Ethernet header; frames carry no check sequence */
    LINK_BUFFER_BYTES_MIN = 1536,
    LINK_BUFFER_BYTES_MAX = 65472,
    LINK_TX_PIECES = 3,    /* a frame is gathered from at most so many pieces */
    LINK_BATCH = 14,       /* numbers that fit one message */
    LINK_RING_SLOTS = 256, /* what the stack should ask for in connection_open */
};

enum link_kind {
    /* stack -> driver */
    LINK_TX = 1, /* send a frame */
    LINK_RX = 2, /* receive into these buffers; of none: look what has left */
    /* driver -> stack */
    LINK_TX_DONE = 3,   /* these frames have left; their pieces are the stack's again */
    LINK_RX_FILLED = 4, /* a frame has arrived; its buffer is the stack's again */
    LINK_STATE = 5,     /* the link went up or down */
};

enum link_flag {
    /* LINK_TX: fill in the Internet checksum at start + offset, over [start, end of frame);
     * the field holds the pseudo-header's sum */
    LINK_TX_CHECKSUM = 1U << 0,
    /* LINK_TX: report this frame, and those before it, as soon as it has left.  Without the flag
     * the driver may wait until it has something else to do, which saves an interrupt: set it
     * when buffers run low. */
    LINK_TX_REPORT = 1U << 1,
    /* LINK_RX_FILLED: the device vouches for the TCP or UDP checksum (or the frame never was on
     * a wire): don't verify it */
    LINK_RX_CHECKED = 1U << 2,
};

struct link_tx {
    uint16_t cookie; /* comes back in LINK_TX_DONE; the stack's own affair */
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint16_t length[LINK_TX_PIECES];
    uint32_t offset[LINK_TX_PIECES]; /* in the transmit pool */
};

struct link_batch {
    uint16_t number[LINK_BATCH]; /* LINK_RX: receive buffers; LINK_TX_DONE: cookies */
};

struct link_filled {
    uint16_t buffer;
    uint16_t length; /* of the frame, which starts at the buffer's first byte */
};

struct link_state {
    uint16_t is_up;
};

/* One ring message, either way. */
struct link_message {
    uint8_t kind;  /* enum link_kind */
    uint8_t flags; /* set of enum link_flag */
    uint8_t count; /* LINK_TX: pieces, 1..LINK_TX_PIECES; LINK_RX, LINK_TX_DONE: numbers */
    uint8_t reserved;
    union {
        struct link_tx tx;
        struct link_batch batch;
        struct link_filled filled;
        struct link_state state;
    };
};
_Static_assert(sizeof(struct link_message) == 32, "one ring slot");

/*
 * Where the transport header lies in an Ethernet frame.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lwip/pbuf.h"

enum { FRAME_PROTOCOL_TCP = 6, FRAME_PROTOCOL_UDP = 17 };

struct frame_transport {
    uint8_t protocol;
    uint16_t start;           /* of its header in the frame */
    const uint8_t *addresses; /* source and destination, in the frame */
    uint16_t addresses_bytes;
};

/* False: no IP, a fragment, headers that don't fit the frame's first buffer, or IPv6 with extension
 * headers.  What a received frame says isn't checked any further. */
bool frame_find_transport(const struct pbuf *frame, struct frame_transport *out);

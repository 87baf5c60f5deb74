/*
 * Transmit queue: frames that are with the driver.
 *
 * A frame is named by a cookie until the driver says that it has left; so long the stack keeps its
 * bytes, and lwIP, seeing another reference, doesn't touch them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/pbuf.h"
#include "net/link.h"

enum { TRANSMIT_FRAMES_MAX = 256 };

/* Nothing is under way; at most `limit` frames will be at a time. */
void transmit_queue_init(size_t limit);

/* Fill in what the driver is told about `frame`, and keep a reference to it.
 * False: too many are under way, or no memory for a frame in too many pieces. */
bool transmit_queue_add(struct pbuf *frame, struct link_message *out);

/* The message could not be sent after all, or the frame has left.  False: no such frame. */
bool transmit_queue_remove(uint16_t cookie);

/* The driver is gone. */
void transmit_queue_clear(void);

size_t transmit_queue_length(void);

/* Places that are left, in eighths of all. */
size_t transmit_queue_eighths_left(void);

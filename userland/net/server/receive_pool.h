/*
 * Receive pool: the buffers that the device writes frames into.
 *
 * A buffer is with the driver (posted), with the stack (its frame is being looked at, or waits for
 * a client), or idle on its way back.  The stack sees a buffer as one lwIP packet buffer around
 * the frame in place; freeing that makes it idle.  Only the buffers' bytes are in memory that the
 * device writes: what is known about them is kept here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/pbuf.h"

enum {
    RECEIVE_BUFFER_BYTES = 1536,
    RECEIVE_BUFFER_COUNT = 512,
    RECEIVE_POOL_BYTES = RECEIVE_BUFFER_BYTES * RECEIVE_BUFFER_COUNT,
};

/* `base`: RECEIVE_POOL_BYTES.  All buffers are idle. */
void receive_pool_init(uint8_t *base);

/* Take an idle buffer to post it; false: none is idle. */
bool receive_pool_post(uint16_t *buffer);

/* The driver says a frame of `length` bytes is in `buffer`.  NULL: it says nonsense. */
struct pbuf *receive_pool_filled(uint16_t buffer, uint16_t length);

/* The driver is gone: what was posted is idle. */
void receive_pool_recall(void);

size_t receive_pool_idle(void);
size_t receive_pool_posted(void);

/* With the stack or its clients' sockets. */
size_t receive_pool_held(void);

/* How much that is: a quarter of all, three quarters, nearly all. */
enum receive_pressure { PRESSURE_NONE, PRESSURE_SOME, PRESSURE_HIGH, PRESSURE_FULL };
enum receive_pressure receive_pool_pressure(void);

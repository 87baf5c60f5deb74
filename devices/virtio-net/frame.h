/*
 * A frame to send, as the client describes it: checked, then turned into pieces for the device.
 *
 * Pure logic; what the client says is not trusted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/link.h"
#include "virtio/queue.h"

/* What a frame must fit. */
struct frame_limits {
    uint64_t pool_bytes;
    uint32_t mtu;
    bool has_checksum_offload;
};

/* The frame's length in bytes; 0 if the message is not valid: no pieces or too many, one that is
 * empty or lies outside the pool, a frame too short or too long, or a checksum outside of it. */
uint32_t frame_length(const struct link_message *m, const struct frame_limits *limits);

/* The m->count pieces of a valid frame, in a pool that starts at `physical`. */
void frame_gather(const struct link_message *m, uint64_t physical, struct virtqueue_piece *pieces);

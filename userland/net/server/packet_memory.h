/*
 * Packet memory: the transmit pool, cut into blocks.
 *
 * lwIP's heap is here, so every packet is built where the device can fetch it, and sending copies
 * nothing.  Blocks have three sizes: for headers and acknowledgements, for a full frame, and a few
 * for big echo replies.  Both calls are constant time.  The driver can read this memory but
 * not write it, so lwIP's own records in front of each packet are safe here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_SMALL_BYTES = 256,
    PACKET_SMALL_COUNT = 2048,
    PACKET_FRAME_BYTES = 1600,
    PACKET_FRAME_COUNT = 2048,
    PACKET_BIG_BYTES = 16384,
    PACKET_BIG_COUNT = 8,
    PACKET_FRAME_RESERVE = 256, /* frames that bulk data must leave for everything else */
    PACKET_DATA_FRAMES = PACKET_FRAME_COUNT - PACKET_FRAME_RESERVE,
    PACKET_SHARE_SHORT = 8,  /* frames of a connection while less than half are left, */
    PACKET_SHARE_SCARCE = 2, /* and a quarter: enough for its peer to answer at once */
    PACKET_MEMORY_BYTES = PACKET_SMALL_BYTES * PACKET_SMALL_COUNT
                          + PACKET_FRAME_BYTES * PACKET_FRAME_COUNT
                          + PACKET_BIG_BYTES * PACKET_BIG_COUNT,
};

/* `base`: PACKET_MEMORY_BYTES, 64-byte aligned, zero. */
void packet_memory_init(void *base);

/* lwIP's heap.  NULL: none left. */
void *packet_memory_allocate(size_t bytes);
void *packet_memory_allocate_zeroed(size_t count, size_t bytes);
void packet_memory_free(void *block);

/* Whether [data, data + length) lies in packet memory; then *offset says where. */
bool packet_memory_find(const void *data, size_t length, uint32_t *offset);

/* How many frames bulk data may still take. */
size_t packet_memory_frames_for_data(void);

/* How many of them one connection may hold.  The fewer there are the fewer it may: a peer that
 * reads nothing holds its own for as long as it likes. */
size_t packet_memory_share(void);

/* Less than half of them are left. */
bool packet_memory_is_short(void);

struct packet_memory_usage {
    uint64_t used_bytes; /* in blocks that are taken */
    uint64_t limit_bytes;
    uint64_t refusals;
};
void packet_memory_usage(struct packet_memory_usage *out);

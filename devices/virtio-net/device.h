/*
 * A virtio network device and the one client that uses it.
 *
 * Source: VIRTIO 1.2, "5.1 Network Device".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/link.h"
#include "rt/connection.h"
#include "virtio/device.h"

enum {
    QUEUE_RECEIVE = 0,
    QUEUE_TRANSMIT = 1,
    QUEUE_DESCRIPTORS = 256, /* of each queue, if the device allows */

    CONFIG_MAC = 0,
    CONFIG_STATUS = 6,
    CONFIG_MTU = 10,
    CONFIG_STATUS_LINK_UP = 1,
};

#define NET_F_CSUM       (UINT64_C(1) << 0)
#define NET_F_GUEST_CSUM (UINT64_C(1) << 1)
#define NET_F_MTU        (UINT64_C(1) << 3)
#define NET_F_MAC        (UINT64_C(1) << 5)
#define NET_F_STATUS     (UINT64_C(1) << 16)

/* In front of each frame, in memory of the driver's own: 5.1.6. */
struct net_header {
    uint8_t flags; /* set of enum net_header_flag */
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
    uint16_t num_buffers;
};

enum net_header_flag {
    NET_HEADER_NEEDS_CSUM = 1,
    NET_HEADER_DATA_VALID = 2,
};

enum {
    NET_HEADER_BYTES = 12,
    NET_HEADER_STRIDE = 16,
};
_Static_assert(sizeof(struct net_header) == NET_HEADER_BYTES, "VIRTIO 1.2, 5.1.6");

/* One of the client's two pools.  The driver never looks into it: it hands on addresses. */
struct net_pool {
    handle_t segment; /* 0: none */
    uint64_t physical;
    uint64_t length_bytes;
};

/* A direction: its queue, and a header for each descriptor that may be a head. */
struct net_queue {
    struct virtqueue queue;
    struct virtqueue_slot slots[QUEUE_DESCRIPTORS];
    uint8_t *headers;
    uint64_t headers_physical;
    uint16_t tag[QUEUE_DESCRIPTORS]; /* by head: cookie (transmit), buffer number (receive) */
};

struct net_counters {
    uint64_t frames_sent;
    uint64_t frames_received;
    uint64_t frames_dropped;
    uint64_t interrupts;
    uint64_t notifications;
    uint64_t resets;
    uint64_t expelled; /* clients that broke the protocol */
};

struct net_device {
    struct virtio_device virtio;
    struct virtio_memory memory;
    struct net_queue receive, transmit;
    uint64_t mac; /* first byte lowest */
    uint32_t mtu;
    bool is_up;
    struct net_counters counters;

    struct connection *client; /* NULL: nobody */
    struct net_pool transmit_pool, receive_pool;
    uint32_t buffer_bytes, buffer_count; /* of the receive pool */
    uint8_t *is_posted;                  /* by buffer number: the device has it */
    struct link_message filled;          /* the report of a frame, not yet sent; kind 0: none */
    struct link_message done;            /* cookies gathered, not yet sent */
    bool is_report_wanted;               /* some frame in flight carries LINK_TX_REPORT */
};

/*
 * Reset the device, agree on features, set its queues up and start it; again whenever the client
 * is gone.  Errors: those of virtio_open() and virtio_queue_open().
 */
CHECK_RESULT enum status net_device_start(struct net_device *device, volatile void *registers);

/* Read the link's state; true if it has changed. */
bool net_device_link_check(struct net_device *device);

/* The device broke the rules: take all memory back and end the driver. */
_Noreturn void net_device_fail(struct net_device *device, const char *what);

/* Make queue `index` show its news, and notify the device if it wants to hear of them. */
void net_queue_publish(struct net_device *device, struct net_queue *queue, uint16_t index);

static inline struct net_header *net_queue_header(struct net_queue *queue, uint16_t head)
{
    return (struct net_header *)(void *)(queue->headers + (size_t)head * NET_HEADER_STRIDE);
}

static inline struct virtqueue_piece net_queue_header_piece(struct net_queue *queue, uint16_t head,
                                                            bool is_writable)
{
    return (struct virtqueue_piece){.physical = queue->headers_physical
                                                + (uint64_t)head * NET_HEADER_STRIDE,
                                    .length = NET_HEADER_BYTES,
                                    .is_writable = is_writable};
}

/*
 * Receiving; see receive.h.
 *
 * A buffer goes to the device behind a header that lies in the driver's own memory:
 * the frame starts at the buffer's first byte, and the client can't touch the header.
 */
#include "receive.h"

#include <string.h>

enum { CHAIN = 2 };

static bool buffer_post(struct net_device *device, uint16_t number)
{
    struct net_queue *queue = &device->receive;

    if (number >= device->buffer_count || device->is_posted[number])
        return false;

    uint16_t head = virtqueue_next_head(&queue->queue);
    struct virtqueue_piece pieces[CHAIN] = {
        net_queue_header_piece(queue, head, true),
        {.physical = device->receive_pool.physical + (uint64_t)number * device->buffer_bytes,
         .length = device->buffer_bytes,
         .is_writable = true}};
    if (virtqueue_add(&queue->queue, pieces, CHAIN, &head) != STATUS_OK)
        return false;
    queue->tag[head] = number;
    device->is_posted[number] = 1;
    return true;
}

enum status receive_post(struct net_device *device, const struct link_message *m)
{
    if (m->count > LINK_BATCH)
        return STATUS_BAD_DATA;
    for (unsigned i = 0; i < m->count; i++)
        if (!buffer_post(device, m->batch.number[i]))
            return STATUS_BAD_DATA;
    return STATUS_OK;
}

/* A frame has arrived: prepare its report, or lend its buffer again if it is none. */
static void frame_arrived(struct net_device *device, uint16_t head, uint32_t written)
{
    uint16_t number = device->receive.tag[head];
    uint8_t vouched = net_queue_header(&device->receive, head)->flags
                      & (NET_HEADER_DATA_VALID | NET_HEADER_NEEDS_CSUM);

    device->is_posted[number] = 0;
    if (written < NET_HEADER_BYTES + LINK_HEADER_BYTES) {
        bool is_posted = buffer_post(device, number);

        (void)is_posted; /* it was a moment ago, so there is room */
        device->counters.frames_dropped++;
        return;
    }
    device->counters.frames_received++;
    device->filled = (struct link_message){
        .kind = LINK_RX_FILLED,
        .flags = vouched != 0 ? LINK_RX_CHECKED : 0,
        .filled = {.buffer = number, .length = (uint16_t)(written - NET_HEADER_BYTES)}};
}

/* Send the report of the last frame.  False: the ring is full, it waits. */
static bool filled_send(struct net_device *device)
{
    struct ring_message message;

    if (device->filled.kind == 0)
        return true;
    memcpy(&message, &device->filled, sizeof message);
    if (!connection_send(device->client, &message))
        return false;
    device->filled.kind = 0;
    return true;
}

void receive_collect(struct net_device *device)
{
    struct virtqueue *queue = &device->receive.queue;
    uint16_t head;
    uint32_t written;

    while (filled_send(device)) {
        enum status s = virtqueue_take(queue, &head, &written);

        if (s == STATUS_OK)
            frame_arrived(device, head, written);
        else if (s != STATUS_WOULD_BLOCK)
            net_device_fail(device, "breaks the rules of its receive queue");
        else if (virtqueue_arm(queue, 0))
            return;
    }
}

void receive_publish(struct net_device *device)
{
    net_queue_publish(device, &device->receive, QUEUE_RECEIVE);
}

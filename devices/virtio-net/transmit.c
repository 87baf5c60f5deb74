/*
 * Sending; see transmit.h.
 */
#include "transmit.h"

#include <string.h>

enum { CHAIN_MAX = 1 + LINK_TX_PIECES, CHECKSUM_BYTES = 2 };

bool transmit_has_room(const struct net_device *device)
{
    return device->transmit.queue.free_count >= CHAIN_MAX;
}

/* The pieces of a frame as the device finds them, behind the header's.  0: they are not valid. */
static uint32_t pieces_make(const struct net_pool *pool, const struct link_message *m,
                            struct virtqueue_piece *pieces)
{
    uint32_t total = 0;

    if (m->count == 0 || m->count > LINK_TX_PIECES)
        return 0;
    for (unsigned i = 0; i < m->count; i++) {
        uint64_t offset = m->tx.offset[i];
        uint32_t length = m->tx.length[i];

        if (length == 0 || offset > pool->length_bytes || length > pool->length_bytes - offset)
            return 0;
        pieces[i] = (struct virtqueue_piece){.physical = pool->physical + offset, .length = length};
        total += length;
    }
    return total;
}

static bool checksum_is_valid(const struct net_device *device, const struct link_message *m,
                              uint32_t length)
{
    uint32_t end = (uint32_t)m->tx.checksum_start + m->tx.checksum_offset + CHECKSUM_BYTES;

    return (device->virtio.features & NET_F_CSUM) != 0 && end <= length;
}

enum status transmit_frame(struct net_device *device, const struct link_message *m)
{
    struct net_queue *queue = &device->transmit;
    struct virtqueue_piece pieces[CHAIN_MAX];
    bool has_checksum = (m->flags & LINK_TX_CHECKSUM) != 0;
    uint32_t length = pieces_make(&device->transmit_pool, m, pieces + 1);

    if (length < LINK_HEADER_BYTES || length > LINK_HEADER_BYTES + device->mtu)
        return STATUS_BAD_DATA;
    if (has_checksum && !checksum_is_valid(device, m, length))
        return STATUS_BAD_DATA;

    uint16_t head = virtqueue_next_head(&queue->queue);
    struct net_header header = {.flags = 0};
    if (has_checksum)
        header = (struct net_header){.flags = NET_HEADER_NEEDS_CSUM,
                                     .csum_start = m->tx.checksum_start,
                                     .csum_offset = m->tx.checksum_offset};
    pieces[0] = net_queue_header_piece(queue, head, false);
    enum status s = virtqueue_add(&queue->queue, pieces, (uint16_t)(1 + m->count), &head);
    if (s != STATUS_OK)
        return s;
    *net_queue_header(queue, head) = header;
    queue->tag[head] = m->tx.cookie;
    device->is_report_wanted |= (m->flags & LINK_TX_REPORT) != 0;
    device->counters.frames_sent++;
    return STATUS_OK;
}

/* Send the cookies gathered so far.  False: the ring is full, they wait. */
static bool done_send(struct net_device *device)
{
    struct ring_message message;

    if (device->done.count == 0)
        return true;
    memcpy(&message, &device->done, sizeof message);
    if (!connection_send(device->client, &message))
        return false;
    device->done.count = 0;
    return true;
}

static void collect_all(struct net_device *device)
{
    struct net_queue *queue = &device->transmit;
    enum status s;
    uint16_t head;
    uint32_t written;

    while (device->done.count < LINK_BATCH || done_send(device)) {
        s = virtqueue_take(&queue->queue, &head, &written);
        if (s == STATUS_WOULD_BLOCK)
            break;
        if (s != STATUS_OK)
            net_device_fail(device, "breaks the rules of its transmit queue");
        device->done.kind = LINK_TX_DONE;
        device->done.batch.number[device->done.count++] = queue->tag[head];
    }
    (void)done_send(device);
    if (queue->queue.in_flight == 0)
        device->is_report_wanted = false;
}

/* After how many more frames an interrupt is wanted.  False: none. */
static bool patience_choose(const struct net_device *device, uint16_t *after)
{
    const struct virtqueue *queue = &device->transmit.queue;

    if (queue->in_flight == 0)
        return false;
    if (device->is_report_wanted) {
        *after = (uint16_t)(queue->in_flight - 1);
        return true;
    }
    /* The queue fills up: half of it is to be free again. */
    *after = queue->in_flight / 2;
    return queue->free_count < queue->size / 4;
}

void transmit_collect(struct net_device *device)
{
    struct virtqueue *queue = &device->transmit.queue;
    uint16_t after;

    collect_all(device);
    virtqueue_disarm(queue);
    while (device->done.count < LINK_BATCH && patience_choose(device, &after)) {
        if (virtqueue_arm(queue, after))
            return;
        collect_all(device);
    }
}

void transmit_publish(struct net_device *device)
{
    net_queue_publish(device, &device->transmit, QUEUE_TRANSMIT);
}

/*
 * Sending; see transmit.h.
 */
#include "transmit.h"

#include <string.h>

#include "frame.h"

enum { CHAIN_MAX = 1 + LINK_TX_PIECES };

bool transmit_has_room(const struct net_device *device)
{
    return device->transmit.queue.free_count >= CHAIN_MAX;
}

enum status transmit_frame(struct net_device *device, const struct link_message *m)
{
    struct net_queue *queue = &device->transmit;
    struct virtqueue_piece pieces[CHAIN_MAX];
    const struct frame_limits limits = {.pool_bytes = device->transmit_pool.length_bytes,
                                        .mtu = device->mtu,
                                        .has_checksum_offload =
                                            (device->virtio.features & NET_F_CSUM) != 0};

    if (frame_length(m, &limits) == 0)
        return STATUS_BAD_DATA;
    frame_gather(m, device->transmit_pool.physical, pieces + 1);

    uint16_t head = virtqueue_next_head(&queue->queue);
    struct net_header header = {.flags = 0};
    if ((m->flags & LINK_TX_CHECKSUM) != 0)
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
    return queue->free_count < queue->size / 4 || queue->free_count < CHAIN_MAX;
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

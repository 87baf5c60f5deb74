/*
 * Starting a virtio network device.
 *
 * Mergeable receive buffers and segmentation offload are not asked for: with frames of
 * at most the MTU a buffer holds any frame, so merging would only add a header to parse.
 */
#include "device.h"

#include "rt/log.h"
#include "rt/startup.h"

enum {
    MTU_DEFAULT = 1500,
    MTU_MIN = 68,
    MTU_MAX = LINK_BUFFER_BYTES_MAX - LINK_HEADER_BYTES,
    MAC_BYTES = 6,
    MAC_LOCAL = 0x02, /* in the first byte: not a manufacturer's */
    MAC_GROUP = 0x01,
};

#define FEATURES_WANTED (NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MTU | NET_F_MAC | NET_F_STATUS)

/* Both queues with their headers, each part rounded up to a cache line. */
static size_t shared_bytes(void)
{
    return 2 * (virtqueue_bytes(QUEUE_DESCRIPTORS) + QUEUE_DESCRIPTORS * NET_HEADER_STRIDE + 128);
}

static enum status queue_start(struct net_device *device, uint16_t index, struct net_queue *queue)
{
    enum status s = virtio_queue_open(&device->virtio, index, QUEUE_DESCRIPTORS, &device->memory,
                                      queue->slots, &queue->queue);
    if (s != STATUS_OK)
        return s;
    queue->headers = virtio_memory_take(
        &device->memory, (size_t)queue->queue.size * NET_HEADER_STRIDE, &queue->headers_physical);
    return queue->headers != NULL ? STATUS_OK : STATUS_OUT_OF_MEMORY;
}

static void address_read(struct net_device *device)
{
    uint64_t mac = 0;

    if ((device->virtio.features & NET_F_MAC) == 0) {
        mac = startup_get()->random[0] & 0xffffffffffff;
        device->mac = (mac & ~(uint64_t)MAC_GROUP) | MAC_LOCAL;
        return;
    }
    for (unsigned i = 0; i < MAC_BYTES; i++)
        mac |= (uint64_t)virtio_config_byte(&device->virtio, CONFIG_MAC + i) << (8 * i);
    device->mac = mac;
}

static void mtu_read(struct net_device *device)
{
    device->mtu = MTU_DEFAULT;
    if ((device->virtio.features & NET_F_MTU) == 0)
        return;
    uint32_t mtu = virtio_config_half(&device->virtio, CONFIG_MTU);
    if (mtu >= MTU_MIN && mtu <= MTU_MAX)
        device->mtu = mtu;
}

bool net_device_link_check(struct net_device *device)
{
    bool is_up = true;

    if ((device->virtio.features & NET_F_STATUS) != 0)
        is_up = (virtio_config_half(&device->virtio, CONFIG_STATUS) & CONFIG_STATUS_LINK_UP) != 0;
    bool has_changed = is_up != device->is_up;
    device->is_up = is_up;
    return has_changed;
}

enum status net_device_start(struct net_device *device, volatile void *registers)
{
    enum status s = virtio_open(&device->virtio, registers, VIRTIO_NET, FEATURES_WANTED);

    if (s == STATUS_OK && device->memory.bytes == 0)
        s = virtio_memory_create(shared_bytes(), &device->memory);
    if (s != STATUS_OK)
        return s;
    virtio_memory_clear(&device->memory);
    s = queue_start(device, QUEUE_RECEIVE, &device->receive);
    if (s == STATUS_OK)
        s = queue_start(device, QUEUE_TRANSMIT, &device->transmit);
    if (s != STATUS_OK)
        return s;
    address_read(device);
    mtu_read(device);
    virtio_start(&device->virtio);
    (void)net_device_link_check(device);
    return STATUS_OK;
}

_Noreturn void net_device_fail(struct net_device *device, const char *what)
{
    virtio_reset(&device->virtio);
    log_die("the device %s", what);
}

void net_queue_publish(struct net_device *device, struct net_queue *queue, uint16_t index)
{
    if (!virtqueue_publish(&queue->queue))
        return;
    device->counters.notifications++;
    virtio_notify(&device->virtio, index);
}

/*
 * virtio-mmio, version 2: the order of the steps is the specification's.
 *
 * Nothing here waits for the device without a bound: one that never finishes its
 * reset is reported, not waited for.
 */
#include "virtio/device.h"

#include "rt/log.h"

enum {
    MAGIC = 0x74726976, /* "virt", little-endian */
    VERSION_LEGACY = 1,
    VERSION_MODERN = 2,
    RESET_POLLS_MAX = 1000000,
};

/* Status */
enum {
    DEVICE_ACKNOWLEDGE = 1,
    DEVICE_DRIVER = 2,
    DEVICE_DRIVER_OK = 4,
    DEVICE_FEATURES_OK = 8,
    DEVICE_FAILED = 128,
};

static uint64_t features_offered(struct virtio_device *device)
{
    volatile struct virtio_registers *r = device->registers;

    r->DeviceFeaturesSel = 0;
    uint64_t features = r->DeviceFeatures;
    r->DeviceFeaturesSel = 1;
    return features | (uint64_t)r->DeviceFeatures << 32;
}

static void features_accept(struct virtio_device *device, uint64_t features)
{
    volatile struct virtio_registers *r = device->registers;

    r->DriverFeaturesSel = 0;
    r->DriverFeatures = (uint32_t)features;
    r->DriverFeaturesSel = 1;
    r->DriverFeatures = (uint32_t)(features >> 32);
    device->features = features;
}

static enum status identity_check(struct virtio_device *device, enum virtio_kind kind)
{
    volatile struct virtio_registers *r = device->registers;

    if (r->MagicValue != MAGIC || r->DeviceID != (uint32_t)kind)
        return STATUS_NOT_FOUND;

    uint32_t version = r->Version;
    if (version == VERSION_LEGACY) {
        log_line("virtio-mmio device has the legacy interface: "
                 "start QEMU with -global virtio-mmio.force-legacy=false");
        return STATUS_NOT_SUPPORTED;
    }
    if (version != VERSION_MODERN) {
        log_line("virtio-mmio device has interface version %u, this driver knows version %u",
                 version, VERSION_MODERN);
        return STATUS_NOT_SUPPORTED;
    }
    return STATUS_OK;
}

static enum status reset_and_wait(struct virtio_device *device)
{
    device->registers->Status = 0;
    for (unsigned i = 0; i < RESET_POLLS_MAX; i++)
        if (device->registers->Status == 0)
            return STATUS_OK;
    log_line("virtio device doesn't finish its reset");
    return STATUS_TIMED_OUT;
}

static enum status features_agree(struct virtio_device *device, uint64_t wanted)
{
    volatile struct virtio_registers *r = device->registers;
    uint64_t offered = features_offered(device);

    if ((offered & VIRTIO_F_VERSION_1) == 0) {
        log_line("virtio device doesn't offer VIRTIO_F_VERSION_1");
        return STATUS_NOT_SUPPORTED;
    }
    features_accept(device, offered & (wanted | VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX));
    r->Status |= DEVICE_FEATURES_OK;
    if ((r->Status & DEVICE_FEATURES_OK) == 0) {
        log_line("virtio device refuses features 0x%llx", (unsigned long long)device->features);
        return STATUS_NOT_SUPPORTED;
    }
    return STATUS_OK;
}

enum status virtio_open(struct virtio_device *device, volatile void *registers,
                        enum virtio_kind kind, uint64_t wanted)
{
    *device = (struct virtio_device){.registers = registers};

    enum status s = identity_check(device, kind);
    if (s != STATUS_OK)
        return s;
    s = reset_and_wait(device);
    if (s != STATUS_OK)
        return s;
    device->registers->Status = DEVICE_ACKNOWLEDGE;
    device->registers->Status = DEVICE_ACKNOWLEDGE | DEVICE_DRIVER;
    s = features_agree(device, wanted);
    if (s != STATUS_OK)
        device->registers->Status |= DEVICE_FAILED;
    return s;
}

enum status virtio_queue_open(struct virtio_device *device, uint16_t index, uint16_t wanted,
                              struct virtio_memory *memory, struct virtqueue_slot *slots,
                              struct virtqueue *queue)
{
    volatile struct virtio_registers *r = device->registers;

    r->QueueSel = index;
    uint16_t size = virtqueue_size(r->QueueNumMax, wanted);
    if (size == 0 || r->QueueReady != 0) {
        log_line("virtio device has no usable queue %u", index);
        return STATUS_NOT_SUPPORTED;
    }

    uint64_t physical;
    void *shared = virtio_memory_take(memory, virtqueue_bytes(size), &physical);
    if (shared == NULL)
        return STATUS_OUT_OF_MEMORY;
    virtqueue_init(queue, size, shared, slots, (device->features & VIRTIO_F_EVENT_IDX) != 0);

    uint64_t available = physical + virtqueue_available_offset(size);
    uint64_t used = physical + virtqueue_used_offset(size);
    r->QueueNum = size;
    r->QueueDescLow = (uint32_t)physical;
    r->QueueDescHigh = (uint32_t)(physical >> 32);
    r->QueueDriverLow = (uint32_t)available;
    r->QueueDriverHigh = (uint32_t)(available >> 32);
    r->QueueDeviceLow = (uint32_t)used;
    r->QueueDeviceHigh = (uint32_t)(used >> 32);
    /* The zeroed rings must be in memory before the device looks at them. */
    __asm__ volatile("dmb oshst" ::: "memory");
    r->QueueReady = 1;
    return STATUS_OK;
}

void virtio_start(struct virtio_device *device)
{
    device->registers->Status |= DEVICE_DRIVER_OK;
}

void virtio_reset(struct virtio_device *device)
{
    enum status s = reset_and_wait(device);

    (void)s; /* said in the log; virtio_open() will refuse the device */
}

/*
 * A virtio device behind the memory-mapped transport, version 2 (the modern one).
 *
 * The life of a device: open (reset, agree on features), give it its queues, start;
 * from then on notify and take interrupts.  A device that breaks the rules is reset
 * and opened again; what it was lent is the driver's again after the reset.
 *
 * Source: VIRTIO 1.2, "4.2 Virtio Over MMIO" and "3.1 Device Initialization".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"
#include "virtio/queue.h"

/* The registers, by the specification's names. */
struct virtio_registers {
    uint32_t MagicValue;        /* 0x000 */
    uint32_t Version;           /* 0x004 */
    uint32_t DeviceID;          /* 0x008 */
    uint32_t VendorID;          /* 0x00c */
    uint32_t DeviceFeatures;    /* 0x010 */
    uint32_t DeviceFeaturesSel; /* 0x014 */
    uint32_t reserved_018[2];
    uint32_t DriverFeatures;    /* 0x020 */
    uint32_t DriverFeaturesSel; /* 0x024 */
    uint32_t reserved_028[2];
    uint32_t QueueSel;    /* 0x030 */
    uint32_t QueueNumMax; /* 0x034 */
    uint32_t QueueNum;    /* 0x038 */
    uint32_t reserved_03c[2];
    uint32_t QueueReady; /* 0x044 */
    uint32_t reserved_048[2];
    uint32_t QueueNotify; /* 0x050 */
    uint32_t reserved_054[3];
    uint32_t InterruptStatus; /* 0x060 */
    uint32_t InterruptACK;    /* 0x064 */
    uint32_t reserved_068[2];
    uint32_t Status; /* 0x070 */
    uint32_t reserved_074[3];
    uint32_t QueueDescLow; /* 0x080 */
    uint32_t QueueDescHigh;
    uint32_t reserved_088[2];
    uint32_t QueueDriverLow; /* 0x090 */
    uint32_t QueueDriverHigh;
    uint32_t reserved_098[2];
    uint32_t QueueDeviceLow; /* 0x0a0 */
    uint32_t QueueDeviceHigh;
    uint32_t reserved_0a8[21];
    uint32_t ConfigGeneration; /* 0x0fc */
    uint8_t Config[];          /* 0x100 */
};
_Static_assert(offsetof(struct virtio_registers, QueueReady) == 0x044, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, QueueNotify) == 0x050, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, InterruptACK) == 0x064, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, Status) == 0x070, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, QueueDeviceHigh) == 0x0a4, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, ConfigGeneration) == 0x0fc, "VIRTIO 1.2, 4.2.2");
_Static_assert(offsetof(struct virtio_registers, Config) == 0x100, "VIRTIO 1.2, 4.2.2");

/* DeviceID */
enum virtio_kind {
    VIRTIO_NONE = 0, /* an empty place */
    VIRTIO_NET = 1,
    VIRTIO_RNG = 4,
};

/* Features of every kind of device. */
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* Status, what the device says */
enum { VIRTIO_NEEDS_RESET = 64 };

/* InterruptStatus */
enum {
    VIRTIO_INTERRUPT_USED = 1,
    VIRTIO_INTERRUPT_CONFIG = 2,
};

struct virtio_device {
    volatile struct virtio_registers *registers; /* borrowed for the driver's life */
    uint64_t features;                           /* agreed on */
};

/* Memory that driver and device share: physically one run, in the driver's view only. */
struct virtio_memory {
    uint8_t *address;
    uint64_t physical;
    size_t bytes;
    size_t used; /* what virtio_memory_take has handed out */
};

/*
 * Reset the device and agree on features: those it offers out of `wanted`.  EVENT_IDX is taken
 * where offered.
 * Errors: NOT_FOUND (an empty place or another kind of device), NOT_SUPPORTED (legacy interface,
 * or the device refused the features; said in the log)
 */
CHECK_RESULT enum status virtio_open(struct virtio_device *device, volatile void *registers,
                                     enum virtio_kind kind, uint64_t wanted);

/*
 * Set queue `index` up with as many descriptors as the device allows, `wanted` at most.
 * Ownership: `memory` and `slots` (`wanted` of them) are lent until the device is reset.
 * Errors: NOT_SUPPORTED (no such queue), OUT_OF_MEMORY (`memory` is used up)
 */
CHECK_RESULT enum status virtio_queue_open(struct virtio_device *device, uint16_t index,
                                           uint16_t wanted, struct virtio_memory *memory,
                                           struct virtqueue_slot *slots, struct virtqueue *queue);

/* All queues are set up: the device may begin. */
void virtio_start(struct virtio_device *device);

/* The device forgets everything and lets go of all memory it was lent. */
void virtio_reset(struct virtio_device *device);

/* Tell the device to look at its queue `index`. */
static inline void virtio_notify(struct virtio_device *device, uint16_t index)
{
    /* Device-nGnRE stores aren't ordered against normal memory by themselves: the queue's
     * index must be visible first.  Pairs with the device's read of the available index. */
    __asm__ volatile("dmb oshst" ::: "memory");
    device->registers->QueueNotify = index;
}

/* Why the device interrupted; acknowledges it. */
static inline uint32_t virtio_interrupt_take(struct virtio_device *device)
{
    uint32_t reasons = device->registers->InterruptStatus;

    device->registers->InterruptACK = reasons;
    return reasons;
}

/*
 * Whether the device, which has just said VIRTIO_INTERRUPT_CONFIG, can't go on: it has found a
 * mistake, of the driver's as it thinks, and stays silent until it is reset (VIRTIO 1.2, 2.1).
 */
static inline bool virtio_needs_reset(const struct virtio_device *device)
{
    return (device->registers->Status & VIRTIO_NEEDS_RESET) != 0;
}

/* Read a field of the device's configuration, with an access of its own width. */
static inline uint8_t virtio_config_byte(struct virtio_device *device, size_t offset)
{
    return device->registers->Config[offset];
}

static inline uint16_t virtio_config_half(struct virtio_device *device, size_t offset)
{
    return *(volatile uint16_t *)(volatile void *)&device->registers->Config[offset];
}

/*
 * Get `bytes` (rounded up to pages) of memory for sharing with a device.
 * Errors: those of segment_create, segment_grant and segment_dma_address
 */
CHECK_RESULT enum status virtio_memory_create(size_t bytes, struct virtio_memory *out);

/* A zeroed, 64-byte aligned part of it; NULL when it is used up. */
void *virtio_memory_take(struct virtio_memory *memory, size_t bytes, uint64_t *physical);

/* Everything that was taken is free again; for a device that was reset. */
void virtio_memory_clear(struct virtio_memory *memory);

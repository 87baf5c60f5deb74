/*
 * Split virtqueue: how a driver lends buffers to a virtio device and gets them back.
 *
 * Three tables lie in memory that the device reads or writes as well: descriptors
 * and the available ring are ours, the used ring is the device's.  Whatever the
 * device could have altered is never read back or is checked against the slots,
 * which are private: a device that returns a wrong number or length is found out
 * here and can't make the driver touch memory out of bounds.
 *
 * Pure logic: no system call, no register.  The caller owns both kinds of memory.
 * Not thread-safe: one thread at a time (a domain's monitor sees to that).
 *
 * Source: VIRTIO 1.2, "2.7 Split Virtqueues".
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"

enum {
    VIRTQUEUE_SIZE_MAX = 32768,
    VIRTQUEUE_ALIGN_BYTES = 16,
};

/* Descriptor flags. */
enum {
    VIRTQUEUE_NEXT = 1,
    VIRTQUEUE_WRITE = 2,
};

/* Notification suppression without the event index. */
enum {
    VIRTQUEUE_NO_INTERRUPT = 1, /* available.flags, ours */
    VIRTQUEUE_NO_NOTIFY = 1,    /* used.flags, the device's */
};

struct virtqueue_descriptor {
    uint64_t physical;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
_Static_assert(sizeof(struct virtqueue_descriptor) == 16, "VIRTIO 1.2, 2.7.5");

/* The available ring's head; `size` numbers and the used-event word follow. */
struct virtqueue_available {
    _Atomic uint16_t flags;
    _Atomic uint16_t index;
    uint16_t ring[];
};
_Static_assert(offsetof(struct virtqueue_available, ring) == 4, "VIRTIO 1.2, 2.7.6");

struct virtqueue_used_element {
    uint32_t id;
    uint32_t length;
};

/* The used ring's head; `size` elements and the available-event word follow. */
struct virtqueue_used {
    _Atomic uint16_t flags;
    _Atomic uint16_t index;
    volatile struct virtqueue_used_element ring[];
};
_Static_assert(offsetof(struct virtqueue_used, ring) == 4, "VIRTIO 1.2, 2.7.8");

/* What the driver knows about a descriptor, out of the device's reach. */
struct virtqueue_slot {
    uint16_t next;     /* in its chain, or in the free list */
    uint16_t pieces;   /* of the chain that starts here and is in flight; else 0 */
    uint32_t writable; /* bytes that the device may have written in that chain */
};

struct virtqueue {
    struct virtqueue_descriptor *descriptors;
    struct virtqueue_available *available;
    struct virtqueue_used *used;
    _Atomic uint16_t *used_event;      /* ours: interrupt when the used index passes this */
    _Atomic uint16_t *available_event; /* the device's: notify when ours passes this */
    struct virtqueue_slot *slots;      /* `size` of them */
    uint16_t size;                     /* a power of two */
    uint16_t free_first;
    uint16_t free_count;
    uint16_t in_flight;       /* chains */
    uint16_t available_index; /* next to fill */
    uint16_t published_index; /* as the device sees it */
    uint16_t used_index;      /* next to take */
    bool has_event_index;
};

/* A piece of a buffer, as the device addresses it. */
struct virtqueue_piece {
    uint64_t physical;
    uint32_t length;
    bool is_writable; /* by the device */
};

/* The largest power of two that neither the device's statement nor `wanted` forbids; 0: none. */
uint16_t virtqueue_size(uint32_t device_maximum, uint16_t wanted);

/* Bytes of shared memory that a queue of `size` takes, and where the rings lie in it. */
size_t virtqueue_bytes(uint16_t size);
size_t virtqueue_available_offset(uint16_t size);
size_t virtqueue_used_offset(uint16_t size);

/*
 * Make `q` an empty queue.  `memory`: zeroed, virtqueue_bytes(size) long, VIRTQUEUE_ALIGN_BYTES
 * aligned, shared with the device.  `slots`: `size` records.  Both stay the caller's, borrowed
 * until the device is reset.
 */
void virtqueue_init(struct virtqueue *q, uint16_t size, void *memory, struct virtqueue_slot *slots,
                    bool has_event_index);

/*
 * Lend a chain of 1..size pieces; those that the device may write come last.  The device
 * learns of it at the next virtqueue_publish.  `*head` names the chain until it is taken.
 * Errors: WOULD_BLOCK (too few descriptors free)
 */
CHECK_RESULT enum status virtqueue_add(struct virtqueue *q, const struct virtqueue_piece *pieces,
                                       uint16_t count, uint16_t *head);

/* The head that the next virtqueue_add() will give, while free_count isn't 0. */
static inline uint16_t virtqueue_next_head(const struct virtqueue *q)
{
    return q->free_first;
}

/* Show the device what was added.  True: it asked to be notified. */
CHECK_RESULT bool virtqueue_publish(struct virtqueue *q);

/*
 * Take back one chain that the device is done with, and how many bytes it wrote.
 * Errors: WOULD_BLOCK (none), BAD_DATA (the device broke the rules; the queue is unusable until
 * device and queue are started anew)
 */
CHECK_RESULT enum status virtqueue_take(struct virtqueue *q, uint16_t *head, uint32_t *written);

/*
 * Ask for an interrupt once more than `after` further chains are done (without the event index:
 * at the next).  False: so many are done already, look again instead of waiting.
 */
CHECK_RESULT bool virtqueue_arm(struct virtqueue *q, uint16_t after);

/* No interrupts, please; a hint that the device may ignore. */
void virtqueue_disarm(struct virtqueue *q);

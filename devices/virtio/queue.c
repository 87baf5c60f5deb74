/*
 * Split virtqueue: descriptors from a private free list, indices that only grow.
 *
 * The order that the device relies on: descriptor and ring slot first, then the
 * index by store-release.  The order that wake-ups rely on: our index, then a full
 * fence, then the peer's wish; the device does the same the other way round, so one
 * of the two always sees the other (VIRTIO 1.2, 2.7.13.4 and 2.7.14).
 */
#include "virtio/queue.h"

static size_t align_up(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

uint16_t virtqueue_size(uint32_t device_maximum, uint16_t wanted)
{
    uint32_t limit = device_maximum < wanted ? device_maximum : wanted;

    if (limit == 0)
        return 0;
    if (limit > VIRTQUEUE_SIZE_MAX)
        limit = VIRTQUEUE_SIZE_MAX;
    return (uint16_t)(UINT32_C(1) << (31 - __builtin_clz(limit)));
}

size_t virtqueue_available_offset(uint16_t size)
{
    return size * sizeof(struct virtqueue_descriptor);
}

size_t virtqueue_used_offset(uint16_t size)
{
    size_t event_word = sizeof(uint16_t);
    size_t end = virtqueue_available_offset(size) + sizeof(struct virtqueue_available)
                 + size * sizeof(uint16_t) + event_word;

    /* On a cache line of its own: the device writes there. */
    return align_up(end, 64);
}

size_t virtqueue_bytes(uint16_t size)
{
    size_t event_word = sizeof(uint16_t);

    return align_up(virtqueue_used_offset(size) + sizeof(struct virtqueue_used)
                        + size * sizeof(struct virtqueue_used_element) + event_word,
                    64);
}

void virtqueue_init(struct virtqueue *q, uint16_t size, void *memory, struct virtqueue_slot *slots,
                    bool has_event_index)
{
    uint8_t *bytes = memory;
    void *available = bytes + virtqueue_available_offset(size);
    void *used = bytes + virtqueue_used_offset(size);

    *q = (struct virtqueue){
        .descriptors = memory,
        .available = available,
        .used = used,
        .slots = slots,
        .size = size,
        .free_count = size,
        .has_event_index = has_event_index,
    };
    void *used_event = &q->available->ring[size];
    void *available_event = (uint8_t *)used + sizeof(struct virtqueue_used)
                            + size * sizeof(struct virtqueue_used_element);
    q->used_event = used_event;
    q->available_event = available_event;
    for (uint16_t i = 0; i < size; i++)
        slots[i] = (struct virtqueue_slot){.next = (uint16_t)(i + 1)};
}

enum status virtqueue_add(struct virtqueue *q, const struct virtqueue_piece *pieces, uint16_t count,
                          uint16_t *head)
{
    if (count == 0 || count > q->free_count)
        return STATUS_WOULD_BLOCK;

    uint16_t first = q->free_first;
    uint16_t at = first;
    uint32_t writable = 0;

    for (uint16_t i = 0; i < count; i++) {
        uint16_t next = q->slots[at].next;
        unsigned flags = pieces[i].is_writable ? VIRTQUEUE_WRITE : 0;

        if (i + 1 < count)
            flags |= VIRTQUEUE_NEXT;
        if (pieces[i].is_writable)
            writable += pieces[i].length;
        q->descriptors[at] = (struct virtqueue_descriptor){
            .physical = pieces[i].physical,
            .length = pieces[i].length,
            .flags = (uint16_t)flags,
            .next = next,
        };
        at = next;
    }
    q->slots[first].pieces = count;
    q->slots[first].writable = writable;
    q->free_first = at;
    q->free_count = (uint16_t)(q->free_count - count);
    q->in_flight++;
    q->available->ring[q->available_index & (q->size - 1)] = first;
    q->available_index++;
    *head = first;
    return STATUS_OK;
}

bool virtqueue_publish(struct virtqueue *q)
{
    uint16_t old = q->published_index;
    uint16_t new = q->available_index;

    if (new == old)
        return false;
    q->published_index = new;
    atomic_store_explicit(&q->available->index, new, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (!q->has_event_index)
        return (atomic_load_explicit(&q->used->flags, memory_order_relaxed) & VIRTQUEUE_NO_NOTIFY)
               == 0;

    uint16_t event = atomic_load_explicit(q->available_event, memory_order_relaxed);
    return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* Put the chain that starts at `head` back into the free list. */
static void chain_release(struct virtqueue *q, uint16_t head)
{
    uint16_t count = q->slots[head].pieces;
    uint16_t last = head;

    for (uint16_t i = 1; i < count; i++)
        last = q->slots[last].next;
    q->slots[last].next = q->free_first;
    q->slots[head].pieces = 0;
    q->free_first = head;
    q->free_count = (uint16_t)(q->free_count + count);
    q->in_flight--;
}

enum status virtqueue_take(struct virtqueue *q, uint16_t *head, uint32_t *written)
{
    uint16_t index = atomic_load_explicit(&q->used->index, memory_order_acquire);
    uint16_t done = (uint16_t)(index - q->used_index);

    if (done == 0)
        return STATUS_WOULD_BLOCK;
    if (done > q->in_flight)
        return STATUS_BAD_DATA;

    /* Read once: the device may write while we check. */
    volatile struct virtqueue_used_element *element = &q->used->ring[q->used_index & (q->size - 1)];
    uint32_t id = element->id;
    uint32_t length = element->length;

    if (id >= q->size || q->slots[id].pieces == 0 || length > q->slots[id].writable)
        return STATUS_BAD_DATA;

    chain_release(q, (uint16_t)id);
    q->used_index++;
    *head = (uint16_t)id;
    *written = length;
    return STATUS_OK;
}

bool virtqueue_arm(struct virtqueue *q, uint16_t after)
{
    if (q->has_event_index)
        atomic_store_explicit(q->used_event, (uint16_t)(q->used_index + after),
                              memory_order_relaxed);
    else
        atomic_store_explicit(&q->available->flags, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);

    uint16_t index = atomic_load_explicit(&q->used->index, memory_order_acquire);
    uint16_t patience = q->has_event_index ? after : 0;
    return (uint16_t)(index - q->used_index) <= patience;
}

void virtqueue_disarm(struct virtqueue *q)
{
    /* With the event index there is nothing to write: the index last asked for lies behind. */
    if (!q->has_event_index)
        atomic_store_explicit(&q->available->flags, VIRTQUEUE_NO_INTERRUPT, memory_order_relaxed);
}

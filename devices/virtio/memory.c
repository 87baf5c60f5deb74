/*
 * Memory shared with a device: one contiguous segment, handed out front to back.
 *
 * There is no giving back of parts: a device's tables live as long as the device
 * runs, and go all at once when it is reset.
 */
#include <string.h>

#include "rt/memory.h"
#include "virtio/device.h"

enum { PART_ALIGN_BYTES = 64 };

enum status virtio_memory_create(size_t bytes, struct virtio_memory *out)
{
    struct memory memory;
    enum status s = memory_create(bytes, "virtio rings", MEMORY_CONTIGUOUS | MEMORY_DMA, &memory);

    if (s != STATUS_OK)
        return s;

    paddr_t physical;
    uint64_t contiguous;
    s = memory_dma_address(&memory, 0, &physical, &contiguous);
    if (s == STATUS_OK && contiguous < memory.length_bytes)
        s = STATUS_NOT_SUPPORTED;
    if (s != STATUS_OK) {
        memory_release(&memory);
        return s;
    }
    *out = (struct virtio_memory){
        .address = memory.address, .physical = physical, .bytes = memory.length_bytes};
    return STATUS_OK;
}

void *virtio_memory_take(struct virtio_memory *memory, size_t bytes, uint64_t *physical)
{
    size_t start = (memory->used + PART_ALIGN_BYTES - 1) & ~(size_t)(PART_ALIGN_BYTES - 1);

    if (start > memory->bytes || bytes > memory->bytes - start)
        return NULL;
    memory->used = start + bytes;
    memset(memory->address + start, 0, bytes);
    *physical = memory->physical + start;
    return memory->address + start;
}

void virtio_memory_clear(struct virtio_memory *memory)
{
    memory->used = 0;
}

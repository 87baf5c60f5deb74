/*
 * Memory shared with a device: one contiguous segment, handed out front to back.
 *
 * There is no giving back of parts: a device's tables live as long as the device
 * runs, and go all at once when it is reset.
 */
#include <string.h>

#include "rt/syscall.h"
#include "virtio/device.h"

enum { PART_ALIGN_BYTES = 64 };

enum status virtio_memory_create(size_t bytes, struct virtio_memory *out)
{
    size_t length = (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    handle_t segment;
    uaddr_t address;
    enum status s = segment_create(length, RIGHT_READ | RIGHT_WRITE | RIGHT_DMA, SEGMENT_CONTIGUOUS,
                                   0, name_from("virtio rings"), &segment, &address);
    if (s != STATUS_OK)
        return s;

    paddr_t physical;
    uint64_t contiguous;
    s = segment_grant(segment, 0, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = segment_dma_address(segment, 0, &physical, &contiguous);
    if (s == STATUS_OK && contiguous < length)
        s = STATUS_NOT_SUPPORTED;
    if (s != STATUS_OK) {
        (void)handle_close(segment);
        return s;
    }
    *out = (struct virtio_memory){
        .address = (uint8_t *)(uintptr_t)address, .physical = physical, .bytes = length};
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

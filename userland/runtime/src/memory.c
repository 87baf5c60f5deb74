/*
 * Segments as memory.
 */
#include "rt/memory.h"

#include "rt/syscall.h"

#include <stdbool.h>

static void *pointer_to(uaddr_t address)
{
    return (void *)(uintptr_t)address;
}

static uint64_t pages_round_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

enum status memory_create(uint64_t length_bytes, const char *label, unsigned flags,
                          struct memory *out)
{
    uint64_t rounded = pages_round_up(length_bytes);
    rights_t rights = RIGHT_READ | RIGHT_WRITE | ((flags & MEMORY_DMA) != 0 ? RIGHT_DMA : 0U);
    handle_t segment;
    uaddr_t address;

    if (rounded < length_bytes || rounded == 0)
        return STATUS_BAD_ARGUMENT;

    enum status s =
        segment_create(rounded, rights, (flags & MEMORY_CONTIGUOUS) != 0 ? SEGMENT_CONTIGUOUS : 0U,
                       0, name_from(label), &segment, &address);
    if (s != STATUS_OK)
        return s;
    s = segment_grant(segment, 0, RIGHT_READ | RIGHT_WRITE);
    if (s != STATUS_OK) {
        (void)handle_close(segment);
        return s;
    }
    *out = (struct memory){segment, pointer_to(address), rounded};
    return STATUS_OK;
}

void memory_release(struct memory *m)
{
    if (m->segment == 0)
        return;

    /* Both can fail only if the segment is gone already, which is what we want. */
    enum status s = segment_revoke(m->segment, 0);

    s = handle_close(m->segment);
    (void)s;
    *m = (struct memory){0};
}

/*
 * Guard pages, if a segment has any, begin with its first one; whoever made it may have wished for
 * them, and a read there is a fault.  The kernel reads as this domain could, and says so instead.
 * It nearly always finds another word than the one that is named; if not, the time is over at once.
 */
static bool is_without_guards(uaddr_t address)
{
    const nsec_t long_ago = 1;

    return thread_park(pointer_to(address), UINT32_MAX, long_ago) != STATUS_BAD_ADDRESS;
}

enum status memory_adopt(handle_t segment, rights_t rights, struct memory *out)
{
    struct segment_info info;
    enum status s = segment_info(segment, &info);

    if (s != STATUS_OK)
        return s;
    /* It may be one of our own: granting it again would narrow what we ourselves may do there. */
    if (info.rights != 0)
        return STATUS_BUSY;
    s = segment_grant(segment, 0, rights);
    if (s != STATUS_OK)
        return s;
    if (!is_without_guards(info.address)) {
        s = segment_revoke(segment, 0);
        return s == STATUS_OK ? STATUS_BAD_DATA : s;
    }
    *out = (struct memory){segment, pointer_to(info.address), info.length_bytes};
    return STATUS_OK;
}

enum status memory_share(const struct memory *m, rights_t rights, handle_t *out)
{
    return handle_duplicate(m->segment, (rights & (RIGHTS_MEMORY | RIGHT_DMA)) | RIGHT_TRANSFER, 0,
                            out);
}

enum status memory_dma_address(const struct memory *m, uint64_t offset, paddr_t *physical,
                               uint64_t *contiguous_bytes)
{
    return segment_dma_address(m->segment, offset, physical, contiguous_bytes);
}

/*
 * One free list per size, threaded through the free blocks themselves.
 */
#include "packet_memory.h"

#include <string.h>

struct block {
    struct block *next;
};

struct shelf {
    size_t block_bytes;
    size_t block_count;
    uint8_t *first, *end; /* its part of the pool */
    struct block *free;
    size_t free_count;
};

enum shelf_number { SHELF_SMALL, SHELF_FRAME, SHELF_BIG, SHELF_COUNT };

/* All state belongs to the one thread that runs the stack. */
static struct shelf shelves[SHELF_COUNT] = {
    [SHELF_SMALL] = {.block_bytes = PACKET_SMALL_BYTES, .block_count = PACKET_SMALL_COUNT},
    [SHELF_FRAME] = {.block_bytes = PACKET_FRAME_BYTES, .block_count = PACKET_FRAME_COUNT},
    [SHELF_BIG] = {.block_bytes = PACKET_BIG_BYTES, .block_count = PACKET_BIG_COUNT},
};
static uint64_t refusal_count;

static void push(struct shelf *shelf, void *memory)
{
    struct block *block = memory;

    block->next = shelf->free;
    shelf->free = block;
    shelf->free_count++;
}

void packet_memory_init(void *base)
{
    uint8_t *at = base;

    refusal_count = 0;
    for (struct shelf *s = shelves; s < shelves + SHELF_COUNT; s++) {
        s->free = NULL;
        s->free_count = 0;
        s->first = at;
        at += s->block_bytes * s->block_count;
        s->end = at;
        for (size_t i = s->block_count; i-- > 0;)
            push(s, s->first + i * s->block_bytes);
    }
}

void *packet_memory_allocate(size_t bytes)
{
    for (struct shelf *s = shelves; s < shelves + SHELF_COUNT; s++) {
        struct block *block = s->free;
        if (bytes > s->block_bytes || block == NULL)
            continue;
        s->free = block->next;
        s->free_count--;
        return block;
    }
    refusal_count++;
    return NULL;
}

void *packet_memory_allocate_zeroed(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        return NULL;

    void *block = packet_memory_allocate(total);
    if (block != NULL)
        memset(block, 0, total);
    return block;
}

void packet_memory_free(void *block)
{
    const uint8_t *at = block;

    for (struct shelf *s = shelves; s < shelves + SHELF_COUNT; s++) {
        if (at >= s->first && at < s->end) {
            push(s, block);
            return;
        }
    }
}

bool packet_memory_find(const void *data, size_t length, uint32_t *offset)
{
    uintptr_t base = (uintptr_t)shelves[0].first;
    uintptr_t at = (uintptr_t)data;

    if (at < base || length > PACKET_MEMORY_BYTES || at - base > PACKET_MEMORY_BYTES - length)
        return false;
    *offset = (uint32_t)(at - base);
    return true;
}

size_t packet_memory_frames_for_data(void)
{
    size_t free_count = shelves[SHELF_FRAME].free_count;

    return free_count > PACKET_FRAME_RESERVE ? free_count - PACKET_FRAME_RESERVE : 0;
}

size_t packet_memory_share(void)
{
    size_t frames = packet_memory_frames_for_data();

    if (frames >= PACKET_DATA_FRAMES / 2)
        return PACKET_DATA_FRAMES;
    return frames >= PACKET_DATA_FRAMES / 4 ? PACKET_SHARE_SHORT : PACKET_SHARE_SCARCE;
}

bool packet_memory_is_short(void)
{
    return packet_memory_frames_for_data() < PACKET_DATA_FRAMES / 2;
}

void packet_memory_usage(struct packet_memory_usage *out)
{
    uint64_t used = 0;

    for (const struct shelf *s = shelves; s < shelves + SHELF_COUNT; s++)
        used += s->block_bytes * (s->block_count - s->free_count);
    *out = (struct packet_memory_usage){
        .used_bytes = used,
        .limit_bytes = PACKET_MEMORY_BYTES,
        .refusals = refusal_count,
    };
}

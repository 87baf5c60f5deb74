#include "domains/pool.h"

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/path.h"
#include "base/string.h"
#include "domains/frame.h"

struct pool_frame {
    struct list_node node; /* in pool->partial while an item is free */
    void *free;            /* first free item; each starts with a pointer to the next */
    uint32_t used;
};

enum { POOL_HEAD_BYTES = 64, POOL_ALIGNMENT = 16 };
_Static_assert(sizeof(struct pool_frame) <= POOL_HEAD_BYTES, "items start behind the head");

void pool_init(struct pool *pool, size_t item_bytes)
{
    pool->item_bytes = align_up(item_bytes, POOL_ALIGNMENT);
    list_init(&pool->partial);
    ASSERT(pool->item_bytes <= PAGE_BYTES - POOL_HEAD_BYTES);
}

COLD static enum status pool_grow(struct pool *pool)
{
    paddr_t address;
    const enum status status = frame_allocate(0, FRAME_OBJECT, &address);

    if (status != STATUS_OK)
        return status;

    struct pool_frame *frame = direct_map(address);
    char *const base = (char *)frame;
    *frame = (struct pool_frame){0};
    for (size_t at = POOL_HEAD_BYTES; at + pool->item_bytes <= PAGE_BYTES; at += pool->item_bytes) {
        void **item = (void **)(void *)(base + at);
        *item = frame->free;
        frame->free = item;
    }
    list_push_front(&pool->partial, &frame->node);
    return STATUS_OK;
}

enum status pool_take_as_is(struct pool *pool, void **out)
{
    if (list_is_empty(&pool->partial)) {
        const enum status status = pool_grow(pool);
        if (status != STATUS_OK)
            return status;
    }

    struct pool_frame *frame = LIST_ENTRY(pool->partial.head.next, struct pool_frame, node);
    void **item = frame->free;
    frame->free = *item;
    frame->used++;
    if (frame->free == NULL)
        list_remove(&frame->node);
    *out = item;
    return STATUS_OK;
}

enum status pool_take(struct pool *pool, void **out)
{
    const enum status status = pool_take_as_is(pool, out);

    if (status == STATUS_OK)
        memset(*out, 0, pool->item_bytes);
    return status;
}

void pool_return(struct pool *pool, void *item)
{
    struct pool_frame *frame = (void *)align_down((uintptr_t)item, PAGE_BYTES);

    ASSERT(frame->used > 0);
    if (frame->free == NULL)
        list_push_front(&pool->partial, &frame->node);
    *(void **)item = frame->free;
    frame->free = item;
    if (--frame->used > 0)
        return;
    list_remove(&frame->node);
    frame_free(direct_map_physical(frame));
}

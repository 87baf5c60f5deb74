/*
 * Two-level segregated fit.
 */
#include "heap.h"

enum {
    HEADER_BYTES = offsetof(struct heap_block, next_free),
    PAYLOAD_MIN = sizeof(struct heap_block) - HEADER_BYTES,
    LINEAR_SHIFT = 8, /* below 1 << 8 bytes the subclasses are 16 bytes apart */
    SUBCLASS_SHIFT = 4,
};
_Static_assert((int)HEADER_BYTES == (int)HEAP_ALIGNMENT,
               "payloads are aligned because headers are");

#define BLOCK_IN_USE ((size_t)1)
#define SIZE_MAXIMUM ((size_t)1 << (LINEAR_SHIFT + HEAP_CLASSES - 2))

struct size_class {
    unsigned first, second;
};

static size_t block_size(const struct heap_block *b)
{
    return b->size_and_use & ~BLOCK_IN_USE;
}

static bool block_is_used(const struct heap_block *b)
{
    return (b->size_and_use & BLOCK_IN_USE) != 0;
}

static void *block_payload(struct heap_block *b)
{
    return (unsigned char *)b + HEADER_BYTES;
}

static struct heap_block *payload_block(void *payload)
{
    return (struct heap_block *)(void *)((unsigned char *)payload - HEADER_BYTES);
}

/* The last block of the heap is a header with size 0, in use, so this always exists. */
static struct heap_block *block_after(struct heap_block *b)
{
    return (struct heap_block *)(void *)((unsigned char *)block_payload(b) + block_size(b));
}

/* The class that a block of this size hangs in. */
static struct size_class class_of(size_t size)
{
    if (size < (size_t)1 << LINEAR_SHIFT)
        return (struct size_class){0, (unsigned)(size / HEAP_ALIGNMENT)};

    unsigned log = 63U - (unsigned)__builtin_clzll(size);
    unsigned second = (unsigned)(size >> (log - SUBCLASS_SHIFT)) & (HEAP_SUBCLASSES - 1);

    return (struct size_class){log - LINEAR_SHIFT + 1, second};
}

static void block_insert(struct heap *h, struct heap_block *b)
{
    struct size_class c = class_of(block_size(b));
    struct heap_block **head = &h->list[c.first][c.second];

    b->previous_free = NULL;
    b->next_free = *head;
    if (*head != NULL)
        (*head)->previous_free = b;
    *head = b;
    h->classes |= 1U << c.first;
    h->subclasses[c.first] |= 1U << c.second;
}

static void block_remove(struct heap *h, struct heap_block *b)
{
    if (b->next_free != NULL)
        b->next_free->previous_free = b->previous_free;
    if (b->previous_free != NULL) {
        b->previous_free->next_free = b->next_free;
        return;
    }

    struct size_class c = class_of(block_size(b));

    h->list[c.first][c.second] = b->next_free;
    if (b->next_free != NULL)
        return;
    h->subclasses[c.first] &= ~(1U << c.second);
    if (h->subclasses[c.first] == 0)
        h->classes &= ~(1U << c.first);
}

/* A free block of at least `size`, still in its list; NULL if there is none. */
static struct heap_block *block_find(struct heap *h, size_t size)
{
    /* Rounded up to the next class boundary, every block of that class is big enough. */
    if (size >= (size_t)1 << LINEAR_SHIFT)
        size += ((size_t)1 << (63U - (unsigned)__builtin_clzll(size) - SUBCLASS_SHIFT)) - 1;

    struct size_class c = class_of(size);
    uint32_t second = h->subclasses[c.first] & (~0U << c.second);

    if (second == 0) {
        uint32_t first = c.first + 1 < HEAP_CLASSES ? h->classes & (~0U << (c.first + 1)) : 0;

        if (first == 0)
            return NULL;
        c.first = (unsigned)__builtin_ctz(first);
        second = h->subclasses[c.first];
    }
    return h->list[c.first][__builtin_ctz(second)];
}

/* Cut `b`, which is in no list, down to `size` if the rest is worth a block; list the rest. */
static void block_trim(struct heap *h, struct heap_block *b, size_t size)
{
    size_t rest = block_size(b) - size;

    if (rest < HEADER_BYTES + PAYLOAD_MIN)
        return;

    struct heap_block *after = block_after(b);

    b->size_and_use -= rest;
    struct heap_block *cut = block_after(b);

    cut->before = b;
    cut->size_and_use = rest - HEADER_BYTES;
    after->before = cut;
    if (!block_is_used(after)) {
        block_remove(h, after);
        cut->size_and_use += HEADER_BYTES + block_size(after);
        block_after(cut)->before = cut;
    }
    block_insert(h, cut);
}

/* Round up; 0 if it is more than any heap has. */
static size_t size_round(size_t bytes)
{
    if (bytes > SIZE_MAXIMUM)
        return 0;
    if (bytes < PAYLOAD_MIN)
        return PAYLOAD_MIN;
    return (bytes + HEAP_ALIGNMENT - 1) & ~(size_t)(HEAP_ALIGNMENT - 1);
}

bool heap_setup(struct heap *h, void *start, void *end)
{
    uintptr_t first = ((uintptr_t)start + HEAP_ALIGNMENT - 1) & ~(uintptr_t)(HEAP_ALIGNMENT - 1);
    uintptr_t last = (uintptr_t)end & ~(uintptr_t)(HEAP_ALIGNMENT - 1);

    if (last < first || last - first < 2 * HEADER_BYTES + PAYLOAD_MIN)
        return false;
    h->total_bytes = last - first - 2 * HEADER_BYTES;
    if (h->total_bytes > SIZE_MAXIMUM)
        h->total_bytes = SIZE_MAXIMUM;

    struct heap_block *b = (struct heap_block *)first;

    b->before = NULL;
    b->size_and_use = h->total_bytes;
    block_after(b)->before = b;
    block_after(b)->size_and_use = BLOCK_IN_USE;
    block_insert(h, b);
    return true;
}

void *heap_allocate(struct heap *h, size_t bytes)
{
    size_t size = size_round(bytes);

    if (size == 0)
        return NULL;

    struct heap_block *b = block_find(h, size);

    if (b == NULL)
        return NULL;
    block_remove(h, b);
    block_trim(h, b, size);
    h->used_bytes += block_size(b);
    b->size_and_use |= BLOCK_IN_USE;
    return block_payload(b);
}

void *heap_allocate_aligned(struct heap *h, size_t alignment, size_t bytes)
{
    if (alignment <= HEAP_ALIGNMENT)
        return heap_allocate(h, bytes);
    if (alignment > SIZE_MAXIMUM || size_round(bytes) == 0)
        return NULL;

    /* Room in front for a whole free block, which then is given back. */
    size_t front_min = HEADER_BYTES + PAYLOAD_MIN;
    unsigned char *payload = heap_allocate(h, size_round(bytes) + alignment + front_min);

    if (payload == NULL)
        return NULL;

    struct heap_block *b = payload_block(payload);
    uintptr_t aligned = ((uintptr_t)payload + alignment - 1) & ~(uintptr_t)(alignment - 1);

    if (aligned != (uintptr_t)payload) {
        if (aligned - (uintptr_t)payload < front_min)
            aligned += alignment;

        size_t front = aligned - (uintptr_t)payload;
        struct heap_block *cut = payload_block(payload + front);

        cut->before = b;
        cut->size_and_use = (block_size(b) - front) | BLOCK_IN_USE;
        block_after(cut)->before = cut;
        b->size_and_use = (front - HEADER_BYTES) | BLOCK_IN_USE;
        h->used_bytes -= HEADER_BYTES;
        (void)heap_release(h, payload);
        b = cut;
    }
    (void)heap_resize(h, block_payload(b), bytes);
    return block_payload(b);
}

bool heap_release(struct heap *h, void *payload)
{
    struct heap_block *b = payload_block(payload);

    if (!block_is_used(b))
        return false;
    b->size_and_use &= ~BLOCK_IN_USE;
    h->used_bytes -= block_size(b);

    struct heap_block *after = block_after(b);

    if (!block_is_used(after)) {
        block_remove(h, after);
        b->size_and_use += HEADER_BYTES + block_size(after);
    }
    if (b->before != NULL && !block_is_used(b->before)) {
        b = b->before;
        block_remove(h, b);
        b->size_and_use += HEADER_BYTES + block_size(block_after(b));
    }
    block_after(b)->before = b;
    block_insert(h, b);
    return true;
}

bool heap_resize(struct heap *h, void *payload, size_t bytes)
{
    struct heap_block *b = payload_block(payload);
    struct heap_block *after = block_after(b);
    size_t size = size_round(bytes);
    size_t old = block_size(b);

    if (size == 0)
        return false;
    if (size > old) {
        if (block_is_used(after) || old + HEADER_BYTES + block_size(after) < size)
            return false;
        block_remove(h, after);
        b->size_and_use += HEADER_BYTES + block_size(after);
        block_after(b)->before = b;
    }
    block_trim(h, b, size);
    h->used_bytes += block_size(b) - old;
    return true;
}

size_t heap_size(const void *payload)
{
    const unsigned char *header = (const unsigned char *)payload - HEADER_BYTES;

    return block_size((const struct heap_block *)(const void *)header);
}

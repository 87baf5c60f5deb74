/*
 * A queue of bytes in a fixed array; zero bytes of it are in use at first.
 *
 * Pure logic.  Indices only grow and are reduced by masking, so full and empty differ.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fifo {
    uint8_t *bytes;
    size_t mask; /* capacity - 1; the capacity is a power of two */
    size_t put, taken;
};

/* Borrows `bytes`, whose `capacity` is a power of two, for ever. */
static inline void fifo_init(struct fifo *f, uint8_t *bytes, size_t capacity)
{
    *f = (struct fifo){.bytes = bytes, .mask = capacity - 1};
}

static inline size_t fifo_count(const struct fifo *f)
{
    return f->put - f->taken;
}

static inline size_t fifo_room(const struct fifo *f)
{
    return f->mask + 1 - fifo_count(f);
}

static inline void fifo_clear(struct fifo *f)
{
    f->taken = f->put;
}

/* Add a byte; one too many is dropped, so look at fifo_room() first where that matters. */
static inline void fifo_put(struct fifo *f, uint8_t byte)
{
    if (fifo_room(f) > 0)
        f->bytes[f->put++ & f->mask] = byte;
}

/* Copy up to `limit` bytes out, leaving them there; fifo_drop() takes them. */
static inline size_t fifo_peek(const struct fifo *f, uint8_t *out, size_t limit)
{
    size_t count = fifo_count(f) < limit ? fifo_count(f) : limit;

    for (size_t i = 0; i < count; i++)
        out[i] = f->bytes[(f->taken + i) & f->mask];
    return count;
}

static inline void fifo_drop(struct fifo *f, size_t count)
{
    f->taken += count;
}

/* Have the last `count` bytes that were dropped back in front, or as many as are still there:
 * fifo_room() says. */
static inline void fifo_undrop(struct fifo *f, size_t count)
{
    f->taken -= count < fifo_room(f) ? count : fifo_room(f);
}

/*
 * Places are numbers + 1, so that a zeroed queue is an empty one.
 */
#include "send_buffer.h"

static struct send_chunk *chunk_at(const struct send_pool *pool, uint16_t place)
{
    return &pool->chunks[place - 1];
}

static void give(struct send_pool *pool, uint16_t place)
{
    *chunk_at(pool, place) = (struct send_chunk){.next = pool->first_free};
    pool->first_free = place;
    pool->free_count++;
}

void send_pool_init(struct send_pool *pool, struct send_chunk *chunks, uint8_t *bytes,
                    uint32_t count)
{
    *pool = (struct send_pool){.chunks = chunks, .bytes = bytes, .count = count};
    for (uint32_t place = count; place > 0; place--)
        give(pool, (uint16_t)place);
}

static bool append_chunk(struct send_pool *pool, struct send_queue *q)
{
    uint16_t place = pool->first_free;

    if (place == 0)
        return false;
    pool->first_free = chunk_at(pool, place)->next;
    pool->free_count--;
    *chunk_at(pool, place) = (struct send_chunk){0};
    if (q->last != 0)
        chunk_at(pool, q->last)->next = place;
    else
        q->first = place;
    q->last = place;
    return true;
}

uint8_t *send_queue_reserve(struct send_pool *pool, struct send_queue *q, size_t *space)
{
    if (q->last == 0 || chunk_at(pool, q->last)->filled == SEND_CHUNK_BYTES) {
        if (!append_chunk(pool, q))
            return NULL;
    }

    const struct send_chunk *chunk = chunk_at(pool, q->last);
    *space = (size_t)SEND_CHUNK_BYTES - chunk->filled;
    return pool->bytes + (size_t)(q->last - 1) * SEND_CHUNK_BYTES + chunk->filled;
}

void send_queue_commit(struct send_pool *pool, struct send_queue *q, size_t length)
{
    if (length == 0)
        return;

    struct send_chunk *chunk = chunk_at(pool, q->last);
    chunk->filled = (uint16_t)(chunk->filled + length);
    q->unsent_bytes += (uint32_t)length;
    q->unhanded_bytes += (uint32_t)length;
    if (q->handing == 0)
        q->handing = q->last;
}

bool send_queue_next(const struct send_pool *pool, const struct send_queue *q, uint32_t *offset,
                     uint32_t *length)
{
    if (q->handing == 0)
        return false;

    const struct send_chunk *chunk = chunk_at(pool, q->handing);
    *offset = (uint32_t)(q->handing - 1) * SEND_CHUNK_BYTES + chunk->handed;
    *length = (uint32_t)chunk->filled - chunk->handed;
    return true;
}

void send_queue_handed(struct send_pool *pool, struct send_queue *q, uint32_t length)
{
    struct send_chunk *chunk = chunk_at(pool, q->handing);

    chunk->handed = (uint16_t)(chunk->handed + length);
    q->unhanded_bytes -= length;
    if (chunk->handed < chunk->filled)
        return;
    /* The next chunk, if there is one with anything in it. */
    uint16_t next = chunk->next;
    q->handing = next != 0 && chunk_at(pool, next)->filled > 0 ? next : 0;
}

static void drop_first(struct send_pool *pool, struct send_queue *q)
{
    uint16_t place = q->first;

    q->first = chunk_at(pool, place)->next;
    if (q->first == 0)
        q->last = 0;
    give(pool, place);
}

enum status send_queue_done(struct send_pool *pool, struct send_queue *q, uint32_t length)
{
    if (length > q->unsent_bytes - q->unhanded_bytes)
        return STATUS_BAD_DATA;

    q->unsent_bytes -= length;
    while (length > 0) {
        struct send_chunk *chunk = chunk_at(pool, q->first);
        uint32_t part = (uint32_t)chunk->handed - chunk->done;
        part = part < length ? part : length;
        chunk->done = (uint16_t)(chunk->done + part);
        length -= part;
        if (chunk->done == chunk->filled)
            drop_first(pool, q);
    }
    return STATUS_OK;
}

void send_queue_clear(struct send_pool *pool, struct send_queue *q)
{
    while (q->first != 0)
        drop_first(pool, q);
    *q = (struct send_queue){0};
}

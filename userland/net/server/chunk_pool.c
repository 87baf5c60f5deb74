/*
 * A stack of free chunk numbers: the one that came back last goes out next, while it is warm.
 */
#include "chunk_pool.h"

void chunk_pool_init(struct chunk_pool *pool, uint16_t count)
{
    *pool = (struct chunk_pool){.count = count, .free_count = count};
    for (uint16_t i = 0; i < count; i++)
        pool->free[i] = (uint16_t)(count - 1 - i);
}

bool chunk_pool_take(struct chunk_pool *pool, uint32_t socket, uint16_t length, uint32_t *offset)
{
    if (pool->free_count == 0)
        return false;

    uint16_t number = pool->free[--pool->free_count];
    pool->chunks[number] = (struct chunk){.socket = socket, .length = length, .is_out = 1};
    *offset = (uint32_t)number * NET_CHUNK_BYTES;
    return true;
}

enum status chunk_pool_give(struct chunk_pool *pool, uint32_t offset, struct chunk *out)
{
    uint32_t number = offset / NET_CHUNK_BYTES;

    if (number >= pool->count || !pool->chunks[number].is_out)
        return STATUS_BAD_DATA;
    *out = pool->chunks[number];
    pool->chunks[number].is_out = 0;
    pool->free[pool->free_count++] = (uint16_t)number;
    return STATUS_OK;
}

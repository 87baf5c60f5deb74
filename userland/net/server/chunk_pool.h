/*
 * Chunk pool: a stack's buffer segment for one client, in pieces of NET_CHUNK_BYTES.
 *
 * A chunk is with the stack (free) or with the client, who gives it back by its offset.  The pool
 * remembers whose bytes a chunk holds, so that giving it back can open that socket's window.
 * Pure logic: it never touches the chunks' bytes.
 */
#pragma once

#include "abi/status.h"
#include "net/protocol.h"

enum { CHUNK_COUNT_MAX = NET_STACK_BUFFER_BYTES / NET_CHUNK_BYTES };

struct chunk {
    uint32_t socket; /* whose bytes it holds */
    uint16_t length; /* of them */
    uint16_t is_out; /* with the client */
};

struct chunk_pool {
    struct chunk chunks[CHUNK_COUNT_MAX];
    uint16_t free[CHUNK_COUNT_MAX]; /* a stack of chunk numbers */
    uint16_t count, free_count;
};

/* `count` chunks, at most CHUNK_COUNT_MAX. */
void chunk_pool_init(struct chunk_pool *pool, uint16_t count);

/* Take a chunk for `length` bytes of `socket` and say where it is; false: none is free. */
bool chunk_pool_take(struct chunk_pool *pool, uint32_t socket, uint16_t length, uint32_t *offset);

/* The client gives back the chunk that holds `offset`.  Errors: BAD_DATA (it has no such). */
CHECK_RESULT enum status chunk_pool_give(struct chunk_pool *pool, uint32_t offset,
                                         struct chunk *out);

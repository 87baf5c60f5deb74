/*
 * Send buffer: a client's own segment, in chunks that its sockets' send queues share.
 *
 * A byte is *committed* by the program, *handed* to the stack by a SEND, and *done* when SENT
 * gives it back.  A queue is a list of chunks; each chunk has gone through the three in order, so
 *
 *      0 <= done <= handed <= filled <= SEND_CHUNK_BYTES
 *
 * Pure logic, apart from saying where in the segment a chunk lies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"

enum { SEND_CHUNK_BYTES = 4096 };

struct send_chunk {
    uint16_t next; /* place + 1, in a queue or among the free; 0 ends the list */
    uint16_t filled, handed, done;
};

struct send_pool {
    struct send_chunk *chunks; /* `count` of them */
    uint8_t *bytes;            /* the segment */
    uint32_t count, free_count;
    uint16_t first_free;
};

struct send_queue {
    uint16_t first, last, handing; /* places + 1; `handing` is the first with handed < filled */
    uint32_t unsent_bytes;         /* committed and not done */
    uint32_t unhanded_bytes;       /* committed and not handed */
};

/* All chunks are free.  Borrows both arrays; `count` is at most 65,535. */
void send_pool_init(struct send_pool *pool, struct send_chunk *chunks, uint8_t *bytes,
                    uint32_t count);

/* Where to write the next bytes, and how many fit there; NULL: no chunk is free. */
uint8_t *send_queue_reserve(struct send_pool *pool, struct send_queue *q, size_t *space);

/* So many of the reserved bytes were written. */
void send_queue_commit(struct send_pool *pool, struct send_queue *q, size_t length);

/* The next run to hand over, in one piece; false: there is none. */
bool send_queue_next(const struct send_pool *pool, const struct send_queue *q, uint32_t *offset,
                     uint32_t *length);
void send_queue_handed(struct send_pool *pool, struct send_queue *q, uint32_t length);

/* Errors: BAD_DATA, so many were not handed over. */
CHECK_RESULT enum status send_queue_done(struct send_pool *pool, struct send_queue *q,
                                         uint32_t length);

/* Free all of it. */
void send_queue_clear(struct send_pool *pool, struct send_queue *q);

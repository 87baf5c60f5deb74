/*
 * Pool: items of one size, cut from frames.
 *
 * Each frame starts with a small head and holds as many items as fit; a frame whose last item
 * comes back is given back itself, so memory returns to where it was.  Taking and returning
 * are O(1).  Items are 16-byte aligned and zeroed when taken.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/status.h"
#include "base/list.h"
#include "base/path.h"

struct pool {
    size_t item_bytes;
    struct list partial; /* frames with at least one free item */
};

BOOT_ONLY void pool_init(struct pool *pool, size_t item_bytes);

/* Errors: OUT_OF_MEMORY. */
CHECK_RESULT enum status pool_take(struct pool *pool, void **out);

/* The same, with whatever is in it: for who is to write all of it. */
CHECK_RESULT enum status pool_take_as_is(struct pool *pool, void **out);

void pool_return(struct pool *pool, void *item);

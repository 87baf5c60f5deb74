/*
 * The endpoints there can be: as many as the socket table has slots, allocated while in use.
 */
#pragma once

#include "endpoint.h"

/* A zeroed endpoint with its number; NULL: none left. */
struct endpoint *endpoint_pool_take(void);
void endpoint_pool_release(struct endpoint *e);
struct endpoint *endpoint_pool_find(uint32_t number);

/* The first endpoint from `*slot` on; NULL: that was all. */
struct endpoint *endpoint_pool_next(size_t *slot);

/*
 * The client's pools: segments that the device may read or write, and nobody here looks at.
 */
#pragma once

#include "device.h"

/*
 * Learn where a device finds `segment`, which must be one physical run.
 * Ownership: takes over the handle on success.
 * Errors: NOT_SUPPORTED (not contiguous); BAD_HANDLE, WRONG_TYPE, NO_RIGHT (no DMA).
 */
CHECK_RESULT enum status pool_open(struct net_pool *pool, handle_t segment);

/* Let go of it; the device must have been reset before. */
void pool_close(struct net_pool *pool);

/*
 * Quota: what a domain has, of what it may have.
 *
 * Handles are counted by their table.  Locking: the kernel lock.
 */
#pragma once

#include "domains/domain.h"

/* Which number of struct quota. */
enum quota_kind {
    QUOTA_FRAMES = 0,
    QUOTA_THREADS = 2,
    QUOTA_OBJECTS = 3,
};
_Static_assert(offsetof(struct quota, frames) == QUOTA_FRAMES * sizeof(uint32_t), "");
_Static_assert(offsetof(struct quota, threads) == QUOTA_THREADS * sizeof(uint32_t), "");
_Static_assert(offsetof(struct quota, objects) == QUOTA_OBJECTS * sizeof(uint32_t), "");

/* Charge them; OUT_OF_QUOTA changes nothing. */
CHECK_RESULT enum status quota_take(struct domain *domain, enum quota_kind kind, uint32_t count);

void quota_give(struct domain *domain, enum quota_kind kind, uint32_t count);

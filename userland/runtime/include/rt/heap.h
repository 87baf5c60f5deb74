/*
 * How full the heap is, for records and tests; malloc() is the way to use it.
 */
#pragma once

#include <stddef.h>

struct heap_usage {
    size_t used_bytes;
    size_t total_bytes;
};

void heap_usage_read(struct heap_usage *out);

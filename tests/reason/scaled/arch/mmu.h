/*
 * Frames are CBMC's objects, which have offsets but no addresses.  Asked for the offset, CBMC knows
 * what a pointer made from it leads to; from an integer's bits it would have to guess.
 */
#pragma once

#define page_offset page_offset_by_address
#include "arch/aarch64/include/arch/mmu.h"
#undef page_offset

static inline uint64_t page_offset(const void *pointer)
{
    return __CPROVER_POINTER_OFFSET(pointer) % PAGE_BYTES;
}

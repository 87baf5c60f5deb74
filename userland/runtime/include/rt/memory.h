/*
 * Memory of one's own: a segment, already in the view.
 *
 * malloc() is for ordinary data.  A segment is for what another domain or a device shall see, or
 * for what is too big for the heap.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"

enum memory_flag {
    MEMORY_CONTIGUOUS = 1U << 0, /* physically one run */
    MEMORY_DMA = 1U << 1,        /* memory_dma_address() works, for drivers */
};

struct memory {
    handle_t segment;
    void *address;
    uint64_t length_bytes; /* as asked for, rounded up to pages */
};

/*
 * Create a zeroed segment that this domain may read and write.  `label` shows in `map`.
 * Ownership: the memory is the caller's until memory_release().
 * Errors: OUT_OF_QUOTA, OUT_OF_MEMORY, OUT_OF_SPACE, BAD_ARGUMENT.
 */
CHECK_RESULT enum status memory_create(uint64_t length_bytes, const char *label, unsigned flags,
                                       struct memory *out);

/* Give it up: out of this view, handle closed.  Others who see it keep it. */
void memory_release(struct memory *m);

/* Put a segment that came from somebody else into the view with `rights`, and learn where it is.
 * Ownership: takes over `segment` on success only.
 * Errors: BUSY (it is in the view already: whoever sent it must not change what we rely on),
 * BAD_DATA (it has guard pages, where no memory is), NO_RIGHT, OUT_OF_QUOTA. */
CHECK_RESULT enum status memory_adopt(handle_t segment, rights_t rights, struct memory *out);

/* A handle to hand out, narrowed to `rights` (RIGHTS_MEMORY, DMA) and TRANSFER. */
CHECK_RESULT enum status memory_share(const struct memory *m, rights_t rights, handle_t *out);

/* Where a device finds the byte at `offset`, and how many bytes follow it there without a gap. */
CHECK_RESULT enum status memory_dma_address(const struct memory *m, uint64_t offset,
                                            paddr_t *physical, uint64_t *contiguous_bytes);

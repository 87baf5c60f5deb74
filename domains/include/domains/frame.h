/*
 * Frames: the machine's RAM, in naturally aligned runs of 2^order pages.
 *
 * A binary buddy allocator: taking and giving back touch at most one list per order, so both
 * are bounded.  A free run's links live in the run itself.  Four bytes per frame say what it
 * is; for a frame that holds a table or a pool they also count what is in use there.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"
#include "base/path.h"

#include <stdbool.h>

enum {
    FRAME_ORDER_2M = 9,
    FRAME_ORDER_1G = 18,
    FRAME_ORDERS = 19,
};

enum frame_use {
    FRAME_SEGMENT,
    FRAME_TABLE,
    FRAME_OBJECT,
    FRAME_USES,
};

struct frame_totals {
    uint64_t total; /* ever added */
    uint64_t free;
    uint64_t used[FRAME_USES];
};

/*
 * Start with no frames, for physical addresses [low, high); `records` holds frame_records_bytes()
 * zeroed bytes, for ever.
 */
BOOT_ONLY void frames_init(paddr_t low, paddr_t high, void *records);
BOOT_ONLY uint64_t frames_records_bytes(paddr_t low, paddr_t high);

/* Add RAM that nobody uses; page-aligned.  Context: boot. */
BOOT_ONLY void frames_add(paddr_t base, uint64_t size);

/* The same once booting is over, frame by frame. */
COLD void frames_add_few(paddr_t base, uint64_t size);

/* Take 2^order pages, not zeroed.  Ownership: the caller's.  Errors: OUT_OF_MEMORY. */
CHECK_RESULT enum status frame_allocate(unsigned order, enum frame_use use, paddr_t *out);

/* The same for one page, zeroed. */
CHECK_RESULT enum status frame_allocate_zeroed(enum frame_use use, paddr_t *out);

/* Give back what frame_allocate() or frame_allocate_zeroed() gave at `address`. */
void frame_free(paddr_t address);

/* Give back one page which, as a table that nothing is in any more, is all zeroes. */
void frame_free_zeroed(paddr_t address);

/* Order and use of an allocated run, by its first frame. */
unsigned frame_order(paddr_t address);

struct frame_run {
    paddr_t base;
    unsigned order;
    enum frame_use use;
};

/* The allocated run that `address` lies in, wherever in it; false if there is none. */
bool frame_run_find(paddr_t address, struct frame_run *out);

/* A counter per frame, 0 when it is allocated; what it counts is the frame's user's business. */
uint16_t *frame_count(paddr_t address);

COLD struct frame_totals frame_totals(void);

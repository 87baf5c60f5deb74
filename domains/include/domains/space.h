/*
 * Space: who owns which address of the shared space.
 *
 * 2 MiB slots, placed at random near the asking domain's other slots, so that a view needs few
 * tables.  A slot that is given up rests before it is used again: a pointer that somebody
 * kept must not come to mean something else.  By then every TLB has forgotten it too, since
 * a segment leaves all views before it gives up its slots.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"
#include "arch/layout.h"
#include "base/path.h"

#include <stdbool.h>

struct segment;

enum {
    SPACE_SLOTS = 1 << (SHARED_SPACE_BITS - SLOT_SHIFT),
    SPACE_GIGABYTES = 1 << (SHARED_SPACE_BITS - 30),
    SLOTS_PER_GIGABYTE = 512,
};

/* Start empty; `seed` makes the placements. */
BOOT_ONLY void space_init(uint64_t seed);

/* A number for placement; not for secrets. */
uint64_t space_random(void);

/*
 * Find `count` free slots in a row for `segment`, near gigabyte `home` if there is room; or, if
 * `by_gigabyte`, whole gigabytes that hold as many.  Bounded, as all here is by what is taken.
 * Errors: WOULD_BLOCK (there was no room, but slots that rested are free now: ask again),
 * OUT_OF_SPACE, OUT_OF_MEMORY (for the owner table).
 */
CHECK_RESULT enum status space_take(struct segment *segment, uint32_t count, bool by_gigabyte,
                                    uint32_t home, uaddr_t *out);

/* Hand slots that `from` reserved, and doesn't use, to `to`. */
void space_pass(uaddr_t address, uint32_t count, struct segment *to);

/* Give up `count` slots from `address` on; of whole gigabytes, all. */
void space_give(uaddr_t address, uint32_t count);

/* Borrowed: the segment whose slot this is; NULL if nobody's. */
struct segment *space_owner(uaddr_t address);

/* Frames that the owner tables take. */
uint64_t space_table_frames(void);

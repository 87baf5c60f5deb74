/*
 * Segment: a run of the shared space with its frames.
 *
 * It has one address for ever and one set of leaf tables, made with it and shared by all views.
 * A view's own entry for each 2 MiB slot (or each GiB, for segments of more than a few slots) is
 * the segment's entry narrowed to the view's rights, so putting a segment into a view writes one
 * descriptor or few, and taking it out is the same write back plus TLB maintenance.
 *
 *     BUILDING --build_some--> LIVE --last reference--> TEARING --tear_some--> gone
 *
 * Building (taking and zeroing frames) and tearing down are done in bounded steps.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "arch/pagetable.h"
#include "base/list.h"
#include "base/path.h"
#include "domains/domain.h"
#include "domains/object.h"

enum segment_backing {
    SEGMENT_FRAMES,   /* frames of its own, zeroed */
    SEGMENT_RUN,      /* the same, physically one run */
    SEGMENT_PHYSICAL, /* memory that belongs to nobody's quota: boot archive, devicetree */
    SEGMENT_DEVICE,   /* registers */
    SEGMENT_ALIAS,    /* another segment's frames */
};

struct segment {
    struct object object; /* uses: the views that it is in */
    uaddr_t address;
    uint64_t length; /* multiple of the page size */
    rights_t widest; /* R, W, X that any view can have; DMA is a handle's matter */
    enum segment_backing backing;
    uint32_t slots;    /* 2 MiB slots that it covers */
    uint32_t reserved; /* further slots behind it that nobody else gets */
    _Alignas(uint64_t) struct name label;
    bool by_gigabyte;            /* entries are of level 1, not 2 */
    uint32_t guard_stride_pages; /* every page at a multiple of this is a hole; 0: none */
    uint64_t execute_bytes;      /* alias: how far from the start pages are executable */

    pte_t *entries; /* one per slot or GiB, unnarrowed */
    uint32_t entry_count;
    pte_t one_entry; /* where `entries` points for a single one */

    paddr_t physical;       /* RUN, PHYSICAL, DEVICE: of the first page */
    struct segment *source; /* ALIAS: owns a reference */
    uint64_t source_offset;

    struct domain *owner; /* whom the frames are charged to; NULL once that is gone */
    struct list_node owner_node;
    uint32_t charged_frames;

    uint64_t done_pages; /* built, or torn down */
    struct list_node reap_node;
};

/* All that is done with a segment at a time is bounded by this. */
#define SEGMENT_LENGTH_MAX (UINT64_C(64) << 30)

/* What a new segment is to be. */
struct segment_request {
    enum segment_backing backing;
    uint64_t length;
    rights_t widest;
    _Alignas(uint64_t) struct name label;
    uint32_t guard_stride_pages;
    uint64_t reserve_slots;
    uint64_t execute_bytes;
    paddr_t physical;       /* PHYSICAL, DEVICE */
    struct segment *source; /* ALIAS; borrowed */
    uint64_t source_offset;
    uaddr_t at; /* 0: anywhere; else where what another segment has reserved begins: all of it */
};

BOOT_ONLY void segments_init(void);

/*
 * Make the object and take its addresses; memory comes by segment_build_some(), and until that
 * is done the segment must not be put into a view.
 * Ownership: one reference, the caller's.
 * Errors: BAD_ARGUMENT, OUT_OF_QUOTA, OUT_OF_MEMORY, OUT_OF_SPACE, WOULD_BLOCK (ask again).
 */
CHECK_RESULT enum status segment_create(struct domain *owner, const struct segment_request *request,
                                        struct segment **out);

/*
 * Take, zero and enter some more pages, until the segment is whole.
 * Errors: WOULD_BLOCK (there are more: ask again); OUT_OF_QUOTA, OUT_OF_MEMORY; the segment is to
 * be put then.
 */
CHECK_RESULT enum status segment_build_some(struct segment *segment);

/* The leaf that maps the page at `offset`; 0 for a hole. */
pte_t segment_leaf(const struct segment *segment, uint64_t offset);

/* Physical address of the byte at `offset`; 0 in a hole. */
paddr_t segment_physical(const struct segment *segment, uint64_t offset);

/*
 * `domain` owns it, and pays for it, from now on.
 * Errors: PEER_DEAD (it has stopped), OUT_OF_QUOTA; with nothing changed.
 */
CHECK_RESULT enum status segment_assign(struct segment *segment, struct domain *domain);

/* The domain that pays for it goes; whoever still has it keeps it. */
void segment_disown(struct segment *segment);

/* Do a bounded part of the teardown that is outstanding; returns whether there is more. */
bool segments_reap_some(void);
bool segments_reap_pending(void);

static inline struct segment *segment_of_object(struct object *object)
{
    return (struct segment *)(void *)object; /* its first member */
}

/* A step of either kind, with the way into the kernel and out, takes at most 3,000 instructions. */
enum { SEGMENT_STEP_PAGES = 8 };

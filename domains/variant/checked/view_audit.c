#include "view_audit.h"

#include "arch/mmu.h"
#include "base/bits.h"
#include "claim.h"
#include "domains/frame.h"
#include "domains/segment.h"
#include "domains/space.h"
#include "frame_rights.h"
#include "grants.h"
#include "walk.h"

enum {
    FORBIDDEN_MAX = 4,
    LEAF_TABLES_MAX = 16,
};

static struct {
    paddr_t base;
    uint64_t bytes;
} forbidden[FORBIDDEN_MAX];
static unsigned forbidden_count;

/* What one walk counts and remembers. */
struct visit {
    bool is_sweep;
    unsigned stride;    /* one of so many tables of leaves is looked at: */
    unsigned chosen;    /* which */
    uint32_t tables;    /* of the view's own, the root among them */
    uint64_t entries;   /* that show segments */
    paddr_t known_base; /* a run of segment frames that a leaf led to */
    uint64_t known_bytes;
};

/* A leaf, and all that is said about it elsewhere. */
struct leaf {
    const struct walk_step *step;
    const struct segment *segment;
    rights_t granted;
    pte_t entry;
    uint64_t offset; /* in the segment */
    uint64_t bytes;
};

void view_audit_forbid(paddr_t base, uint64_t bytes)
{
    ASSERT(forbidden_count < FORBIDDEN_MAX);
    forbidden[forbidden_count].base = base;
    forbidden[forbidden_count++].bytes = bytes;
}

static void leaf_claim(bool holds, const char *what, const struct leaf *leaf)
{
    claim(holds, what, leaf->step->domain, leaf->segment->address + leaf->offset, leaf->entry);
}

static bool is_forbidden(paddr_t base, uint64_t bytes)
{
    for (unsigned i = 0; i < forbidden_count; i++)
        if (base < forbidden[i].base + forbidden[i].bytes && forbidden[i].base < base + bytes)
            return true;
    return false;
}

/* Frames that the allocator gave to a segment, all of them. */
static bool is_segment_run(struct visit *visit, paddr_t base, uint64_t bytes)
{
    struct frame_run run;

    if (base - visit->known_base < visit->known_bytes)
        return base + bytes <= visit->known_base + visit->known_bytes;
    if (!frame_run_find(base, &run) || run.use != FRAME_SEGMENT)
        return false;
    visit->known_base = run.base;
    visit->known_bytes = BIT(run.order) * PAGE_BYTES;
    return base + bytes <= visit->known_base + visit->known_bytes;
}

static void backing_audit(struct visit *visit, const struct leaf *leaf)
{
    const struct segment *segment = leaf->segment;
    const paddr_t physical = pte_address(leaf->entry);
    struct frame_run run;

    leaf_claim(!is_forbidden(physical, leaf->bytes), "a view leads to nothing of the kernel", leaf);
    switch (segment->backing) {
    case SEGMENT_RUN:
        leaf_claim(physical == segment->physical + leaf->offset, "a run is in order", leaf);
        leaf_claim(is_segment_run(visit, physical, leaf->bytes), "a frame is a segment's", leaf);
        return;
    case SEGMENT_FRAMES:
        leaf_claim(is_segment_run(visit, physical, leaf->bytes), "a frame is a segment's", leaf);
        return;
    case SEGMENT_ALIAS:
        leaf_claim(physical
                       == segment_physical(segment->source, segment->source_offset + leaf->offset),
                   "an alias is its source's frames", leaf);
        leaf_claim((segment->source->widest & RIGHT_WRITE) == 0, "what has an alias is constant",
                   leaf);
        return;
    case SEGMENT_DEVICE:
        leaf_claim(!frame_run_find(physical, &run), "registers are not RAM", leaf);
        leaf_claim((leaf->entry & PTE_ATTRIBUTE(7)) == PTE_ATTRIBUTE(1), "registers are Device",
                   leaf);
        leaf_claim(physical == segment->physical + leaf->offset, "registers are in order", leaf);
        return;
    case SEGMENT_PHYSICAL:
        leaf_claim(physical == segment->physical + leaf->offset, "boot memory is in order", leaf);
        return;
    }
}

static rights_t rights_wanted(const struct leaf *leaf)
{
    const struct segment *segment = leaf->segment;

    if (segment->backing == SEGMENT_ALIAS && leaf->offset >= segment->execute_bytes)
        return leaf->granted & ~(rights_t)RIGHT_EXECUTE;
    return leaf->granted;
}

static void leaf_audit(struct visit *visit, const struct leaf *leaf)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;
    const rights_t rights = walk_rights(leaf->step->limits, leaf->entry);

    leaf_claim((walk_rights(0, leaf->entry) & w_and_x) != w_and_x,
               "no leaf is writable and executable", leaf);
    leaf_claim(rights == rights_wanted(leaf), "a leaf gives the rights that were granted", leaf);
    leaf_claim((leaf->entry & PTE_NOT_GLOBAL) != 0, "a leaf is not global", leaf);
    leaf_claim((leaf->entry & PTE_ACCESSED) != 0, "a leaf has its access flag", leaf);
    leaf_claim((leaf->entry & PTE_PXN) != 0, "EL1 executes nothing of a view", leaf);
    leaf_claim(leaf->offset + leaf->bytes <= leaf->segment->length, "a leaf is within the segment",
               leaf);
    backing_audit(visit, leaf);
    if (visit->is_sweep)
        leaf_claim(frame_rights_add(pte_address(leaf->entry), leaf->bytes, rights),
                   "no two views write and execute a frame", leaf);
}

/* The segment that the step shows, by the owner table; the domain was granted it. */
static const struct segment *segment_of(const struct walk_step *step)
{
    const struct segment *segment = space_owner(step->address);

    claim(segment != NULL, "a view shows no address that nobody owns", step->domain, step->address,
          step->entry);
    claim(grants_find(step->domain, segment) != 0, "a view shows no segment that was not granted",
          step->domain, step->address, step->entry);
    return segment;
}

/* The same table or block as the segment's entry, whatever this view's rights. */
static void entry_audit(const struct walk_step *step, const struct segment *segment)
{
    const unsigned shift = segment->by_gigabyte ? LEVEL1_SHIFT : LEVEL2_SHIFT;
    const uint64_t index = (step->address - segment->address) >> shift;

    claim(index < segment->entry_count && pte_is_valid(segment->entries[index])
              && pte_address(segment->entries[index]) == pte_address(step->entry)
              && pte_is_table(segment->entries[index]) == pte_is_table(step->entry),
          "a view leads to the segment's own tables", step->domain, step->address, step->entry);
}

static void slot_audit(struct visit *visit, const struct walk_step *step)
{
    const struct segment *segment = segment_of(step);
    struct leaf leaf = {.step = step,
                        .segment = segment,
                        .granted = grants_find(step->domain, segment),
                        .entry = step->entry,
                        .offset = step->address - segment->address,
                        .bytes = SLOT_BYTES};

    claim(step->is_shared == segment->by_gigabyte, "large segments bring their tables",
          step->domain, step->address, step->entry);
    if (!step->is_shared) {
        visit->entries++;
        entry_audit(step, segment);
    }
    if (step->below == NULL) {
        leaf_audit(visit, &leaf);
        return;
    }
    if (!step->is_shared && (step->address >> SLOT_SHIFT) % visit->stride != visit->chosen)
        return;
    leaf.bytes = PAGE_BYTES;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++, leaf.offset += PAGE_BYTES) {
        leaf.entry = step->below[i];
        if (!pte_is_valid(leaf.entry))
            continue;
        leaf_claim(pte_is_table(leaf.entry), "a leaf of level 3 is a page", &leaf);
        leaf_audit(visit, &leaf);
    }
}

/* A table of the view's own: it shows something, and its frame is a table's. */
static void table_audit(struct visit *visit, const struct walk_step *step)
{
    struct walk_valid valid;
    struct frame_run run;
    uint64_t any = 0;

    visit->tables++;
    walk_find_valid(step->below, &valid);
    for (unsigned i = 0; i < TABLE_ENTRIES / 64; i++)
        any |= valid.bits[i];
    claim(frame_run_find(pte_address(step->entry), &run) && run.use == FRAME_TABLE,
          "a table's frame is a table's", step->domain, step->address, step->entry);
    claim(any != 0, "a view has no table that shows nothing", step->domain, step->address,
          step->entry);
}

static void on_step(const struct walk_step *step, void *context)
{
    struct visit *visit = context;

    if (step->level == 2) {
        slot_audit(visit, step);
    } else if (step->limits == 0) {
        table_audit(visit, step);
    } else {
        visit->entries++;
        const struct segment *segment = segment_of(step);
        claim(segment->by_gigabyte, "small segments share tables of level 3 only", step->domain,
              step->address, step->entry);
        entry_audit(step, segment);
    }
}

void view_audit(const struct domain *domain, uint32_t entries, bool is_sweep)
{
    struct visit visit = {
        .is_sweep = is_sweep, .tables = 1, .stride = entries / LEAF_TABLES_MAX + 1};

    visit.chosen = walk_chance(visit.stride);
    if (domain->cross.ttbr != 0)
        claim((domain->cross.ttbr & BITS(47, 0)) == direct_map_physical(domain->root),
              "TTBR0 leads to the view's root", domain, 0, domain->cross.ttbr);
    walk_view(domain, on_step, &visit);
    claim(visit.entries == entries, "a view shows all that it was granted", domain, 0,
          visit.entries);
    claim(visit.tables == domain->table_frames, "a view pays for the tables that it has", domain, 0,
          visit.tables);
}

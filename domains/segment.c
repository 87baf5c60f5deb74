#include "domains/segment.h"

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "domains/frame.h"
#include "domains/pool.h"
#include "domains/quota.h"
#include "domains/space.h"

enum {
    SLOTS_FEW = 4, /* more are placed by the gigabyte */
    PAGES_PER_SLOT = 1 << (SLOT_SHIFT - PAGE_SHIFT),
    STEP_ORDER_MAX = 3,     /* SEGMENT_STEP_PAGES as an order */
    REAP_STEP_RUNS = 4,     /* each joined with its buddies at the most */
    LEAVES_CLEARED_MAX = 8, /* leaves that are cheaper to clear, one by one, than a page */
};
_Static_assert(1 << STEP_ORDER_MAX == SEGMENT_STEP_PAGES, "a step zeroes one run at the most");

static struct pool segment_pool;
static struct list reap_list; /* struct segment, reap_node: dead, not yet torn down */

static void segment_on_destroy(struct object *object);

static const struct object_class segment_class = {
    .type = OBJECT_SEGMENT,
    .destroy = segment_on_destroy,
};

void segments_init(void)
{
    pool_init(&segment_pool, sizeof(struct segment));
    list_init(&reap_list);
}

static bool owns_frames(const struct segment *segment)
{
    return segment->backing == SEGMENT_FRAMES || segment->backing == SEGMENT_RUN;
}

static uint64_t page_count(const struct segment *segment)
{
    return segment->length / PAGE_BYTES;
}

static bool is_hole(const struct segment *segment, uint64_t page)
{
    return segment->guard_stride_pages != 0 && page % segment->guard_stride_pages == 0;
}

static enum status charge_frames(struct segment *segment, uint32_t frames)
{
    if (segment->owner == NULL)
        return STATUS_OK;
    const enum status status = quota_take(segment->owner, QUOTA_FRAMES, frames);
    if (status == STATUS_OK)
        segment->charged_frames += frames;
    return status;
}

/* Charged, but not to be had. */
static void uncharge_frames(struct segment *segment, uint32_t frames)
{
    if (segment->owner == NULL)
        return;
    segment->charged_frames -= frames;
    quota_give(segment->owner, QUOTA_FRAMES, frames);
}

/* A table of the segment's own, charged and zeroed. */
static enum status table_make(struct segment *segment, pte_t *entry)
{
    paddr_t address;
    enum status status = charge_frames(segment, 1);

    if (status == STATUS_OK)
        status = frame_allocate_zeroed(FRAME_TABLE, &address);
    if (status != STATUS_OK)
        return status;
    *entry = pte_table(address);
    return STATUS_OK;
}

/* Borrowed: the level 2 entry of a slot; NULL while its level 2 table is missing. */
static pte_t *slot_entry(const struct segment *segment, uint64_t slot)
{
    if (!segment->by_gigabyte)
        return &segment->entries[slot];
    const pte_t table = segment->entries[slot / TABLE_ENTRIES];
    return pte_is_valid(table) ? (pte_t *)direct_map(pte_address(table)) + slot % TABLE_ENTRIES
                               : NULL;
}

pte_t segment_leaf(const struct segment *segment, uint64_t offset)
{
    const pte_t *entry = slot_entry(segment, offset >> SLOT_SHIFT);

    if (entry == NULL || !pte_is_table(*entry))
        return entry == NULL ? 0 : *entry;
    const pte_t *table = direct_map(pte_address(*entry));
    return table[offset / PAGE_BYTES % PAGES_PER_SLOT];
}

paddr_t segment_physical(const struct segment *segment, uint64_t offset)
{
    const pte_t *entry = slot_entry(segment, offset >> SLOT_SHIFT);

    if (entry == NULL || !pte_is_valid(*entry))
        return 0;
    if (!pte_is_table(*entry))
        return pte_address(*entry) + offset % SLOT_BYTES;
    const pte_t leaf = segment_leaf(segment, offset);
    return pte_is_valid(leaf) ? pte_address(leaf) + offset % PAGE_BYTES : 0;
}

static enum status request_check(const struct segment_request *request)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;

    if (request->length == 0 || !is_aligned(request->length, PAGE_BYTES)
        || request->length > SEGMENT_LENGTH_MAX
        || (uint64_t)request->reserve_slots * SLOT_BYTES > BIT(LEVEL1_SHIFT) / 2
        || (request->reserve_slots != 0 && request->length > BIT(LEVEL1_SHIFT) / 2))
        return STATUS_BAD_ARGUMENT;
    if ((request->widest & RIGHT_READ) == 0 || (request->widest & w_and_x) == w_and_x)
        return STATUS_BAD_ARGUMENT;
    return STATUS_OK;
}

/* The array of entries: inside the object for one, a frame for more. */
static enum status entries_make(struct segment *segment)
{
    paddr_t address;

    if (segment->entry_count == 1) {
        segment->entries = &segment->one_entry;
        return STATUS_OK;
    }
    const enum status status = frame_allocate_zeroed(FRAME_OBJECT, &address);
    if (status != STATUS_OK)
        return status;
    segment->entries = direct_map(address);
    return STATUS_OK;
}

/*
 * By gigabyte, it has level 2 tables of its own, and a view one entry for each; by slot, it shares
 * the view's level 2 table with others, and a view has one entry per slot.
 */
static void segment_shape(struct segment *segment, bool by_gigabyte)
{
    const uint32_t slots = (uint32_t)divide_up(segment->length, SLOT_BYTES);
    const uint32_t gigabytes = (uint32_t)divide_up(slots, SLOTS_PER_GIGABYTE);

    segment->by_gigabyte = by_gigabyte;
    segment->slots = by_gigabyte ? gigabytes * SLOTS_PER_GIGABYTE : slots;
    segment->entry_count = by_gigabyte ? gigabytes : slots;
}

/* Near the owner's others; if that is full, the next ones go where this one goes. */
static enum status slots_take(struct segment *segment)
{
    struct domain *owner = segment->owner;
    const uint32_t count = segment->slots + segment->reserved;
    const uint32_t home = owner == NULL ? 1 : owner->home_gigabyte;

    if (count > SLOTS_PER_GIGABYTE)
        return STATUS_BAD_ARGUMENT;
    const enum status status = space_take(segment, count, false, home, &segment->address);
    if (status == STATUS_OK && owner != NULL)
        owner->home_gigabyte = (uint32_t)(segment->address >> LEVEL1_SHIFT);
    return status;
}

static enum status addresses_take(struct segment *segment, const struct segment_request *request)
{
    enum status status = STATUS_OK;

    if (request->at != 0) {
        segment->address = request->at;
        space_pass(request->at, segment->slots + segment->reserved, segment);
        return STATUS_OK;
    }
    if (!segment->by_gigabyte)
        return slots_take(segment);
    status = space_take(segment, segment->slots, true, 0, &segment->address);
    if (status != STATUS_OUT_OF_SPACE || segment->length > BIT(LEVEL1_SHIFT) / 2)
        return status;
    segment_shape(segment, false); /* no gigabyte is left */
    status = entries_make(segment);
    return status == STATUS_OK ? slots_take(segment) : status;
}

/* The physical run of a RUN segment: the next power of two, at once, since it must be one piece. */
static enum status run_take(struct segment *segment)
{
    const uint64_t pages = page_count(segment);
    const unsigned order = pages == 1 ? 0 : bits_highest(pages - 1) + 1;

    if (order >= FRAME_ORDERS)
        return STATUS_OUT_OF_MEMORY;
    const enum status status = charge_frames(segment, (uint32_t)BIT(order));
    if (status != STATUS_OK)
        return status;
    return frame_allocate(order, FRAME_SEGMENT, &segment->physical);
}

static void segment_fill(struct segment *segment, struct domain *owner,
                         const struct segment_request *request)
{
    *segment = (struct segment){
        .length = request->length,
        .widest = request->widest & RIGHTS_MEMORY,
        .backing = request->backing,
        .reserved = request->reserve_slots,
        .label = request->label,
        .guard_stride_pages = request->guard_stride_pages,
        .execute_bytes = request->execute_bytes,
        .physical = request->physical,
        .source = request->source,
        .source_offset = request->source_offset,
        .owner = owner,
    };
    segment_shape(segment, request->at == 0 && request->reserve_slots == 0
                               && request->length > SLOTS_FEW * SLOT_BYTES);
    object_init(&segment->object, &segment_class);
    if (segment->source != NULL)
        object_get(&segment->source->object);
}

/* Everything that is given back when a segment ends, but for its address. */
static void segment_free(struct segment *segment)
{
    if (segment->entries != NULL && segment->entries != &segment->one_entry)
        frame_free_zeroed(direct_map_physical(segment->entries)); /* nothing is left below */
    if (segment->owner != NULL) {
        quota_give(segment->owner, QUOTA_OBJECTS, 1);
        quota_give(segment->owner, QUOTA_FRAMES, segment->charged_frames);
        list_remove(&segment->owner_node);
    }
    if (segment->source != NULL)
        object_put(&segment->source->object);
    pool_return(&segment_pool, segment);
}

enum status segment_create(struct domain *owner, const struct segment_request *request,
                           struct segment **out)
{
    void *memory;
    enum status status = request_check(request);

    if (status == STATUS_OK && owner != NULL)
        status = quota_take(owner, QUOTA_OBJECTS, 1);
    if (status != STATUS_OK)
        return status;
    status = pool_take_as_is(&segment_pool, &memory);
    if (status != STATUS_OK) {
        if (owner != NULL)
            quota_give(owner, QUOTA_OBJECTS, 1);
        return status;
    }

    struct segment *segment = memory;
    segment_fill(segment, owner, request);
    if (owner != NULL)
        list_push_back(&owner->segments, &segment->owner_node);
    status = entries_make(segment);
    if (status == STATUS_OK && owns_frames(segment) && segment->backing == SEGMENT_RUN)
        status = run_take(segment);
    if (status == STATUS_OK)
        status = addresses_take(segment, request);
    if (status != STATUS_OK) {
        if (segment->backing == SEGMENT_RUN && segment->physical != 0)
            frame_free(segment->physical);
        segment_free(segment);
        return status;
    }
    *out = segment;
    return STATUS_OK;
}

/* Make sure that level 2 and, unless the slot gets a block, level 3 exist for the slot. */
static enum status slot_prepare(struct segment *segment, uint64_t slot, bool block)
{
    if (segment->by_gigabyte && slot % TABLE_ENTRIES == 0) {
        pte_t *above = &segment->entries[slot / TABLE_ENTRIES];
        const enum status status = pte_is_valid(*above) ? STATUS_OK : table_make(segment, above);
        if (status != STATUS_OK)
            return status;
    }
    pte_t *entry = slot_entry(segment, slot);
    if (block || pte_is_valid(*entry))
        return STATUS_OK;
    return table_make(segment, entry);
}

/* Where a page that the segment doesn't own lies. */
static paddr_t borrowed_page(const struct segment *segment, uint64_t page)
{
    const uint64_t offset = page * PAGE_BYTES;

    if (segment->backing == SEGMENT_ALIAS)
        return segment_physical(segment->source, segment->source_offset + offset);
    return segment->physical + offset;
}

static rights_t page_widest(const struct segment *segment, uint64_t page)
{
    if (segment->backing == SEGMENT_ALIAS && page * PAGE_BYTES >= segment->execute_bytes)
        return segment->widest & ~(rights_t)RIGHT_EXECUTE;
    return segment->widest;
}

static void leaves_write(struct segment *segment, uint64_t page, paddr_t physical, uint64_t count)
{
    pte_t *table = direct_map(pte_address(*slot_entry(segment, page / PAGES_PER_SLOT)));

    for (uint64_t i = 0; i < count; i++)
        table[(page + i) % PAGES_PER_SLOT] =
            pte_leaf(physical + i * PAGE_BYTES, page_widest(segment, page + i),
                     segment->backing == SEGMENT_DEVICE, 3);
}

static void pages_zero(paddr_t physical, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        zero_page(direct_map(physical + i * PAGE_BYTES));
}

/* How many pages from `page` on can be done in one go: to the slot's end, or to the next hole. */
static uint64_t step_pages(const struct segment *segment, uint64_t page)
{
    uint64_t count = page_count(segment) - page;

    if (count > PAGES_PER_SLOT - page % PAGES_PER_SLOT)
        count = PAGES_PER_SLOT - page % PAGES_PER_SLOT;
    if (count > SEGMENT_STEP_PAGES)
        count = SEGMENT_STEP_PAGES;
    if (segment->guard_stride_pages != 0) {
        const uint64_t to_hole = segment->guard_stride_pages - page % segment->guard_stride_pages;
        if (count > to_hole)
            count = to_hole;
    }
    return count;
}

/* Own frames: the largest run to be had, at most `*count` pages; `*count` is what it was. */
static enum status frames_take(struct segment *segment, uint64_t *count, paddr_t *out)
{
    unsigned order = bits_highest(*count);

    if (charge_frames(segment, (uint32_t)BIT(order)) != STATUS_OK)
        return STATUS_OUT_OF_QUOTA;
    while (frame_allocate(order, FRAME_SEGMENT, out) != STATUS_OK) {
        if (order == 0)
            return STATUS_OUT_OF_MEMORY;
        order--;
        uncharge_frames(segment, (uint32_t)BIT(order));
    }
    *count = BIT(order);
    return STATUS_OK;
}

/* A whole slot of own frames can be one block, if the machine has one. */
static bool block_try(struct segment *segment, uint64_t page)
{
    paddr_t physical;

    if (segment->backing != SEGMENT_FRAMES || segment->guard_stride_pages != 0
        || page % PAGES_PER_SLOT != 0 || page_count(segment) - page < PAGES_PER_SLOT)
        return false;
    if (charge_frames(segment, PAGES_PER_SLOT) != STATUS_OK)
        return false;
    if (frame_allocate(FRAME_ORDER_2M, FRAME_SEGMENT, &physical) != STATUS_OK) {
        uncharge_frames(segment, PAGES_PER_SLOT);
        return false;
    }
    *slot_entry(segment, page / PAGES_PER_SLOT) = pte_leaf(physical, segment->widest, false, 2);
    return true;
}

static enum status pages_build(struct segment *segment, uint64_t page, uint64_t *count)
{
    const uint64_t slot = page / PAGES_PER_SLOT;
    paddr_t physical;
    enum status status = slot_prepare(segment, slot, true);

    if (status != STATUS_OK)
        return status;
    const pte_t *entry = slot_entry(segment, slot);
    const bool is_block = pte_is_valid(*entry) && !pte_is_table(*entry);
    if (is_block || (!pte_is_valid(*entry) && block_try(segment, page))) {
        pages_zero(pte_address(*entry) + page % PAGES_PER_SLOT * PAGE_BYTES, *count);
        return STATUS_OK;
    }
    status = slot_prepare(segment, slot, false);
    if (status != STATUS_OK)
        return status;
    if (is_hole(segment, page)) {
        *count = 1;
        return STATUS_OK;
    }
    switch (segment->backing) {
    case SEGMENT_FRAMES:
        status = frames_take(segment, count, &physical);
        if (status != STATUS_OK)
            return status;
        pages_zero(physical, *count);
        break;
    case SEGMENT_RUN:
        physical = segment->physical + page * PAGE_BYTES;
        pages_zero(physical, *count);
        break;
    default:
        physical = borrowed_page(segment, page);
        *count = segment->backing == SEGMENT_ALIAS ? 1 : *count;
        break;
    }
    leaves_write(segment, page, physical, *count);
    return STATUS_OK;
}

enum status segment_build_some(struct segment *segment, bool *done)
{
    const uint64_t end = page_count(segment);
    uint64_t budget = SEGMENT_STEP_PAGES;

    while (budget > 0 && segment->done_pages < end) {
        uint64_t count = step_pages(segment, segment->done_pages);
        if (count > budget)
            count = budget;
        const enum status status = pages_build(segment, segment->done_pages, &count);
        if (status != STATUS_OK)
            return status;
        segment->done_pages += count;
        budget -= count;
    }
    *done = segment->done_pages == end;
    if (*done)
        tlb_publish(); /* all its tables, before any view's entry leads to them */
    return STATUS_OK;
}

enum status segment_assign(struct segment *segment, struct domain *domain)
{
    const uint32_t frames = segment->charged_frames;
    enum status status = quota_take(domain, QUOTA_OBJECTS, 1);

    if (status != STATUS_OK)
        return status;
    status = quota_take(domain, QUOTA_FRAMES, frames);
    if (status != STATUS_OK) {
        quota_give(domain, QUOTA_OBJECTS, 1);
        return status;
    }
    if (segment->owner != NULL)
        segment_disown(segment);
    segment->owner = domain;
    segment->charged_frames = frames;
    list_push_back(&domain->segments, &segment->owner_node);
    return STATUS_OK;
}

void segment_disown(struct segment *segment)
{
    list_remove(&segment->owner_node);
    quota_give(segment->owner, QUOTA_OBJECTS, 1);
    quota_give(segment->owner, QUOTA_FRAMES, segment->charged_frames);
    segment->charged_frames = 0;
    segment->owner = NULL;
}

static void segment_on_destroy(struct object *object)
{
    struct segment *segment = segment_of_object(object);

    ASSERT(segment->object.uses == 0);
    space_give(segment->address, segment->slots + segment->reserved);
    segment->done_pages = 0;
    list_push_back(&reap_list, &segment->reap_node);
}

/* Whether a slot's leaves are zeroes again when its pages are free. */
static bool leaves_are_cleared(const struct segment *segment, uint64_t slot)
{
    return segment->backing == SEGMENT_FRAMES
           || page_count(segment) - slot * PAGES_PER_SLOT <= LEAVES_CLEARED_MAX;
}

static void leaves_clear(pte_t *leaves, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        leaves[i] = 0;
}

/* Free what backs the pages from `page` on that lie in one run; returns how many pages that was. */
static uint64_t pages_free(struct segment *segment, uint64_t page)
{
    const uint64_t slot = page / PAGES_PER_SLOT;
    const uint64_t slot_rest = PAGES_PER_SLOT - page % PAGES_PER_SLOT;
    pte_t *entry = slot_entry(segment, slot);

    if (entry == NULL || !pte_is_valid(*entry))
        return slot_rest;
    if (!pte_is_table(*entry)) {
        frame_free(pte_address(*entry));
        *entry = 0;
        return slot_rest;
    }
    pte_t *leaves = (pte_t *)direct_map(pte_address(*entry)) + page % PAGES_PER_SLOT;
    if (segment->backing != SEGMENT_FRAMES) {
        if (leaves_are_cleared(segment, slot))
            leaves_clear(leaves, page_count(segment) - page);
        return slot_rest;
    }
    if (!pte_is_valid(*leaves))
        return 1;
    const paddr_t run = pte_address(*leaves);
    const uint64_t count = BIT(frame_order(run));
    leaves_clear(leaves, count);
    frame_free(run);
    return count;
}

/* The pages before `page` are free: free the tables that nothing is left below of. */
static void tables_free(struct segment *segment, uint64_t page)
{
    const uint64_t slot = (page - 1) / PAGES_PER_SLOT;
    pte_t *entry = slot_entry(segment, slot);

    if (entry != NULL && pte_is_table(*entry)) {
        if (leaves_are_cleared(segment, slot))
            frame_free_zeroed(pte_address(*entry));
        else
            frame_free(pte_address(*entry));
        *entry = 0;
    }
    const bool last = page >= page_count(segment);
    if (!segment->by_gigabyte || ((slot + 1) % TABLE_ENTRIES != 0 && !last))
        return;
    pte_t *above = &segment->entries[slot / TABLE_ENTRIES];
    if (pte_is_valid(*above))
        frame_free_zeroed(pte_address(*above));
    *above = 0;
}

bool segments_reap_pending(void)
{
    return !list_is_empty(&reap_list);
}

bool segments_reap_some(void)
{
    if (list_is_empty(&reap_list))
        return false;

    struct segment *segment = LIST_ENTRY(list_first(&reap_list), struct segment, reap_node);
    const uint64_t end = page_count(segment);
    for (unsigned i = 0; i < REAP_STEP_RUNS && segment->done_pages < end; i++) {
        segment->done_pages += pages_free(segment, segment->done_pages);
        if (segment->done_pages % PAGES_PER_SLOT == 0 || segment->done_pages >= end)
            tables_free(segment, segment->done_pages);
    }
    if (segment->done_pages >= end) {
        list_remove(&segment->reap_node);
        if (segment->backing == SEGMENT_RUN)
            frame_free(segment->physical);
        segment_free(segment);
    }
    return segments_reap_pending();
}

#include "domains/segment.h"

#include "arch/cpu.h"
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
    PAGES_PER_GIGABYTE = PAGES_PER_SLOT * SLOTS_PER_GIGABYTE,
    REAP_STEP_RUNS = 4,     /* each joined with its buddies at the most */
    LEAVES_CLEARED_MAX = 8, /* leaves that are cheaper to clear, one by one, than a page */
};

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

static uint64_t page_count(const struct segment *segment)
{
    return segment->length / PAGE_BYTES;
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

/* A run of the segment's own frames, charged. */
static enum status frames_take(struct segment *segment, unsigned order, paddr_t *out)
{
    const uint32_t frames = (uint32_t)BIT(order);
    enum status status = charge_frames(segment, frames);

    if (status != STATUS_OK)
        return status;
    status = frame_allocate(order, FRAME_SEGMENT, out);
    if (status != STATUS_OK && segment->owner != NULL) {
        segment->charged_frames -= frames;
        quota_give(segment->owner, QUOTA_FRAMES, frames);
    }
    return status;
}

/* A table of the segment's own, charged and zeroed. */
static enum status table_make(struct segment *segment, pte_t *entry)
{
    paddr_t address;
    enum status status = frame_allocate_zeroed(FRAME_TABLE, &address);

    if (status != STATUS_OK)
        return status;
    status = charge_frames(segment, 1);
    if (status == STATUS_OK)
        *entry = pte_table(address);
    else
        frame_free_zeroed(address);
    return status;
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
    const pte_t leaf = segment_leaf(segment, offset);

    if (!pte_is_valid(leaf))
        return 0;
    return pte_address(leaf) + offset % ((leaf & PTE_TABLE) != 0 ? PAGE_BYTES : SLOT_BYTES);
}

static enum status request_check(const struct segment_request *request)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;

    if (request->length == 0 || !is_aligned(request->length, PAGE_BYTES)
        || request->length > SEGMENT_LENGTH_MAX || request->reserve_slots > SLOTS_PER_GIGABYTE / 2
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
    const enum status status = space_take(segment, segment->slots + segment->reserved, false,
                                          owner->home_gigabyte, &segment->address);

    if (status == STATUS_OK)
        owner->home_gigabyte = (uint32_t)(segment->address >> LEVEL1_SHIFT);
    return status;
}

static enum status addresses_take(struct segment *segment, uaddr_t at)
{
    if (at != 0) {
        space_owner(at)->reserved = 0;
        space_pass(at, segment->slots, segment);
        segment->address = at;
        return STATUS_OK;
    }
    if (!segment->by_gigabyte)
        return slots_take(segment);
    enum status status = space_take(segment, segment->slots, true, 0, &segment->address);
    if (status != STATUS_OUT_OF_SPACE || segment->length > BIT(LEVEL1_SHIFT) / 2)
        return status;
    segment_shape(segment, false); /* no gigabyte is left */
    status = entries_make(segment);
    return status == STATUS_OK ? slots_take(segment) : status;
}

/* The physical run of a RUN segment: the next power of two, at once, since it must be one piece. */
static enum status run_take(struct segment *segment)
{
    const unsigned order = 64 - bits_leading_zeros(page_count(segment) - 1);

    if (order >= FRAME_ORDERS)
        return STATUS_OUT_OF_MEMORY;
    return frames_take(segment, order, &segment->physical);
}

static void segment_fill(struct segment *segment, const struct segment_request *request)
{
    segment->length = request->length;
    segment->widest = request->widest & RIGHTS_MEMORY;
    segment->backing = request->backing;
    segment->reserved = (uint32_t)request->reserve_slots;
    segment->label = request->label;
    segment->guard_stride_pages = request->guard_stride_pages;
    segment->execute_bytes = request->execute_bytes;
    segment->physical = request->physical;
    segment->source = request->source;
    segment->source_offset = request->source_offset;
    segment_shape(segment, request->at == 0 && request->reserve_slots == 0
                               && request->length > SLOTS_FEW * SLOT_BYTES);
    object_init(&segment->object, &segment_class);
    if (segment->source != NULL)
        object_get(&segment->source->object);
}

/* Everything that is given back when a segment ends, but for its addresses and its own pages. */
static void segment_free(struct segment *segment)
{
    if (segment->backing == SEGMENT_RUN && segment->physical != 0)
        frame_free(segment->physical);
    if (segment->entries != NULL && segment->entries != &segment->one_entry)
        frame_free_zeroed(direct_map_physical(segment->entries)); /* nothing is left below */
    if (segment->owner != NULL)
        segment_disown(segment);
    if (segment->source != NULL)
        object_put(&segment->source->object);
    pool_return(&segment_pool, segment);
}

enum status segment_create(struct domain *owner, const struct segment_request *request,
                           struct segment **out)
{
    void *memory;
    enum status status = request_check(request);

    /* Addresses come first, and have no quota: what can't be paid for gets none. */
    if (status == STATUS_OK && request->length / SLOT_BYTES > owner->limit.frames)
        status = STATUS_OUT_OF_QUOTA;
    if (status == STATUS_OK)
        status = pool_take(&segment_pool, &memory);
    if (status != STATUS_OK)
        return status;

    struct segment *segment = memory;
    segment_fill(segment, request);
    status = segment_assign(segment, owner);
    if (status == STATUS_OK)
        status = entries_make(segment);
    if (status == STATUS_OK && segment->backing == SEGMENT_RUN)
        status = run_take(segment);
    if (status == STATUS_OK)
        status = addresses_take(segment, request->at);
    if (status != STATUS_OK) {
        segment_free(segment);
        return status;
    }
    *out = segment;
    return STATUS_OK;
}

/* By gigabyte, the slot needs a level 2 table first. */
static enum status level2_prepare(struct segment *segment, uint64_t slot)
{
    pte_t *above = &segment->entries[slot / TABLE_ENTRIES];

    return segment->by_gigabyte && !pte_is_valid(*above) ? table_make(segment, above) : STATUS_OK;
}

static pte_t leaf_make(const struct segment *segment, uint64_t page, paddr_t physical)
{
    rights_t widest = segment->widest;

    if (segment->backing == SEGMENT_ALIAS && page * PAGE_BYTES >= segment->execute_bytes)
        widest &= ~(rights_t)RIGHT_EXECUTE;
    return pte_leaf(physical, widest, segment->backing == SEGMENT_DEVICE, 3);
}

static void pages_zero(paddr_t physical, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        zero_page(direct_map(physical + i * PAGE_BYTES));
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A whole slot of own frames can be one block, if the machine has one. */
static bool block_try(struct segment *segment, uint64_t page, pte_t *entry)
{
    paddr_t physical;

    if (segment->backing != SEGMENT_FRAMES || segment->guard_stride_pages != 0
        || page % PAGES_PER_SLOT != 0 || page_count(segment) - page < PAGES_PER_SLOT
        || frames_take(segment, FRAME_ORDER_2M, &physical) != STATUS_OK)
        return false;
    *entry = pte_leaf(physical, segment->widest, false, 2);
    return true;
}

/*
 * What backs the pages from `page` on, of which `*count` are wanted: own frames are the largest
 * run to be had, and others are where they are.  `*count` is how many there are in one run.
 */
static enum status pages_back(struct segment *segment, uint64_t page, uint64_t *count,
                              paddr_t *physical)
{
    if (segment->backing == SEGMENT_FRAMES) {
        unsigned order = bits_highest(*count);
        enum status status;
        while ((status = frames_take(segment, order, physical)) == STATUS_OUT_OF_MEMORY
               && order > 0)
            order--;
        *count = BIT(order);
        return status;
    }
    *physical = segment->physical + page * PAGE_BYTES;
    if (segment->backing == SEGMENT_ALIAS) {
        *physical = segment_physical(segment->source, segment->source_offset + page * PAGE_BYTES);
        *count = 1;
    }
    return STATUS_OK;
}

/* Build pages from `page` on, at most `*count`; `*count` is how many it was. */
static enum status pages_build(struct segment *segment, uint64_t page, uint64_t *count)
{
    const uint64_t in_slot = page % PAGES_PER_SLOT;
    const uint32_t stride = segment->guard_stride_pages;
    paddr_t physical;
    enum status status = level2_prepare(segment, page / PAGES_PER_SLOT);

    if (status != STATUS_OK)
        return status;
    pte_t *entry = slot_entry(segment, page / PAGES_PER_SLOT);
    if (!pte_is_valid(*entry) && !block_try(segment, page, entry)) {
        status = table_make(segment, entry);
        if (status != STATUS_OK || cpu_is_interrupted()) {
            *count = 0;
            return status;
        }
    }
    *count = smaller(smaller(*count, page_count(segment) - page), PAGES_PER_SLOT - in_slot);
    if (!pte_is_table(*entry)) {
        pages_zero(pte_address(*entry) + in_slot * PAGE_BYTES, *count);
        return STATUS_OK;
    }
    if (stride != 0) {
        if (page % stride == 0) {
            *count = 1;
            return STATUS_OK; /* a hole */
        }
        *count = smaller(*count, stride - page % stride);
    }
    status = pages_back(segment, page, count, &physical);
    if (status != STATUS_OK)
        return status;
    if (segment->backing == SEGMENT_FRAMES || segment->backing == SEGMENT_RUN)
        pages_zero(physical, *count);
    pte_t *leaves = (pte_t *)direct_map(pte_address(*entry)) + in_slot;
    const pte_t leaf = leaf_make(segment, page, physical);
    for (uint64_t i = 0; i < *count; i++)
        leaves[i] = leaf + i * PAGE_BYTES;
    return STATUS_OK;
}

enum status segment_build_some(struct segment *segment)
{
    const uint64_t end = page_count(segment);
    uint64_t budget = SEGMENT_STEP_PAGES;

    while (budget > 0 && segment->done_pages < end) {
        uint64_t count = budget;
        const enum status status = pages_build(segment, segment->done_pages, &count);
        if (status != STATUS_OK)
            return status;
        segment->done_pages += count;
        budget -= count;
        if (cpu_is_interrupted())
            break;
    }
    if (segment->done_pages < end)
        return STATUS_WOULD_BLOCK;
    tlb_publish(); /* all its tables, before any view's entry leads to them */
    return STATUS_OK;
}

enum status segment_assign(struct segment *segment, struct domain *domain)
{
    const uint32_t frames = segment->charged_frames;

    if (domain->state >= DOMAIN_STATE_STOPPED)
        return STATUS_PEER_DEAD;
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

static void leaves_clear(pte_t *leaves, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        leaves[i] = 0;
}

/* Free what backs the pages from `page` on that lie in one run; returns how many pages that was. */
static uint64_t pages_free(struct segment *segment, uint64_t page)
{
    pte_t *entry = slot_entry(segment, page / PAGES_PER_SLOT);
    const uint64_t rest = PAGES_PER_SLOT - page % PAGES_PER_SLOT;

    if (entry == NULL)
        return PAGES_PER_GIGABYTE - page % PAGES_PER_GIGABYTE;
    if (!pte_is_valid(*entry))
        return rest;
    if (!pte_is_table(*entry)) {
        frame_free(pte_address(*entry));
        *entry = 0;
        return rest;
    }
    if (segment->backing != SEGMENT_FRAMES)
        return rest;
    pte_t *leaves = (pte_t *)direct_map(pte_address(*entry)) + page % PAGES_PER_SLOT;
    if (!pte_is_valid(*leaves))
        return 1;
    const paddr_t run = pte_address(*leaves);
    const uint64_t count = BIT(frame_order(run));
    leaves_clear(leaves, count);
    frame_free(run);
    return count;
}

/* The leaves of the last `pages` are zeroes where these were frames, and are made so where that is
 * cheap. */
static void leaf_table_free(const struct segment *segment, uint64_t pages, paddr_t table)
{
    if (segment->backing != SEGMENT_FRAMES) {
        if (pages > LEAVES_CLEARED_MAX) {
            frame_free(table);
            return;
        }
        leaves_clear(direct_map(table), pages);
    }
    frame_free_zeroed(table);
}

/* The pages before `page`, of `end`, are free: free the tables that nothing is left below of. */
static void tables_free(struct segment *segment, uint64_t page, uint64_t end)
{
    const uint64_t slot = (page - 1) / PAGES_PER_SLOT;
    pte_t *entry = slot_entry(segment, slot);

    if (entry != NULL && pte_is_table(*entry)) {
        leaf_table_free(segment, end - slot * PAGES_PER_SLOT, pte_address(*entry));
        *entry = 0;
    }
    if (!segment->by_gigabyte || ((slot + 1) % TABLE_ENTRIES != 0 && page < end))
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
            tables_free(segment, segment->done_pages, end);
    }
    if (segment->done_pages >= end) {
        list_remove(&segment->reap_node);
        segment_free(segment);
    }
    return segments_reap_pending();
}

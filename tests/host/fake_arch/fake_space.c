#include "fake_space.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "domains/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SOILED_PAGES = 4096 };

static void domain_on_destroy(struct object *object)
{
    (void)object;
    fail_msg("the test's reference is the last");
}

static const struct object_class domain_class = {
    .type = OBJECT_DOMAIN,
    .destroy = domain_on_destroy,
};

static bool is_never_pinned(const struct domain *domain)
{
    (void)domain;
    return false;
}

bool fake_is_interrupted;

bool cpu_is_interrupted(void)
{
    return fake_is_interrupted;
}

void fake_space_start(uint64_t pages)
{
    fake_is_interrupted = false;
    static void *records;
    const paddr_t end = FAKE_RAM + pages * PAGE_BYTES;

    free(records);
    records = calloc(1, frames_records_bytes(FAKE_RAM, end));
    fake_ram_map(FAKE_RAM, end);
    /* Frames come as others left them. */
    memset(direct_map(FAKE_RAM), 0xd1, (pages < SOILED_PAGES ? pages : SOILED_PAGES) * PAGE_BYTES);
    frames_init(FAKE_RAM, end, records);
    frames_add(FAKE_RAM, pages * PAGE_BYTES);
    space_init(77);
    segments_init();
    asids_init(256);
    asids_set_pinned(is_never_pinned);
    mmu_switch_to_nothing();
    fake_tlb.on_event = NULL;
    fake_tlb_reset();
}

uint64_t fake_space_free(void)
{
    return frame_totals().free;
}

void fake_domain_init(struct domain *domain, uint32_t id, uint32_t frames)
{
    *domain = (struct domain){.id = id};
    object_init(&domain->object, &domain_class);
    list_init(&domain->segments);
    domain->limit = (struct quota){.frames = frames, .objects = 1000};
    assert_int_equal(view_create(domain), STATUS_OK);
}

uint32_t fake_view_slots(const struct domain *domain)
{
    uint32_t slots = 0;

    for (uaddr_t at = 0, next = 1; next != 0; at = next) {
        const struct segment *segment = view_next(domain, at, &next);
        if (segment == NULL)
            break;
        slots += (uint32_t)((segment->length + SLOT_BYTES - 1) / SLOT_BYTES);
    }
    return slots;
}

void fake_domain_end(struct domain *domain)
{
    while (!view_drain(domain, 3)) {
    }
    while (!list_is_empty(&domain->segments))
        segment_disown(LIST_ENTRY(list_first(&domain->segments), struct segment, owner_node));
    asid_release(domain);
    view_destroy(domain);
    assert_int_equal(domain->used.frames, 0);
    assert_int_equal(domain->used.objects, 0);
    assert_int_equal(fake_view_slots(domain), 0);
    assert_int_equal(domain->table_frames, 0);
    assert_int_equal(domain->object.references, 1);
}

struct segment *fake_segment_make(struct domain *owner, const struct segment_request *request,
                                  enum status *status)
{
    struct segment *segment = NULL;

    do {
        *status = segment_create(owner, request, &segment);
    } while (*status == STATUS_WOULD_BLOCK);
    if (*status != STATUS_OK)
        return NULL;
    do {
        const uint64_t before = segment->done_pages;
        *status = segment_build_some(segment);
        assert_true(segment->done_pages - before <= SEGMENT_STEP_PAGES);
    } while (*status == STATUS_WOULD_BLOCK);
    if (*status == STATUS_OK)
        return segment;
    object_put(&segment->object);
    return NULL;
}

void fake_segments_reap(void)
{
    while (segments_reap_some()) {
    }
}

static uint64_t descriptor(paddr_t table, uaddr_t address, unsigned shift)
{
    const uint64_t *entries = direct_map(table);

    return entries[address >> shift & 511];
}

/* Level 1 or 2: what a table descriptor takes away (APTable, UXNTable). */
static rights_t table_allows(uint64_t entry)
{
    rights_t allowed = RIGHTS_MEMORY;

    if ((entry >> 61 & 1) != 0)
        allowed &= ~(rights_t)(RIGHT_READ | RIGHT_WRITE);
    if ((entry >> 62 & 1) != 0)
        allowed &= ~(rights_t)RIGHT_WRITE;
    if ((entry >> 60 & 1) != 0)
        allowed &= ~(rights_t)RIGHT_EXECUTE;
    return allowed;
}

struct fake_walk fake_walk(const struct domain *domain, uaddr_t address)
{
    const uint64_t output = UINT64_C(0x0000fffffffff000);
    struct fake_walk walk = {0};
    rights_t allowed = RIGHTS_MEMORY;
    uint64_t entry = (uint64_t)domain->root[address >> 30 & 511];
    unsigned shift = 30;

    for (unsigned level = 1; level < 3 && (entry & 3) == 3; level++) {
        *(level == 1 ? &walk.level2 : &walk.level3) = entry & output;
        allowed &= table_allows(entry);
        shift -= 9;
        entry = descriptor(entry & output, address, shift);
    }
    /* Valid, a block or, at level 3, a page; with the access flag, or it faults. */
    if ((entry & 1) == 0 || ((entry & 2) != 0) != (shift == 12) || (entry >> 10 & 1) == 0)
        return walk;
    assert_int_equal(entry >> 11 & 1, 1); /* nG */
    assert_int_equal(entry >> 53 & 1, 1); /* PXN */
    if ((entry >> 6 & 1) != 0)
        walk.rights |= RIGHT_READ | ((entry >> 7 & 1) == 0 ? (rights_t)RIGHT_WRITE : 0U);
    if ((entry >> 54 & 1) == 0)
        walk.rights |= RIGHT_EXECUTE;
    walk.rights &= allowed;
    walk.is_device = (entry >> 2 & 7) == 1;
    walk.physical = (entry & output) | (address & ((UINT64_C(1) << shift) - 1));
    return walk;
}

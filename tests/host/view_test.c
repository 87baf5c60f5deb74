/*
 * Views against a model, by walking their tables as the hardware does, with a TLB that fills
 * whenever it may and forgets only what it is told to.
 */
// source: domains/view.c
// source: domains/quota.c
// source: domains/segment.c
// source: domains/space.c
// source: domains/asid.c
// source: domains/variant/unchecked/audit.c
// source: domains/frame.c
// source: domains/pool.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_space.c
// include first: tests/host/fake_arch
#include "domains/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "fake_space.h"

enum { DOMAINS = 4, SEGMENTS = 16, LOOKS = 16, RAM_PAGES = 16384, STEPS = 20000 };
enum { READ_WRITE = RIGHT_READ | RIGHT_WRITE, READ_EXECUTE = RIGHT_READ | RIGHT_EXECUTE };
enum { W_AND_X = RIGHT_WRITE | RIGHT_EXECUTE };

static const uint64_t GIB = UINT64_C(1) << 30;
static const paddr_t FOREIGN = UINT64_C(0x800000000); /* memory that no segment owns */

static struct domain domains[DOMAINS];
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static int setup(void **state)
{
    (void)state;
    fake_space_start(RAM_PAGES);
    for (unsigned d = 0; d < DOMAINS; d++)
        fake_domain_init(&domains[d], d + 1, 100000);
    random_state = 9;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_tlb.on_event = NULL;
    for (unsigned d = 0; d < DOMAINS; d++)
        fake_domain_end(&domains[d]);
    fake_segments_reap();
    assert_int_equal(fake_space_free(), RAM_PAGES);
    return 0;
}

static struct segment *make(const struct segment_request *request)
{
    enum status status;
    struct segment *segment = fake_segment_make(&domains[0], request, &status);

    assert_int_equal(status, STATUS_OK);
    return segment;
}

static struct segment *make_frames(uint64_t length, rights_t widest)
{
    return make(
        &(struct segment_request){.backing = SEGMENT_FRAMES, .length = length, .widest = widest});
}

static void grant(unsigned d, struct segment *segment, rights_t rights)
{
    assert_int_equal(view_grant(&domains[d], segment, rights), STATUS_OK);
}

static void revoke(unsigned d, struct segment *segment)
{
    assert_int_equal(view_revoke(&domains[d], segment), STATUS_OK);
}

/* All of a segment's pages are there with these rights, but for its holes, and nothing behind. */
static void assert_shown(unsigned d, const struct segment *segment, rights_t rights)
{
    const uint64_t slots_end = (uint64_t)segment->slots * SLOT_BYTES;

    for (uint64_t at = 0; at < slots_end; at += PAGE_BYTES) {
        const struct fake_walk walk = fake_walk(&domains[d], segment->address + at);
        const paddr_t physical = at < segment->length ? segment_physical(segment, at) : 0;
        assert_int_equal(walk.rights, physical == 0 ? 0 : rights);
        if (walk.rights != 0)
            assert_true(walk.physical == physical);
        assert_int_equal(view_rights_at(&domains[d], segment->address + at), walk.rights);
    }
}

static void a_granted_segment_is_there_and_a_revoked_one_is_not(void **state)
{
    static const uint64_t pages[] = {1, 3, 511, 512, 513, 1024, 1500};

    (void)state;
    for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct segment *segment = make_frames(pages[i] * PAGE_BYTES, READ_WRITE);
        assert_shown(1, segment, 0);
        grant(1, segment, READ_WRITE);
        assert_shown(1, segment, READ_WRITE);
        assert_shown(2, segment, 0);
        grant(2, segment, RIGHT_READ);
        assert_shown(1, segment, READ_WRITE);
        assert_shown(2, segment, RIGHT_READ);
        grant(1, segment, RIGHT_READ);
        assert_shown(1, segment, RIGHT_READ);
        assert_int_equal(segment->object.uses, 2);
        revoke(1, segment);
        assert_shown(1, segment, 0);
        assert_shown(2, segment, RIGHT_READ);
        revoke(2, segment);
        assert_shown(2, segment, 0);
        assert_int_equal(view_revoke(&domains[2], segment), STATUS_NOT_FOUND);
        object_put(&segment->object);
    }
}

static void guard_pages_are_in_no_view(void **state)
{
    (void)state;
    struct segment *segment = make(&(struct segment_request){.backing = SEGMENT_FRAMES,
                                                             .length = 40 * PAGE_BYTES,
                                                             .widest = READ_WRITE,
                                                             .guard_stride_pages = 5});
    grant(1, segment, READ_WRITE);
    assert_shown(1, segment, READ_WRITE);
    for (uint64_t page = 0; page < 40; page += 5)
        assert_int_equal(fake_walk(&domains[1], segment->address + page * PAGE_BYTES).rights, 0);
    object_put(&segment->object);
}

static void a_gigabyte_is_one_entry_of_the_root(void **state)
{
    (void)state;
    struct segment *segment = make(&(struct segment_request){.backing = SEGMENT_PHYSICAL,
                                                             .length = GIB + 3 * SLOT_BYTES,
                                                             .widest = READ_EXECUTE,
                                                             .physical = FOREIGN});
    const uint32_t frames = domains[1].used.frames;

    grant(1, segment, READ_EXECUTE);
    grant(2, segment, RIGHT_READ);
    assert_int_equal(domains[1].used.frames, frames); /* no table of its own */
    for (uint64_t at = 0; at < 2 * GIB; at += 509 * PAGE_BYTES) {
        const bool inside = at < segment->length;
        const struct fake_walk walk = fake_walk(&domains[1], segment->address + at);
        assert_int_equal(walk.rights, inside ? READ_EXECUTE : 0);
        assert_true(!inside || walk.physical == FOREIGN + at);
        assert_int_equal(fake_walk(&domains[2], segment->address + at).rights,
                         inside ? RIGHT_READ : 0);
        assert_int_equal(view_rights_at(&domains[2], segment->address + at),
                         inside ? RIGHT_READ : 0);
    }
    revoke(1, segment);
    assert_int_equal(fake_walk(&domains[1], segment->address).rights, 0);
    assert_int_equal(fake_walk(&domains[1], segment->address + GIB).rights, 0);
    assert_int_equal(fake_walk(&domains[2], segment->address + GIB).rights, RIGHT_READ);
    object_put(&segment->object);
}

static void registers_are_device_memory_in_every_view(void **state)
{
    (void)state;
    struct segment *segment = make(&(struct segment_request){.backing = SEGMENT_DEVICE,
                                                             .length = 2 * PAGE_BYTES,
                                                             .widest = READ_WRITE,
                                                             .physical = 0x09000000});
    grant(1, segment, READ_WRITE);
    assert_true(fake_walk(&domains[1], segment->address).is_device);
    assert_true(fake_walk(&domains[1], segment->address + PAGE_BYTES).physical == 0x09001000);
    object_put(&segment->object);
}

static void only_sensible_rights_within_the_widest_are_granted(void **state)
{
    (void)state;
    for (rights_t widest = RIGHT_READ; widest <= RIGHTS_MEMORY; widest += 2) {
        if ((widest & W_AND_X) == W_AND_X)
            continue;
        struct segment *segment = make_frames(2 * PAGE_BYTES, widest);
        for (rights_t rights = 0; rights <= 2 * RIGHT_DMA; rights++) {
            enum status expected = STATUS_OK;
            if ((rights & ~widest) != 0)
                expected = STATUS_NO_RIGHT;
            if ((rights & RIGHT_READ) == 0 || rights > RIGHTS_MEMORY
                || (rights & W_AND_X) == W_AND_X)
                expected = STATUS_BAD_ARGUMENT;
            assert_int_equal(view_grant(&domains[1], segment, rights), expected);
            assert_shown(1, segment, expected == STATUS_OK ? rights : 0);
            if (expected == STATUS_OK)
                revoke(1, segment);
        }
        object_put(&segment->object);
    }
}

static void without_quota_or_memory_for_tables_nothing_changes(void **state)
{
    static paddr_t taken[RAM_PAGES];
    unsigned count = 0;

    (void)state;
    struct segment *segment = make_frames(3 * PAGE_BYTES, READ_WRITE);
    domains[1].limit.frames = domains[1].used.frames;
    assert_int_equal(view_grant(&domains[1], segment, RIGHT_READ), STATUS_OUT_OF_QUOTA);
    assert_int_equal(domains[1].used.frames, 1);
    domains[1].limit.frames = 1000;
    while (fake_space_free() > 0)
        assert_int_equal(frame_allocate(0, FRAME_OBJECT, &taken[count++]), STATUS_OK);
    assert_int_equal(view_grant(&domains[1], segment, RIGHT_READ), STATUS_OUT_OF_MEMORY);
    assert_int_equal(domains[1].used.frames, 1);
    assert_shown(1, segment, 0);
    while (count > 0)
        frame_free(taken[--count]);
    assert_int_equal(segment->object.uses, 0);
    object_put(&segment->object);
}

/* What the root and the view's own entry said each time that stores were published. */
static struct {
    const struct segment *segment; /* NULL while it is being built */
    bool built;
    unsigned count;
    bool root[8], entry[8];
} published;

static void on_publish(const struct fake_tlb_event *event)
{
    if (published.segment == NULL) {
        published.built = true;
        return;
    }
    const uaddr_t address = published.segment->address;

    assert_int_equal(event->kind, FAKE_TLB_PUBLISH);
    assert_true(published.count < 8);
    const struct fake_walk walk = fake_walk(&domains[1], address);
    published.root[published.count] = walk.level2 != 0;
    published.entry[published.count++] = walk.level3 != 0;
}

/*
 * A table walk may see stores in any order unless something is between them: a new table is
 * published empty before the root leads to it, and the segment's tables before the view's entry
 * leads to them.
 */
static void what_an_entry_leads_to_is_published_before_it(void **state)
{
    (void)state;
    published.segment = NULL;
    published.built = false;
    published.count = 0;
    fake_tlb.on_event = on_publish;
    published.segment = make_frames(3 * PAGE_BYTES, READ_WRITE);
    grant(1, (struct segment *)(uintptr_t)published.segment, READ_WRITE);
    fake_tlb.on_event = NULL;

    unsigned first_root = 0, first_entry = 0;
    while (first_root < published.count && !published.root[first_root])
        first_root++;
    while (first_entry < published.count && !published.entry[first_entry])
        first_entry++;
    assert_true(published.built); /* the segment's tables, before there is anything to lead there */
    assert_true(first_root > 0);
    assert_true(first_entry >= first_root);
    assert_true(first_entry < published.count); /* and in the end the entry itself */
    object_put(&((struct segment *)(uintptr_t)published.segment)->object);
}

/* The descriptor is gone, or narrower, when the TLB is told; and it is told just this. */
static rights_t rights_at_event;

static void on_forget(const struct fake_tlb_event *event)
{
    if (event->kind != FAKE_TLB_PUBLISH)
        rights_at_event = fake_walk(&domains[1], published.segment->address).rights;
}

static void the_tlb_is_told_after_the_entry_has_changed(void **state)
{
    static const struct {
        uint64_t pages;
        bool by_asid;
    } cases[] = {{1, false}, {TLB_PAGES_MAX, false}, {TLB_PAGES_MAX + 1, true}, {1024, true}};

    (void)state;
    asid_assign(&domains[1]);
    fake_tlb.on_event = on_forget;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct segment *segment = make_frames(cases[i].pages * PAGE_BYTES, READ_WRITE);
        published.segment = segment;
        grant(1, segment, READ_WRITE);
        for (unsigned last = 0; last < 2; last++) {
            fake_tlb_reset();
            rights_at_event = RIGHTS_MEMORY;
            if (last)
                revoke(1, segment);
            else
                grant(1, segment, RIGHT_READ);
            assert_int_equal(rights_at_event, last ? 0 : RIGHT_READ);
            const struct fake_tlb_event *event = &fake_tlb.events[0];
            assert_true(fake_tlb.count >= 1);
            assert_int_equal(event->kind, cases[i].by_asid ? FAKE_TLB_ASID : FAKE_TLB_PAGES);
            assert_int_equal(event->asid, asid_of(&domains[1]));
            if (!cases[i].by_asid) {
                assert_true(event->address == segment->address);
                assert_int_equal(event->pages, cases[i].pages);
            }
        }
        object_put(&segment->object);
    }
}

static void a_domain_without_an_asid_needs_no_invalidation(void **state)
{
    (void)state;
    struct segment *segment = make_frames(PAGE_BYTES, READ_WRITE);
    grant(1, segment, READ_WRITE);
    fake_tlb_reset();
    revoke(1, segment);
    assert_int_equal(fake_tlb.count, 0);
    object_put(&segment->object);
}

static void a_table_that_shows_nothing_is_given_back(void **state)
{
    (void)state;
    struct segment *a = make_frames(PAGE_BYTES, READ_WRITE);
    struct segment *b = make_frames(3 * SLOT_BYTES, READ_WRITE);

    assert_int_equal(a->address / GIB, b->address / GIB); /* both at home */
    assert_int_equal(domains[1].used.frames, 1);
    grant(1, a, READ_WRITE);
    grant(1, b, READ_WRITE);
    assert_int_equal(domains[1].used.frames, 2);
    assert_int_equal(domains[1].table_frames, 2);
    assert_int_equal(fake_view_slots(&domains[1]), 4);
    revoke(1, a);
    assert_int_equal(domains[1].used.frames, 2);
    revoke(1, b);
    assert_int_equal(domains[1].used.frames, 1);
    assert_int_equal(fake_view_slots(&domains[1]), 0);
    assert_int_equal(fake_walk(&domains[1], a->address).level2, 0);
    object_put(&a->object);
    object_put(&b->object);
}

static void a_view_is_drained_in_bounded_steps(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        struct segment *segment = make_frames(PAGE_BYTES, READ_WRITE);
        grant(1, segment, READ_WRITE);
        object_put(&segment->object);
    }
    assert_false(view_drain(&domains[1], 4));
    assert_int_equal(fake_view_slots(&domains[1]), 6);
    assert_true(segments_reap_pending()); /* the view's was the last reference */
    fake_is_interrupted = true;           /* which ends a step, but not before it has got on */
    assert_false(view_drain(&domains[1], 6));
    assert_int_equal(fake_view_slots(&domains[1]), 5);
    fake_is_interrupted = false;
    assert_true(view_drain(&domains[1], 6));
    assert_int_equal(domains[1].used.frames, 1);
}

/* A step of draining, or of looking, is bounded by a table, so it goes on with the next. */
static void a_view_in_many_gigabytes_is_walked_and_drained(void **state)
{
    const unsigned count = 7;
    uaddr_t next = 0;

    (void)state;
    for (unsigned i = 0; i < count; i++) {
        struct segment *segment =
            make(&(struct segment_request){.backing = SEGMENT_PHYSICAL,
                                           .length = i % 3 == 2 ? GIB : 300 * SLOT_BYTES / 2,
                                           .widest = RIGHT_READ,
                                           .physical = FOREIGN});
        grant(1, segment, RIGHT_READ);
        object_put(&segment->object);
    }
    for (unsigned i = 0; i < count; i++) {
        const uaddr_t from = next;
        const struct segment *segment = view_next(&domains[1], from, &next);
        assert_non_null(segment);
        assert_true(segment->address >= from);
        assert_true(next == 0 || next >= segment->address + segment->length);
        assert_int_equal(next == 0, i == count - 1);
        uaddr_t ignored;
        assert_ptr_equal(view_next(&domains[1], segment->address + segment->length - 1, &ignored),
                         segment);
    }
    unsigned steps = 1;
    while (!view_drain(&domains[1], 100))
        steps++;
    assert_true(steps > 2);
    assert_null(view_next(&domains[1], 0, &next));
    assert_int_equal(fake_view_slots(&domains[1]), 0);
    assert_int_equal(domains[1].used.frames, 1);
}

/*
 * The model.  A slot of `models` is a segment that lives; `shown` is what each view was granted.
 * Looks are the pages at which everything is checked after every step.
 */
static struct model {
    struct segment *segment;
    struct segment *source; /* whose frames it shows, or NULL */
    bool is_held;           /* by the test, as by a handle */
    rights_t shown[DOMAINS];
    unsigned look_count;
    uint64_t look[LOOKS];
} models[SEGMENTS];

/* What the TLB may hold of each look, and of the tables on the way there, under the ASID. */
static struct {
    rights_t rights;
    paddr_t physical;
    paddr_t level2, level3;
} cached[DOMAINS][SEGMENTS][LOOKS];

static asid_t cached_under[DOMAINS];

/* An ASID's own domain fills the TLB, whenever it may: a walk, speculative or not. */
static void tlb_fill(void)
{
    for (unsigned d = 0; d < DOMAINS; d++) {
        if (domains[d].root == NULL || asid_of(&domains[d]) == 0)
            continue;
        cached_under[d] = asid_of(&domains[d]);
        for (unsigned s = 0; s < SEGMENTS; s++) {
            for (unsigned i = 0; models[s].segment != NULL && i < models[s].look_count; i++) {
                const struct fake_walk walk =
                    fake_walk(&domains[d], models[s].segment->address + models[s].look[i]);
                if (walk.rights != 0) {
                    cached[d][s][i].rights |= walk.rights;
                    cached[d][s][i].physical = walk.physical;
                }
                if (walk.level2 != 0)
                    cached[d][s][i].level2 = walk.level2;
                if (walk.level3 != 0)
                    cached[d][s][i].level3 = walk.level3;
            }
        }
    }
}

static void tlb_forget_looks(const struct fake_tlb_event *event)
{
    for (unsigned d = 0; d < DOMAINS; d++) {
        if (event->kind == FAKE_TLB_PUBLISH || cached_under[d] != event->asid)
            continue;
        for (unsigned s = 0; s < SEGMENTS; s++) {
            for (unsigned i = 0; models[s].segment != NULL && i < models[s].look_count; i++) {
                const uaddr_t address = models[s].segment->address + models[s].look[i];
                const bool all = event->kind == FAKE_TLB_ASID;
                const uaddr_t last = event->address + (event->pages - 1) * PAGE_BYTES;
                if (all || address / GIB == event->address / GIB)
                    cached[d][s][i].level2 = 0; /* the entry that led there was on the way */
                if (all
                    || (address / SLOT_BYTES >= event->address / SLOT_BYTES
                        && address / SLOT_BYTES <= last / SLOT_BYTES))
                    cached[d][s][i].level3 = 0;
                if (all || (address >= event->address && address <= last))
                    cached[d][s][i].rights = 0;
            }
        }
    }
}

/* The TLB may walk just before it forgets, and just after. */
static void on_event(const struct fake_tlb_event *event)
{
    tlb_fill();
    tlb_forget_looks(event);
    tlb_fill();
}

static void check_look(unsigned s, unsigned i)
{
    const struct model *model = &models[s];
    const uint64_t offset = model->look[i];
    const uaddr_t address = model->segment->address + offset;
    const paddr_t physical =
        offset < model->segment->length ? segment_physical(model->segment, offset) : 0;

    for (unsigned d = 0; d < DOMAINS; d++) {
        const struct fake_walk walk = fake_walk(&domains[d], address);
        rights_t expected = physical == 0 ? 0 : model->shown[d];
        if (model->segment->backing == SEGMENT_ALIAS && offset >= model->segment->execute_bytes)
            expected &= ~(rights_t)RIGHT_EXECUTE;
        assert_int_equal(walk.rights, expected);
        assert_true(expected == 0 || walk.physical == physical);
        assert_int_equal(view_rights_at(&domains[d], address), expected);
        /* The TLB holds nothing that the tables don't say. */
        assert_int_equal(cached[d][s][i].rights & ~walk.rights, 0);
        assert_true(cached[d][s][i].rights == 0 || cached[d][s][i].physical == physical);
        assert_true(cached[d][s][i].level2 == 0 || cached[d][s][i].level2 == walk.level2);
        assert_true(cached[d][s][i].level3 == 0 || cached[d][s][i].level3 == walk.level3);
    }
}

/* No frame can be written by anybody and executed by anybody, under whatever address. */
static void check_w_xor_x(void)
{
    static uint8_t rights[RAM_PAGES];

    memset(rights, 0, sizeof(rights));
    for (unsigned s = 0; s < SEGMENTS; s++) {
        for (unsigned i = 0; models[s].segment != NULL && i < models[s].look_count; i++) {
            for (unsigned d = 0; d < DOMAINS; d++) {
                const struct fake_walk walk =
                    fake_walk(&domains[d], models[s].segment->address + models[s].look[i]);
                const uint64_t page = (walk.physical - FAKE_RAM) / PAGE_BYTES;
                if (walk.rights == 0 || page >= RAM_PAGES)
                    continue;
                rights[page] |= (uint8_t)walk.rights;
                assert_int_not_equal(rights[page] & W_AND_X, W_AND_X);
            }
        }
    }
}

static uint32_t slots_of(const struct segment *segment)
{
    return (uint32_t)((segment->length + SLOT_BYTES - 1) / SLOT_BYTES);
}

static void check_all(void)
{
    uint32_t slots[DOMAINS] = {0};

    tlb_fill();
    for (unsigned s = 0; s < SEGMENTS; s++) {
        unsigned views = 0;
        if (models[s].segment == NULL)
            continue;
        for (unsigned i = 0; i < models[s].look_count; i++)
            check_look(s, i);
        for (unsigned d = 0; d < DOMAINS; d++) {
            const rights_t shown = models[s].shown[d];
            assert_int_equal(view_granted(&domains[d], models[s].segment), shown);
            views += shown != 0;
            slots[d] += shown != 0 ? slots_of(models[s].segment) : 0;
        }
        assert_int_equal(models[s].segment->object.uses, views);
    }
    for (unsigned d = 0; d < DOMAINS; d++) {
        uint32_t frames = domains[d].table_frames;
        LIST_FOR_EACH (node, &domains[d].segments)
            frames += LIST_ENTRY(node, struct segment, owner_node)->charged_frames;
        assert_int_equal(domains[d].used.frames, frames);
        assert_int_equal(fake_view_slots(&domains[d]), slots[d]);
        uaddr_t next = 0;
        do {
            const struct segment *segment = view_next(&domains[d], next, &next);
            slots[d] -= segment == NULL ? 0 : slots_of(segment);
            assert_true(segment == NULL || view_granted(&domains[d], segment) != 0);
        } while (next != 0);
        assert_int_equal(slots[d], 0); /* each of them, once */
    }
    check_w_xor_x();
}

static void model_look_at(struct model *model)
{
    const uint64_t pages = (uint64_t)model->segment->slots * SLOT_BYTES / PAGE_BYTES;
    const uint64_t end = model->segment->length / PAGE_BYTES;
    const uint64_t fixed[] = {0, end - 1, end, 511, 512, pages - 1};

    model->look_count = 0;
    for (unsigned i = 0; i < LOOKS; i++) {
        const uint64_t page =
            i < sizeof(fixed) / sizeof(fixed[0]) ? fixed[i] : random_below((uint32_t)end);
        if (page < pages)
            model->look[model->look_count++] = page * PAGE_BYTES;
    }
}

/* New memory is zero; whoever gets it next must not find this. */
static void soil(const struct model *model)
{
    for (unsigned i = 0; i < model->look_count; i++) {
        const uint64_t at = model->look[i];
        if (at >= model->segment->length || segment_physical(model->segment, at) == 0)
            continue;
        const uint64_t *words = direct_map(segment_physical(model->segment, at));
        for (unsigned w = 0; w < PAGE_BYTES / 8; w++)
            assert_true(words[w] == 0);
    }
    for (unsigned i = 0; i < model->look_count; i++) {
        const uint64_t at = model->look[i];
        if (at < model->segment->length && segment_physical(model->segment, at) != 0)
            memset(direct_map(segment_physical(model->segment, at)), 0xab, PAGE_BYTES);
    }
}

static void step_make(unsigned s)
{
    static const rights_t widests[] = {RIGHT_READ, READ_WRITE, READ_EXECUTE};
    struct segment_request request = {
        .backing = random_below(5) == 0 ? SEGMENT_RUN : SEGMENT_FRAMES,
        .length = (uint64_t)(1 + random_below(random_below(4) == 0 ? 1300 : 30)) * PAGE_BYTES,
        .widest = widests[random_below(3)],
    };
    const unsigned other = random_below(SEGMENTS);
    struct domain *owner = &domains[random_below(DOMAINS)];
    enum status status;

    if (request.backing == SEGMENT_FRAMES && random_below(4) == 0)
        request.guard_stride_pages = 2 + random_below(40);
    if (random_below(8) == 0) {
        request.backing = SEGMENT_PHYSICAL;
        request.guard_stride_pages = 0;
        request.physical = FOREIGN;
        request.length = random_below(20) == 0 ? GIB + request.length : request.length;
    } else if (models[other].segment != NULL && random_below(3) == 0
               && models[other].segment->length < GIB
               && (models[other].segment->widest & RIGHT_WRITE) == 0
               && models[other].segment->guard_stride_pages == 0) {
        request.backing = SEGMENT_ALIAS;
        request.guard_stride_pages = 0;
        request.widest = READ_EXECUTE;
        request.source = models[other].segment;
        request.length = models[other].segment->length;
        request.execute_bytes = request.length / PAGE_BYTES / 2 * PAGE_BYTES;
    }
    models[s] = (struct model){.segment = fake_segment_make(owner, &request, &status)};
    if (models[s].segment == NULL) {
        assert_true(status == STATUS_OUT_OF_MEMORY || status == STATUS_OUT_OF_QUOTA);
        return;
    }
    models[s].is_held = true;
    for (unsigned d = 0; d < DOMAINS; d++)
        memset(cached[d][s], 0, sizeof(cached[d][s]));
    model_look_at(&models[s]);
    if (request.backing == SEGMENT_FRAMES || request.backing == SEGMENT_RUN)
        soil(&models[s]);
}

/* The segment is gone once nobody holds it and no view shows it; aliases may hold it longer. */
static void model_end_if_unused(unsigned s)
{
    for (unsigned d = 0; d < DOMAINS; d++)
        if (models[s].shown[d] != 0)
            return;
    if (!models[s].is_held)
        models[s].segment = NULL;
}

static void step_drop(unsigned s)
{
    struct segment *segment = models[s].segment;

    if (!models[s].is_held)
        return;
    models[s].is_held = false;
    model_end_if_unused(s);
    object_put(&segment->object);
}

static void step_grant(unsigned s, unsigned d)
{
    static const rights_t choices[] = {RIGHT_READ, READ_WRITE, READ_EXECUTE};
    const rights_t rights = choices[random_below(3)] & (models[s].segment->widest | RIGHT_READ);
    const enum status status = view_grant(&domains[d], models[s].segment, rights);

    if (status == STATUS_OK)
        models[s].shown[d] = rights;
    else
        assert_true(status == STATUS_OUT_OF_MEMORY || status == STATUS_OUT_OF_QUOTA);
}

static void step_revoke(unsigned s, unsigned d)
{
    struct segment *segment = models[s].segment;
    const bool was_shown = models[s].shown[d] != 0;

    object_get(&segment->object);
    assert_int_equal(view_revoke(&domains[d], segment), was_shown ? STATUS_OK : STATUS_NOT_FOUND);
    models[s].shown[d] = 0;
    model_end_if_unused(s);
    object_put(&segment->object);
}

static void step_end_domain(unsigned d)
{
    const uint32_t id = domains[d].id;

    fake_domain_end(&domains[d]);
    fake_domain_init(&domains[d], id + DOMAINS, 3000 + random_below(10000));
    for (unsigned s = 0; s < SEGMENTS; s++) {
        memset(cached[d][s], 0, sizeof(cached[d][s]));
        models[s].shown[d] = 0;
        if (models[s].segment != NULL)
            model_end_if_unused(s);
    }
}

static void step_random(void)
{
    const unsigned s = random_below(SEGMENTS);
    const unsigned d = random_below(DOMAINS);
    const unsigned kind = random_below(1000);

    if (models[s].segment == NULL)
        step_make(s);
    else if (kind < 450)
        step_grant(s, d);
    else if (kind < 800)
        step_revoke(s, d);
    else if (kind < 900)
        asid_assign(&domains[d]);
    else if (kind < 930)
        asid_release(&domains[d]);
    else if (kind < 990)
        step_drop(s);
    else
        step_end_domain(d);
    if (random_below(3) == 0)
        (void)segments_reap_some();
}

static void random_steps_match_the_model(void **state)
{
    (void)state;
    memset(models, 0, sizeof(models));
    memset(cached, 0, sizeof(cached));
    memset(cached_under, 0, sizeof(cached_under));
    asids_init(3); /* too few: they are taken away all the time */
    fake_tlb.on_event = on_event;
    for (unsigned step = 0; step < STEPS; step++) {
        step_random();
        check_all();
    }
    for (unsigned s = 0; s < SEGMENTS; s++)
        if (models[s].segment != NULL)
            step_drop(s);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_granted_segment_is_there_and_a_revoked_one_is_not),
        CASE(guard_pages_are_in_no_view),
        CASE(a_gigabyte_is_one_entry_of_the_root),
        CASE(registers_are_device_memory_in_every_view),
        CASE(only_sensible_rights_within_the_widest_are_granted),
        CASE(without_quota_or_memory_for_tables_nothing_changes),
        CASE(what_an_entry_leads_to_is_published_before_it),
        CASE(the_tlb_is_told_after_the_entry_has_changed),
        CASE(a_domain_without_an_asid_needs_no_invalidation),
        CASE(a_table_that_shows_nothing_is_given_back),
        CASE(a_view_is_drained_in_bounded_steps),
        CASE(a_view_in_many_gigabytes_is_walked_and_drained),
        CASE(random_steps_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

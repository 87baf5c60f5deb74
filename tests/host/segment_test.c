/*
 * Segments: what they are made of, what that costs, and that everything comes back, wherever
 * building ends.
 */
// source: domains/segment.c
// source: domains/quota.c
// source: domains/view.c
// source: domains/space.c
// source: domains/asid.c
// source: domains/variant/unchecked/audit.c
// source: domains/frame.c
// source: domains/pool.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_space.c
// include first: tests/host/fake_arch
#include "domains/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "fake_space.h"

enum { RAM_PAGES = 16384, QUOTA = 100000, KIB = 1024, MIB = 1024 * KIB };
enum { READ_WRITE = RIGHT_READ | RIGHT_WRITE, READ_EXECUTE = RIGHT_READ | RIGHT_EXECUTE };

static const uint64_t GIB = UINT64_C(1) << 30;

static struct domain domain;
static uint64_t free_at_start;

static int setup(void **state)
{
    (void)state;
    fake_space_start(RAM_PAGES);
    fake_domain_init(&domain, 1, QUOTA);
    /* Its owner table stays as long as it does, so that counts of frames are equal again. */
    free_at_start = fake_space_free();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_domain_end(&domain);
    fake_segments_reap();
    assert_int_equal(fake_space_free(), RAM_PAGES);
    return 0;
}

static struct segment *make(enum segment_backing backing, uint64_t length, rights_t widest)
{
    enum status status;
    const struct segment_request request = {.backing = backing, .length = length, .widest = widest};
    struct segment *segment = fake_segment_make(&domain, &request, &status);

    assert_int_equal(status, STATUS_OK);
    return segment;
}

static void unmake(struct segment *segment)
{
    const uint32_t objects = domain.used.objects;

    object_put(&segment->object);
    fake_segments_reap();
    assert_int_equal(domain.used.objects, objects - 1);
    assert_int_equal(domain.used.frames, 1); /* the root of its view */
    assert_int_equal(fake_space_free(), free_at_start);
}

static void assert_zero(const struct segment *segment, uint64_t offset, uint64_t bytes)
{
    for (uint64_t at = offset; at < offset + bytes; at += PAGE_BYTES) {
        const uint64_t *word = direct_map(segment_physical(segment, at));
        for (unsigned i = 0; i < PAGE_BYTES / 8; i++)
            if (word[i] != 0)
                fail_msg("offset %#lx is %#lx", at, word[i]);
    }
}

/* What the owner pays: the pages, and a table for each slot that is no block. */
static void a_segment_costs_its_pages_and_tables(void **state)
{
    static const struct {
        uint64_t length;
        uint32_t frames;
    } cases[] = {
        {4 * KIB, 1 + 1},   {16 * KIB, 4 + 1},
        {68 * KIB, 17 + 1}, {2 * MIB - 4 * KIB, 511 + 1},
        {2 * MIB, 512},     {2 * MIB + 4 * KIB, 512 + 1 + 1},
        {6 * MIB, 3 * 512}, {7 * MIB, 3 * 512 + 256 + 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct segment *segment = make(SEGMENT_FRAMES, cases[i].length, READ_WRITE);
        assert_int_equal(domain.used.frames, 1 + cases[i].frames);
        assert_int_equal(domain.used.objects, 1);
        assert_int_equal(segment->slots, (cases[i].length + SLOT_BYTES - 1) / SLOT_BYTES);
        assert_int_equal(segment->address % SLOT_BYTES, 0);
        assert_ptr_equal(space_owner(segment->address + cases[i].length - 1), segment);
        assert_zero(segment, 0, cases[i].length);
        /* What it leaves behind is dirt for the next. */
        for (uint64_t at = 0; at < cases[i].length; at += PAGE_BYTES)
            memset(direct_map(segment_physical(segment, at)), 0xd1, PAGE_BYTES);
        unmake(segment);
    }
}

static void no_two_pages_share_a_frame(void **state)
{
    static bool used[RAM_PAGES];
    static struct segment *segments[40];

    (void)state;
    memset(used, 0, sizeof(used));
    for (unsigned i = 0; i < 40; i++) {
        segments[i] = make(i % 5 == 4 ? SEGMENT_RUN : SEGMENT_FRAMES,
                           (uint64_t)(1 + i * 37 % 600) * PAGE_BYTES, READ_WRITE);
        for (uint64_t at = 0; at < segments[i]->length; at += PAGE_BYTES) {
            const paddr_t physical = segment_physical(segments[i], at);
            assert_true(physical >= FAKE_RAM);
            assert_false(used[(physical - FAKE_RAM) / PAGE_BYTES]);
            used[(physical - FAKE_RAM) / PAGE_BYTES] = true;
            assert_true(segment_physical(segments[i], at + 123) == physical + 123);
        }
    }
    for (unsigned i = 0; i < 40; i++)
        object_put(&segments[i]->object);
    fake_segments_reap();
    assert_int_equal(fake_space_free(), free_at_start);
}

static void a_contiguous_one_is_one_run(void **state)
{
    (void)state;
    struct segment *segment = make(SEGMENT_RUN, 5 * PAGE_BYTES, READ_WRITE);
    const paddr_t first = segment_physical(segment, 0);

    assert_int_equal(domain.used.frames, 1 + 8 + 1); /* the next power of two, and a table */
    for (unsigned i = 0; i < 5; i++)
        assert_true(segment_physical(segment, i * PAGE_BYTES) == first + i * PAGE_BYTES);
    assert_zero(segment, 0, 5 * PAGE_BYTES);
    assert_true(segment_leaf(segment, 5 * PAGE_BYTES) == 0);
    unmake(segment);
    unmake(make(SEGMENT_RUN, 3 * MIB, READ_WRITE));
}

static void guard_pages_are_holes_without_a_frame(void **state)
{
    enum status status;
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES,
        .length = 40 * PAGE_BYTES,
        .widest = READ_WRITE,
        .guard_stride_pages = 5,
    };

    (void)state;
    struct segment *segment = fake_segment_make(&domain, &request, &status);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(domain.used.frames, 1 + 40 - 8 + 1);
    for (uint64_t page = 0; page < 40; page++) {
        const bool is_hole = page % 5 == 0;
        assert_int_equal(segment_physical(segment, page * PAGE_BYTES) == 0, is_hole);
        assert_int_equal(segment_leaf(segment, page * PAGE_BYTES) == 0, is_hole);
    }
    unmake(segment);
}

static void a_whole_slot_without_holes_is_a_block(void **state)
{
    (void)state;
    struct segment *segment = make(SEGMENT_FRAMES, 2 * SLOT_BYTES + PAGE_BYTES, READ_WRITE);

    for (unsigned slot = 0; slot < 2; slot++) {
        assert_int_equal(segment->entries[slot] & 3, 1);
        assert_int_equal(segment_physical(segment, slot * SLOT_BYTES) % SLOT_BYTES, 0);
    }
    assert_int_equal(segment->entries[2] & 3, 3);
    unmake(segment);
}

/* Every second page of RAM is somebody's: no block, no run, single pages all the same. */
static void cut_up_memory_serves_as_well(void **state)
{
    static paddr_t pages[RAM_PAGES];
    unsigned count = 0;

    (void)state;
    while (frame_allocate(0, FRAME_OBJECT, &pages[count]) == STATUS_OK)
        count++;
    for (unsigned i = 0; i < count; i++)
        if (pages[i] / PAGE_BYTES % 2 == 0)
            frame_free(pages[i]);
    free_at_start = fake_space_free();

    struct segment *segment = make(SEGMENT_FRAMES, 2 * SLOT_BYTES + 3 * PAGE_BYTES, READ_WRITE);
    assert_int_equal(domain.used.frames, 1 + 1027 + 3);
    assert_int_equal(segment->charged_frames, 1027 + 3);
    unmake(segment);

    const struct segment_request run = {
        .backing = SEGMENT_RUN, .length = 2 * PAGE_BYTES, .widest = READ_WRITE};
    struct segment *none;
    assert_int_equal(segment_create(&domain, &run, &none), STATUS_OUT_OF_MEMORY);
    assert_int_equal(domain.used.frames, 1);
    assert_int_equal(fake_space_free(), free_at_start);
    for (unsigned i = 0; i < count; i++)
        if (pages[i] / PAGE_BYTES % 2 != 0)
            frame_free(pages[i]);
}

static void nobody_is_charged_for_a_segment_without_an_owner(void **state)
{
    static paddr_t pages[RAM_PAGES];
    unsigned count = 0;
    enum status status;
    struct segment *segment;
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES, .length = SLOT_BYTES + 20 * PAGE_BYTES, .widest = READ_WRITE};

    (void)state;
    while (frame_allocate(0, FRAME_OBJECT, &pages[count]) == STATUS_OK)
        count++;
    for (unsigned i = 0; i < count; i++)
        if (pages[i] / PAGE_BYTES % 2 == 0)
            frame_free(pages[i]);
    assert_int_equal(segment_create(&domain, &request, &segment), STATUS_OK);
    segment_disown(segment); /* its owner is gone before it is whole */
    do {
        status = segment_build_some(segment);
    } while (status == STATUS_WOULD_BLOCK);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(segment->charged_frames, 0);
    assert_int_equal(segment_assign(segment, &domain), STATUS_OK);
    assert_int_equal(domain.used.frames, 1);
    object_put(&segment->object);
    fake_segments_reap();
    for (unsigned i = 0; i < count; i++)
        if (pages[i] / PAGE_BYTES % 2 != 0)
            frame_free(pages[i]);
}

static void an_interrupt_ends_a_step_of_building_behind_its_run(void **state)
{
    static const struct segment_request request = {.backing = SEGMENT_FRAMES,
                                                   .length = 21 * PAGE_BYTES,
                                                   .widest = READ_WRITE,
                                                   .guard_stride_pages = 4};
    struct segment *segment;
    enum status status;
    unsigned steps = 1;

    (void)state;
    assert_int_equal(segment_create(&domain, &request, &segment), STATUS_OK);
    fake_is_interrupted = true;
    assert_int_equal(segment_build_some(segment), STATUS_WOULD_BLOCK);
    assert_int_equal(segment->done_pages, 0); /* the table was made */
    do {
        const uint64_t before = segment->done_pages;
        status = segment_build_some(segment);
        assert_true(segment->done_pages > before && segment->done_pages - before <= 4);
        steps++;
    } while (status == STATUS_WOULD_BLOCK);
    assert_int_equal(status, STATUS_OK);
    assert_true(steps >= 10); /* a hole or a run each */
    object_put(&segment->object);
    fake_segments_reap();
}

/* Its caller tries again when memory may have become free. */
static void a_step_that_finds_no_memory_costs_nothing(void **state)
{
    static paddr_t taken[RAM_PAGES];
    static const struct segment_request request = {
        .backing = SEGMENT_FRAMES, .length = 21 * PAGE_BYTES, .widest = READ_WRITE};
    struct segment *segment;
    unsigned count = 0;

    (void)state;
    assert_int_equal(segment_create(&domain, &request, &segment), STATUS_OK);
    while (frame_allocate(0, FRAME_OBJECT, &taken[count]) == STATUS_OK)
        count++;
    const uint32_t charged = segment->charged_frames, used = domain.used.frames;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(segment_build_some(segment), STATUS_OUT_OF_MEMORY);
    assert_int_equal(segment->charged_frames, charged);
    assert_int_equal(domain.used.frames, used);
    while (count > 0)
        frame_free(taken[--count]);
    object_put(&segment->object);
    fake_segments_reap();
}

static void building_that_fails_at_any_frame_gives_all_back(void **state)
{
    static paddr_t taken[RAM_PAGES];
    static const struct segment_request requests[] = {
        {.backing = SEGMENT_FRAMES, .length = 21 * PAGE_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_FRAMES,
         .length = 21 * PAGE_BYTES,
         .widest = READ_WRITE,
         .guard_stride_pages = 4},
        {.backing = SEGMENT_RUN, .length = 9 * PAGE_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_FRAMES, .length = SLOT_BYTES + 5 * PAGE_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_DEVICE, .length = 3 * SLOT_BYTES, .widest = READ_WRITE},
    };

    (void)state;
    for (unsigned r = 0; r < sizeof(requests) / sizeof(requests[0]); r++) {
        bool succeeded = false;
        for (unsigned left = 0; !succeeded; left += r == 3 && left > 8 && left < 500 ? 97 : 1) {
            unsigned count = 0;
            enum status status;
            while (fake_space_free() > left)
                assert_int_equal(frame_allocate(0, FRAME_OBJECT, &taken[count++]), STATUS_OK);
            const uint64_t before = fake_space_free();
            struct segment *segment = fake_segment_make(&domain, &requests[r], &status);
            succeeded = status == STATUS_OK;
            if (succeeded)
                object_put(&segment->object);
            else
                assert_int_equal(status, STATUS_OUT_OF_MEMORY);
            fake_segments_reap();
            assert_int_equal(domain.used.frames, 1);
            assert_int_equal(domain.used.objects, 0);
            assert_int_equal(fake_space_free(), before);
            while (count > 0)
                frame_free(taken[--count]);
        }
    }
}

static void building_beyond_the_quota_ends_and_gives_all_back(void **state)
{
    static const struct segment_request requests[] = {
        {.backing = SEGMENT_FRAMES, .length = 40 * PAGE_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_RUN, .length = 33 * PAGE_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_FRAMES, .length = SLOT_BYTES, .widest = READ_WRITE},
        {.backing = SEGMENT_DEVICE, .length = 3 * SLOT_BYTES, .widest = READ_WRITE},
    };
    static const uint32_t costs[] = {40 + 1, 64 + 1, 512, 3};

    (void)state;
    for (unsigned r = 0; r < sizeof(costs) / sizeof(costs[0]); r++) {
        for (uint32_t quota = 0; quota <= costs[r]; quota++) {
            enum status status;
            domain.limit.frames = 1 + quota;
            struct segment *segment = fake_segment_make(&domain, &requests[r], &status);
            assert_int_equal(status, quota < costs[r] ? STATUS_OUT_OF_QUOTA : STATUS_OK);
            if (status == STATUS_OK)
                object_put(&segment->object);
            fake_segments_reap();
            assert_int_equal(domain.used.frames, 1);
            assert_int_equal(domain.used.objects, 0);
            assert_int_equal(fake_space_free(), free_at_start);
        }
    }
    domain.limit = (struct quota){.frames = QUOTA, .objects = 0};
    struct segment *none;
    assert_int_equal(segment_create(&domain, &requests[0], &none), STATUS_OUT_OF_QUOTA);
}

static void contradictory_requests_are_refused(void **state)
{
    static const struct segment_request requests[] = {
        {.length = 0, .widest = READ_WRITE},
        {.length = PAGE_BYTES + 1, .widest = READ_WRITE},
        {.length = PAGE_BYTES, .widest = RIGHT_WRITE},
        {.length = PAGE_BYTES, .widest = RIGHT_EXECUTE},
        {.length = PAGE_BYTES, .widest = READ_WRITE | RIGHT_EXECUTE},
        {.length = (UINT64_C(1) << 39) + PAGE_BYTES, .widest = READ_WRITE},
        {.length = PAGE_BYTES, .widest = READ_WRITE, .reserve_slots = 257},
        {.length = PAGE_BYTES, .widest = READ_WRITE, .reserve_slots = UINT64_C(1) << 32},
    };
    struct segment *none;

    (void)state;
    for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        assert_int_equal(segment_create(&domain, &requests[i], &none), STATUS_BAD_ARGUMENT);
    assert_int_equal(domain.used.objects, 0);
    assert_int_equal(fake_space_free(), free_at_start);
}

static void an_alias_shows_the_sources_frames_and_executes_so_far(void **state)
{
    enum status status;

    (void)state;
    struct segment *source = make(SEGMENT_FRAMES, 20 * PAGE_BYTES, RIGHT_READ);
    const struct segment_request request = {
        .backing = SEGMENT_ALIAS,
        .length = 10 * PAGE_BYTES,
        .widest = READ_EXECUTE,
        .source = source,
        .source_offset = 7 * PAGE_BYTES,
        .execute_bytes = 4 * PAGE_BYTES,
        .reserve_slots = 2,
    };
    struct segment *alias = fake_segment_make(&domain, &request, &status);
    assert_int_equal(status, STATUS_OK);
    for (uint64_t page = 0; page < 10; page++) {
        const pte_t leaf = segment_leaf(alias, page * PAGE_BYTES);
        assert_true(segment_physical(alias, page * PAGE_BYTES)
                    == segment_physical(source, (page + 7) * PAGE_BYTES));
        assert_int_equal(leaf >> 54 & 1, page >= 4); /* UXN */
        assert_int_equal(leaf >> 7 & 1, 1);          /* read-only */
    }
    /* What it reserves is its own as well. */
    assert_ptr_equal(space_owner(alias->address + 3 * SLOT_BYTES - 1), alias);
    /* The source lives as long as somebody shows its frames. */
    object_put(&source->object);
    fake_segments_reap();
    assert_true(segment_physical(alias, 0) != 0);
    assert_int_equal(domain.used.objects, 2);
    object_put(&alias->object);
    fake_segments_reap();
    assert_int_equal(domain.used.objects, 0);
    assert_int_equal(fake_space_free(), free_at_start);
}

/* As a program's data behind its text: the space between belongs to whoever is at that address. */
static void one_behind_takes_over_what_was_reserved(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        enum status status;
        const struct segment_request front_request = {.backing = SEGMENT_FRAMES,
                                                      .length = 3 * PAGE_BYTES,
                                                      .widest = RIGHT_READ,
                                                      .reserve_slots = 2};
        struct segment *front = fake_segment_make(&domain, &front_request, &status);
        assert_int_equal(status, STATUS_OK);
        const uaddr_t start = front->address;
        const struct segment_request behind_request = {.backing = SEGMENT_FRAMES,
                                                       .length = SLOT_BYTES + PAGE_BYTES,
                                                       .widest = READ_WRITE,
                                                       .at = start + SLOT_BYTES};

        /* What fails leaves the reservation where it was. */
        domain.limit.objects = 1;
        assert_null(fake_segment_make(&domain, &behind_request, &status));
        assert_int_equal(status, STATUS_OUT_OF_QUOTA);
        assert_ptr_equal(space_owner(start + SLOT_BYTES), front);
        domain.limit.objects = 1000;

        struct segment *behind = fake_segment_make(&domain, &behind_request, &status);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(front->reserved, 0);
        assert_true(behind->address == start + SLOT_BYTES);
        assert_ptr_equal(space_owner(start + SLOT_BYTES - 1), front);
        assert_ptr_equal(space_owner(start + SLOT_BYTES), behind);
        assert_ptr_equal(space_owner(start + 3 * SLOT_BYTES - 1), behind);
        object_put(order == 0 ? &front->object : &behind->object);
        assert_ptr_equal(space_owner(start), order == 0 ? NULL : front);
        assert_ptr_equal(space_owner(start + 2 * SLOT_BYTES), order == 0 ? behind : NULL);
        object_put(order == 0 ? &behind->object : &front->object);
        fake_segments_reap();
        assert_int_equal(space_table_frames(), 0);
        assert_int_equal(fake_space_free(), free_at_start);
    }
}

static void registers_and_foreign_memory_are_shown_and_not_freed(void **state)
{
    static const enum segment_backing backings[] = {SEGMENT_DEVICE, SEGMENT_PHYSICAL};
    enum status status;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct segment_request request = {
            .backing = backings[i],
            .length = SLOT_BYTES + 2 * PAGE_BYTES,
            .widest = READ_WRITE,
            .physical = 0x09000000,
        };
        struct segment *segment = fake_segment_make(&domain, &request, &status);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(domain.used.frames, 1 + 2);
        for (uint64_t at = 0; at < request.length; at += PAGE_BYTES) {
            assert_true(segment_physical(segment, at) == 0x09000000 + at);
            assert_int_equal(segment_leaf(segment, at) >> 2 & 7, backings[i] == SEGMENT_DEVICE);
        }
        unmake(segment);
    }
}

static void gigabytes_have_tables_of_their_own(void **state)
{
    enum status status;
    const struct segment_request request = {
        .backing = SEGMENT_PHYSICAL,
        .length = GIB + 5 * SLOT_BYTES + PAGE_BYTES,
        .widest = RIGHT_READ,
        .physical = UINT64_C(0x100000000),
    };

    (void)state;
    struct segment *segment = fake_segment_make(&domain, &request, &status);
    assert_int_equal(status, STATUS_OK);
    assert_true(segment->by_gigabyte);
    assert_int_equal(segment->address % GIB, 0);
    assert_int_equal(segment->slots, 1024);
    assert_int_equal(segment->entry_count, 2);
    assert_int_equal(domain.used.frames, 1 + 2 + 512 + 6);
    for (uint64_t at = 0; at < request.length; at += 77 * PAGE_BYTES)
        assert_true(segment_physical(segment, at) == request.physical + at);
    assert_true(segment_physical(segment, request.length) == 0);
    assert_true(segment_physical(segment, GIB + 6 * SLOT_BYTES) == 0);
    unmake(segment);

    /* And when memory ends half way. */
    domain.limit.frames = 1 + 300;
    assert_null(fake_segment_make(&domain, &request, &status));
    assert_int_equal(status, STATUS_OUT_OF_QUOTA);
    fake_segments_reap();
    assert_int_equal(domain.used.frames, 1);
    assert_int_equal(fake_space_free(), free_at_start);
}

static void one_that_is_larger_than_memory_leaves_nothing_behind(void **state)
{
    static const uint64_t lengths[] = {UINT64_C(1) << 30, UINT64_C(3) << 30, 100 * SLOT_BYTES};
    enum status status;

    (void)state;
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const struct segment_request request = {
            .backing = SEGMENT_FRAMES, .length = lengths[i], .widest = READ_WRITE};
        assert_null(fake_segment_make(&domain, &request, &status));
        assert_int_equal(status, STATUS_OUT_OF_MEMORY);
        fake_segments_reap();
        assert_int_equal(fake_space_free(), free_at_start);
        assert_int_equal(domain.used.frames, 1);
    }
}

/* Its own gigabyte makes it one entry in a view; without one it has an entry for each slot. */
static void a_segment_of_many_slots_has_a_gigabyte_while_there_is_one(void **state)
{
    static uint8_t others[SPACE_GIGABYTES];
    uaddr_t address[SPACE_GIGABYTES];
    unsigned count = 0;
    enum status status;

    (void)state;
    struct segment *few = make(SEGMENT_FRAMES, 4 * SLOT_BYTES, READ_WRITE);
    struct segment *many = make(SEGMENT_FRAMES, 4 * SLOT_BYTES + PAGE_BYTES, READ_WRITE);
    assert_int_equal(few->entry_count, 4);
    assert_int_equal(many->entry_count, 1);
    assert_int_equal(many->address % GIB, 0);
    object_put(&many->object);
    fake_segments_reap();

    do {
        status =
            space_take((struct segment *)(void *)&others[count], 512, true, 0, &address[count]);
        count += status == STATUS_OK;
    } while (status != STATUS_OUT_OF_SPACE);
    many = make(SEGMENT_FRAMES, 4 * SLOT_BYTES + PAGE_BYTES, READ_WRITE);
    assert_int_equal(many->entry_count, 5);
    assert_int_equal(many->address / GIB, few->address / GIB);
    assert_zero(many, 0, many->length);
    object_put(&many->object);
    while (count > 0)
        space_give(address[--count], 512);
    fake_segments_reap();
    unmake(few);
}

static void a_gigabyte_of_frames_is_blocks(void **state)
{
    const uint64_t pages = GIB / PAGE_BYTES;
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES, .length = GIB + PAGE_BYTES, .widest = READ_WRITE};
    enum status status;

    (void)state;
    fake_domain_end(&domain);
    fake_space_start(2 * pages);
    fake_domain_init(&domain, 1, (uint32_t)(2 * pages));
    free_at_start = fake_space_free();
    struct segment *segment = fake_segment_make(&domain, &request, &status);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(domain.used.frames, 1 + 1 + pages + 1 + 1 + 1);
    for (uint64_t at = 0; at < GIB; at += SLOT_BYTES)
        assert_int_equal(segment_physical(segment, at) % SLOT_BYTES, 0);
    unmake(segment);
    fake_domain_end(&domain);
    fake_space_start(RAM_PAGES);
    fake_domain_init(&domain, 1, QUOTA);
}

static void who_owns_it_pays_for_it(void **state)
{
    struct domain heir;

    (void)state;
    fake_domain_init(&heir, 2, 1 + 5);
    struct segment *segment = make(SEGMENT_FRAMES, 5 * PAGE_BYTES, READ_WRITE);
    assert_int_equal(segment_assign(segment, &heir), STATUS_OUT_OF_QUOTA);
    assert_int_equal(heir.used.frames, 1);
    assert_int_equal(domain.used.frames, 1 + 6);
    heir.limit.frames = 1 + 6;
    assert_int_equal(segment_assign(segment, &heir), STATUS_OK);
    assert_int_equal(heir.used.frames, 1 + 6);
    assert_int_equal(heir.used.objects, 1);
    assert_int_equal(domain.used.frames, 1);
    assert_int_equal(domain.used.objects, 0);
    segment_disown(segment);
    assert_int_equal(heir.used.frames, 1);
    assert_int_equal(heir.used.objects, 0);
    assert_true(segment_physical(segment, 0) != 0); /* whoever still has it keeps it */
    object_put(&segment->object);
    fake_segments_reap();
    fake_domain_end(&heir);
    assert_int_equal(fake_space_free(), free_at_start);
}

static void teardown_is_bounded_steps(void **state)
{
    unsigned steps = 1;

    (void)state;
    struct segment *segment = make(SEGMENT_FRAMES, SLOT_BYTES - PAGE_BYTES, READ_WRITE);
    const uaddr_t address = segment->address;
    object_put(&segment->object);
    assert_null(space_owner(address));
    assert_true(segments_reap_pending());
    for (uint64_t before = fake_space_free(); segments_reap_some(); before = fake_space_free()) {
        assert_true(fake_space_free() - before <= 32 * SEGMENT_STEP_PAGES + 3);
        steps++;
    }
    assert_false(segments_reap_pending());
    assert_int_equal(fake_space_free(), free_at_start);
}

/* A call that asked for it and was cut off: as long as what there is takes, not what might be. */
static void teardown_of_what_was_never_built_is_short(void **state)
{
    enum { GIGABYTES = 16 };
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES, .length = (uint64_t)GIGABYTES << 30, .widest = READ_WRITE};
    struct segment *segment;
    enum status status;
    unsigned steps = 1;

    (void)state;
    do {
        status = segment_create(&domain, &request, &segment);
    } while (status == STATUS_WOULD_BLOCK); /* until what others had is at rest no more */
    assert_int_equal(status, STATUS_OK);
    object_put(&segment->object);
    while (segments_reap_some())
        steps++;
    assert_true(steps <= GIGABYTES);
    assert_int_equal(fake_space_free(), free_at_start);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_segment_costs_its_pages_and_tables),
        CASE(no_two_pages_share_a_frame),
        CASE(a_contiguous_one_is_one_run),
        CASE(guard_pages_are_holes_without_a_frame),
        CASE(a_whole_slot_without_holes_is_a_block),
        CASE(cut_up_memory_serves_as_well),
        CASE(nobody_is_charged_for_a_segment_without_an_owner),
        CASE(an_interrupt_ends_a_step_of_building_behind_its_run),
        CASE(a_step_that_finds_no_memory_costs_nothing),
        CASE(building_that_fails_at_any_frame_gives_all_back),
        CASE(building_beyond_the_quota_ends_and_gives_all_back),
        CASE(contradictory_requests_are_refused),
        CASE(an_alias_shows_the_sources_frames_and_executes_so_far),
        CASE(one_behind_takes_over_what_was_reserved),
        CASE(registers_and_foreign_memory_are_shown_and_not_freed),
        CASE(gigabytes_have_tables_of_their_own),
        CASE(one_that_is_larger_than_memory_leaves_nothing_behind),
        CASE(a_segment_of_many_slots_has_a_gigabyte_while_there_is_one),
        CASE(a_gigabyte_of_frames_is_blocks),
        CASE(who_owns_it_pays_for_it),
        CASE(teardown_is_bounded_steps),
        CASE(teardown_of_what_was_never_built_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

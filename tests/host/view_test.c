/*
 * Segments and views against a model: after each operation a walk of the tables, done as the
 * hardware does it, finds exactly what was granted, and nothing is both writable and executable.
 */
// include first: tests/host/fake_arch
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/ram.c
// source: domains/asid.c
// source: domains/frame.c
// source: domains/pool.c
// source: domains/quota.c
// source: domains/segment.c
// source: domains/space.c
// source: domains/view.c
#include "fake_machine.h"
#include "ram.h"

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "domains/asid.h"
#include "domains/space.h"
#include "domains/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 16384, DOMAINS = 4, SEGMENTS = 24, ROUNDS = 20000 };

static struct domain domains[DOMAINS];
static struct segment *segments[SEGMENTS];
static rights_t granted[DOMAINS][SEGMENTS]; /* the model */

/* ---- the walk, from the manual and not from pagetable.h ---- */

struct walked {
    rights_t rights;
    paddr_t physical;
};

enum {
    BIT_AP1 = 6,
    BIT_AP2 = 7,
    BIT_UXN = 54,
    BIT_UXN_TABLE = 60,
    BIT_AP_TABLE0 = 61,
    BIT_AP_TABLE1 = 62,
};

static unsigned bit(uint64_t descriptor, unsigned number)
{
    return (unsigned)(descriptor >> number & 1);
}

static struct walked walk(const struct domain *domain, uaddr_t address)
{
    const uint64_t *table = domain->root;
    bool no_el0 = false, read_only = false, no_execute = false;

    for (unsigned level = 1; level <= 3; level++) {
        const unsigned shift = 39 - 9 * level;
        const uint64_t d = table[address >> shift & 511];
        if (bit(d, 0) == 0 || (level == 3 && bit(d, 1) == 0))
            return (struct walked){0, 0};
        if (level == 3 || bit(d, 1) == 0) {
            assert_int_equal(bit(d, 10), 1); /* access flag */
            assert_int_equal(bit(d, 11), 1); /* not global */
            assert_int_equal(bit(d, 53), 1); /* never executable by the kernel */
            struct walked out = {0, (d & UINT64_C(0x0000fffffffff000))
                                        + (address & ((UINT64_C(1) << shift) - 1))};
            if (bit(d, BIT_AP1) == 1 && !no_el0)
                out.rights |= RIGHT_READ;
            if (out.rights != 0 && bit(d, BIT_AP2) == 0 && !read_only)
                out.rights |= RIGHT_WRITE;
            if (bit(d, BIT_UXN) == 0 && !no_execute)
                out.rights |= RIGHT_EXECUTE;
            return out;
        }
        no_el0 = no_el0 || bit(d, BIT_AP_TABLE0) == 1;
        read_only = read_only || bit(d, BIT_AP_TABLE1) == 1;
        no_execute = no_execute || bit(d, BIT_UXN_TABLE) == 1;
        table = direct_map(d & UINT64_C(0x0000fffffffff000));
    }
    return (struct walked){0, 0};
}

/* ---- what is to be found ---- */

static bool is_guard(const struct segment *segment, uint64_t offset)
{
    return segment->guard_stride_pages != 0
           && offset / PAGE_BYTES % segment->guard_stride_pages == 0;
}

static void place_check(unsigned d, unsigned s, uint64_t offset)
{
    const struct segment *segment = segments[s];
    const uaddr_t address = segment->address + offset;
    const struct walked found = walk(&domains[d], address);
    const rights_t wanted = is_guard(segment, offset) ? 0 : granted[d][s];

    assert_int_equal(found.rights, wanted);
    assert_int_equal(view_rights_at(&domains[d], address), wanted);
    assert_int_not_equal(found.rights & (RIGHT_WRITE | RIGHT_EXECUTE), RIGHT_WRITE | RIGHT_EXECUTE);
    if (wanted != 0)
        assert_int_equal(found.physical, segment_physical(segment, offset));
}

static void all_check(void)
{
    for (unsigned s = 0; s < SEGMENTS; s++) {
        if (segments[s] == NULL)
            continue;
        const struct segment *segment = segments[s];
        for (unsigned d = 0; d < DOMAINS; d++) {
            place_check(d, s, 0);
            place_check(d, s, segment->length - 8);
            place_check(d, s, ram_random() % segment->length & ~UINT64_C(7));
            const uaddr_t behind = segment->address + segment->length;
            if (space_owner(behind) == NULL || space_owner(behind) == segment)
                assert_int_equal(walk(&domains[d], behind).rights, 0);
        }
        assert_ptr_equal(space_owner(segment->address), segment);
        assert_ptr_equal(space_owner(segment->address + segment->length - 1), segment);
    }
}

/* ---- the operations ---- */

static void do_create(void)
{
    static const rights_t widest[] = {RIGHT_READ, RIGHT_READ | RIGHT_WRITE,
                                      RIGHT_READ | RIGHT_EXECUTE};
    static const uint64_t pages[] = {1, 2, 15, 16, 17, 100, 511, 512, 513, 700, 1024};
    const unsigned s = ram_choice(SEGMENTS);
    struct domain *owner = &domains[ram_choice(DOMAINS)];
    const struct segment_request request = {
        .backing = ram_choice(4) == 0 ? SEGMENT_RUN : SEGMENT_FRAMES,
        .length = pages[ram_choice(11)] * PAGE_BYTES,
        .widest = widest[ram_choice(3)],
        .guard_stride_pages = 0,
    };
    struct segment_request guarded = request;

    if (segments[s] != NULL)
        return;
    if (request.backing == SEGMENT_FRAMES && ram_choice(3) == 0)
        guarded.guard_stride_pages = 1 + ram_choice(40);
    enum status status = segment_create(owner, &guarded, &segments[s]);
    if (status != STATUS_OK) {
        segments[s] = NULL;
        return;
    }
    for (bool done = false; status == STATUS_OK && !done;)
        status = segment_build_some(segments[s], &done);
    if (status != STATUS_OK) {
        object_put(&segments[s]->object);
        segments[s] = NULL;
        return;
    }
    for (unsigned d = 0; d < DOMAINS; d++)
        granted[d][s] = 0;
    /* New memory is zero: written to here, so that whoever gets it next would notice. */
    for (uint64_t at = 0; at < guarded.length; at += PAGE_BYTES) {
        if (is_guard(segments[s], at))
            continue;
        uint64_t *word = direct_map(segment_physical(segments[s], at));
        assert_int_equal(word[ram_choice(512)], 0);
        memset(word, 0xab, PAGE_BYTES);
    }
}

static void do_grant(void)
{
    const unsigned s = ram_choice(SEGMENTS), d = ram_choice(DOMAINS);
    const rights_t rights = (rights_t)ram_random() & RIGHTS_MEMORY;

    if (segments[s] == NULL)
        return;
    const bool w_and_x = (rights & RIGHT_WRITE) != 0 && (rights & RIGHT_EXECUTE) != 0;
    const enum status status = view_grant(&domains[d], segments[s], rights);
    if ((rights & RIGHT_READ) == 0 || w_and_x)
        assert_int_equal(status, STATUS_BAD_ARGUMENT);
    else if ((rights & ~segments[s]->widest) != 0)
        assert_int_equal(status, STATUS_NO_RIGHT);
    else if (status == STATUS_OK)
        granted[d][s] = rights;
    else
        assert_int_equal(status, STATUS_OUT_OF_QUOTA);
}

static void do_revoke(void)
{
    const unsigned s = ram_choice(SEGMENTS), d = ram_choice(DOMAINS);

    if (segments[s] == NULL)
        return;
    const enum status status = view_revoke(&domains[d], segments[s]);
    assert_int_equal(status, granted[d][s] != 0 ? STATUS_OK : STATUS_NOT_FOUND);
    granted[d][s] = 0;
}

/* The last handle goes; views may keep it for a while. */
static void do_drop(void)
{
    const unsigned s = ram_choice(SEGMENTS);
    struct segment *segment = segments[s];

    if (segment == NULL)
        return;
    const uaddr_t address = segment->address;
    object_put(&segment->object);
    for (unsigned d = 0; d < DOMAINS; d++) {
        if (granted[d][s] == 0)
            continue;
        assert_int_equal(walk(&domains[d], address).rights != 0 || is_guard(segment, 0), true);
        assert_int_equal(view_revoke(&domains[d], segment), STATUS_OK);
        assert_int_equal(walk(&domains[d], address).rights, 0);
        granted[d][s] = 0;
    }
    assert_null(space_owner(address));
    segments[s] = NULL;
}

static void do_reap(void)
{
    for (unsigned i = ram_choice(50); i > 0; i--)
        if (!segments_reap_some())
            return;
}

static bool is_pinned(const struct domain *domain)
{
    return domain == &domains[0];
}

static void do_switch(void)
{
    asid_assign(&domains[ram_choice(DOMAINS)]);
}

static void start(void)
{
    ram_start(PAGES);
    segments_init();
    views_init();
    space_init(7);
    asids_init(4); /* three for four: they are taken away all the time */
    asids_set_pinned(is_pinned);
    memset(domains, 0, sizeof domains);
    memset(segments, 0, sizeof segments);
    memset(granted, 0, sizeof granted);
    for (unsigned d = 0; d < DOMAINS; d++) {
        domains[d].id = d + 1;
        domains[d].limit = (struct quota){.frames = 3000, .objects = 40, .threads = 1};
        list_init(&domains[d].segments);
        assert_int_equal(view_create(&domains[d]), STATUS_OK);
    }
}

static void random_operations_match_the_model(void **state)
{
    static void (*const operations[])(void) = {do_create, do_grant, do_grant, do_grant,
                                               do_revoke, do_drop,  do_reap,  do_switch};

    (void)state;
    start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        operations[ram_choice(8)]();
        if (round % 10 == 0)
            all_check();
    }
    all_check();
    for (unsigned s = 0; s < SEGMENTS; s++)
        if (segments[s] != NULL)
            object_put(&segments[s]->object);
    for (unsigned d = 0; d < DOMAINS; d++) {
        while (!view_drain(&domains[d], 3)) {
        }
        asid_release(&domains[d]);
    }
    while (segments_reap_some()) {
    }
    for (unsigned d = 0; d < DOMAINS; d++) {
        view_destroy(&domains[d]);
        assert_int_equal(domains[d].used.frames, 0);
        assert_int_equal(domains[d].used.objects, 0);
        assert_int_equal(domains[d].view_slots, 0);
    }
    assert_int_equal(asid_totals().in_use, 0);
    assert_true(ram_end());
}

/* ---- ASIDs ---- */

static unsigned invalidations(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fake_tlb.count; i++)
        count += fake_tlb.events[i].kind == FAKE_TLB_ASID;
    return count;
}

static void asids_are_never_shared(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < 10000; i++) {
        struct domain *domain = &domains[ram_choice(DOMAINS)];
        if (ram_choice(10) == 0)
            asid_release(domain);
        else
            asid_assign(domain);
        for (unsigned a = 0; a < DOMAINS; a++)
            for (unsigned b = 0; b < a; b++)
                assert_true(asid_of(&domains[a]) == 0
                            || asid_of(&domains[a]) != asid_of(&domains[b]));
        assert_true(asid_of(domain) < 4);
    }
    asid_assign(&domains[0]);
    const asid_t pinned = asid_of(&domains[0]);
    for (unsigned i = 0; i < 100; i++) {
        asid_assign(&domains[1 + i % 3]);
        assert_int_equal(asid_of(&domains[0]), pinned);
    }
    for (unsigned d = 0; d < DOMAINS; d++) {
        asid_release(&domains[d]);
        view_destroy(&domains[d]);
    }
    assert_true(ram_end());
}

/* An ASID that changes hands is forgotten by the TLB each time. */
static void taken_asids_are_invalidated(void **state)
{
    (void)state;
    start();
    for (unsigned d = 0; d < DOMAINS; d++)
        asid_assign(&domains[d]);
    fake_tlb_reset();
    const uint64_t taken = asid_totals().taken_away;
    for (unsigned i = 0; i < 100; i++)
        asid_assign(&domains[1 + i % 3]);
    assert_int_equal(invalidations(), asid_totals().taken_away - taken);
    assert_true(asid_totals().taken_away > taken);
    for (unsigned d = 0; d < DOMAINS; d++) {
        asid_release(&domains[d]);
        view_destroy(&domains[d]);
    }
    assert_true(ram_end());
}

/* ---- addresses ---- */

/* Segments without memory: only their addresses are taken. */
static void addresses_never_overlap(void **state)
{
    enum { RUNS = 400 };
    static struct segment fake[RUNS];
    static uaddr_t at[RUNS];
    static uint32_t count[RUNS];

    (void)state;
    ram_start(PAGES);
    space_init(99);
    memset(at, 0, sizeof at);
    for (unsigned i = 0; i < 60000; i++) {
        const unsigned k = ram_choice(RUNS);
        if (at[k] != 0) {
            for (uint32_t slot = 0; slot < count[k]; slot++)
                assert_ptr_equal(space_owner(at[k] + slot * SLOT_BYTES), &fake[k]);
            space_give(at[k], count[k]);
            for (uint32_t slot = 0; slot < count[k]; slot++)
                assert_null(space_owner(at[k] + slot * SLOT_BYTES));
            at[k] = 0;
            continue;
        }
        const bool giga = ram_choice(20) == 0;
        count[k] = giga ? (1 + ram_choice(3)) * SLOTS_PER_GIGABYTE : 1 + ram_choice(40);
        const uint32_t home = 1 + ram_choice(SPACE_GIGABYTES - 1);
        if (space_take(&fake[k], count[k], giga, home, &at[k]) != STATUS_OK) {
            at[k] = 0;
            continue;
        }
        assert_true(at[k] >= UINT64_C(1) << 30);
        assert_true(at[k] + count[k] * SLOT_BYTES <= UINT64_C(1) << SHARED_SPACE_BITS);
        assert_int_equal(at[k] % (giga ? UINT64_C(1) << 30 : SLOT_BYTES), 0);
        for (uint32_t slot = 0; slot < count[k]; slot++)
            assert_ptr_equal(space_owner(at[k] + slot * SLOT_BYTES), &fake[k]);
    }
    for (unsigned k = 0; k < RUNS; k++)
        if (at[k] != 0)
            space_give(at[k], count[k]);
    assert_int_equal(space_table_frames(), 0);
    assert_true(ram_end());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_match_the_model),
        cmocka_unit_test(asids_are_never_shared),
        cmocka_unit_test(taken_asids_are_invalidated),
        cmocka_unit_test(addresses_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The audit of a checked kernel: it finds nothing in what views and ASIDs do, and finds each thing
 * that could be wrong, by name, when it is.
 */
// source: domains/variant/checked/audit.c
// source: domains/variant/checked/frame_rights.c
// source: domains/variant/checked/grants.c
// source: domains/variant/checked/tlb_ledger.c
// source: domains/variant/checked/view_audit.c
// source: domains/variant/checked/walk.c
// source: domains/view.c
// source: domains/quota.c
// source: domains/segment.c
// source: domains/space.c
// source: domains/asid.c
// source: domains/frame.c
// source: domains/pool.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_space.c
// include first: tests/host/fake_arch
#include "domains/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/space.h"
#include "domains/variant/checked/grants.h"
#include "domains/view.h"
#include "fake_space.h"

enum { DOMAINS = 4, SEGMENTS = 12, RAM_PAGES = 16384, STEPS = 4000 };
enum { READ_WRITE = RIGHT_READ | RIGHT_WRITE, READ_EXECUTE = RIGHT_READ | RIGHT_EXECUTE };

static const uint64_t GIB = UINT64_C(1) << 30;
static const paddr_t REGISTERS = UINT64_C(0x800000000);
static const paddr_t KERNEL = 0x38000000;

static struct domain domains[DOMAINS];
static char said[256]; /* by the panic that a test waited for */
static uint64_t random_state;

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(said, sizeof(said), format, arguments);
    va_end(arguments);
    mock_assert(0, said, __FILE__, __LINE__);
    abort();
}

/* `call` is found out, and the panic names `claim`. */
#define EXPECT_BROKEN(call, claim)                               \
    do {                                                         \
        said[0] = '\0';                                          \
        expect_assert_failure(call);                             \
        if (strstr(said, claim) == NULL)                         \
            fail_msg("'%s' was expected, but: %s", claim, said); \
    } while (0)

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

/* ---- a TLB that does as it is told, or not quite ---- */

static void tlb_obeys(const struct fake_tlb_event *event)
{
    if (event->kind != FAKE_TLB_PUBLISH)
        kernel_on_tlb_invalidation(event->asid, event->address, event->pages);
}

static void tlb_is_told_nothing(const struct fake_tlb_event *event)
{
    (void)event;
}

static void tlb_misses_the_last_page(const struct fake_tlb_event *event)
{
    if (event->kind == FAKE_TLB_PAGES && event->pages > 1)
        kernel_on_tlb_invalidation(event->asid, event->address, event->pages - 1);
}

static void tlb_is_told_of_another_asid(const struct fake_tlb_event *event)
{
    if (event->kind != FAKE_TLB_PUBLISH)
        kernel_on_tlb_invalidation((asid_t)(event->asid + 1), event->address, event->pages);
}

/* ---- a machine ---- */

static int setup(void **state)
{
    (void)state;
    fake_space_start(RAM_PAGES);
    fake_tlb.on_event = tlb_obeys;
    for (unsigned d = 0; d < DOMAINS; d++)
        fake_domain_init(&domains[d], d + 1, 100000);
    random_state = 5;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned d = 0; d < DOMAINS; d++) {
        asid_release(&domains[d]);
        fake_domain_end(&domains[d]);
    }
    fake_tlb.on_event = NULL;
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

static struct segment *make_frames(uint64_t pages, rights_t widest)
{
    return make(&(struct segment_request){
        .backing = SEGMENT_FRAMES, .length = pages * PAGE_BYTES, .widest = widest});
}

static void grant(unsigned d, struct segment *segment, rights_t rights)
{
    assert_int_equal(view_grant(&domains[d], segment, rights), STATUS_OK);
}

static void put(struct segment *segment)
{
    object_put(&segment->object);
}

/* Where the view's own entry for the first slot of a small segment is. */
static pte_t *entry_of(unsigned d, const struct segment *segment)
{
    pte_t *table = direct_map(pte_address(domains[d].root[segment->address >> LEVEL1_SHIFT]));

    return &table[level2_index(segment->address)];
}

static pte_t *leaves_of(const struct segment *segment)
{
    return direct_map(pte_address(segment->entries[0]));
}

/* As if the segment had just been granted with the rights that it has. */
static void look_again(unsigned d, const struct segment *segment)
{
    audit_view_changed(&domains[d], segment, grants_find(&domains[d], segment));
}

/* While `*at` is `value`, the audit of domain `d` finds `claim` broken. */
static void broken_by(unsigned d, const struct segment *segment, pte_t *at, pte_t value,
                      const char *claim)
{
    const pte_t before = *at;

    look_again(d, segment);
    *at = value;
    EXPECT_BROKEN(look_again(d, segment), claim);
    *at = before;
    look_again(d, segment);
}

/* ---- views ---- */

static void leaves_are_held_to_their_mapping(void **state)
{
    (void)state;
    struct segment *data = make_frames(3, READ_WRITE);
    struct segment *text = make_frames(3, READ_EXECUTE);
    grant(1, data, READ_WRITE);
    grant(2, data, RIGHT_READ);
    grant(1, text, READ_EXECUTE);
    pte_t *leaf = leaves_of(data);
    broken_by(1, data, leaf, *leaf & ~PTE_UXN, "writable and executable");
    broken_by(1, data, leaf, *leaf & ~PTE_NOT_GLOBAL, "not global");
    broken_by(1, data, leaf, *leaf & ~PTE_PXN, "EL1 executes nothing");
    broken_by(1, data, leaf, *leaf & ~PTE_ACCESSED, "access flag");
    broken_by(1, data, leaf, *leaf | PTE_READ_ONLY, "rights that were granted");
    broken_by(1, data, leaf, *leaf & ~PTE_EL0, "rights that were granted");
    broken_by(1, data, leaf, *leaf & ~PTE_TABLE, "is a page");
    broken_by(1, data, &leaf[3], leaf[2], "within the segment");
    leaf = leaves_of(text);
    broken_by(1, text, leaf, *leaf & ~PTE_READ_ONLY, "writable and executable");
    broken_by(1, text, leaf, *leaf | PTE_UXN, "rights that were granted");
    put(data);
    put(text);
}

static void entries_are_held_to_their_mapping(void **state)
{
    (void)state;
    struct segment *data = make_frames(3, READ_WRITE);
    struct segment *other = make_frames(3, READ_WRITE);
    grant(1, data, RIGHT_READ);
    grant(1, other, READ_WRITE);
    pte_t *entry = entry_of(1, data);
    broken_by(1, data, entry, *entry & ~PTE_READ_ONLY_TABLE, "rights that were granted");
    broken_by(1, data, entry, *entry | PTE_NO_EL0_TABLE, "rights that were granted");
    broken_by(1, data, entry, *entry_of(1, other) | PTE_READ_ONLY_TABLE, "own tables");
    broken_by(1, data, entry, 0, "shows all that it was granted");
    pte_t *root = &domains[1].root[data->address >> LEVEL1_SHIFT];
    broken_by(1, data, root, *root | PTE_PXN_TABLE, "nobody owns");
    broken_by(1, data, root, *root & ~PTE_TABLE, "gigabyte");
    broken_by(1, data, root, direct_map_physical(domains[2].root) | 3,
              "no table that shows nothing");
    broken_by(1, data, root, segment_physical(other, 0) | 3, "frame is a table's");
    assert_int_equal(view_revoke(&domains[1], other), STATUS_OK);
    pte_t *free_slot = entry_of(1, other);
    *free_slot = pte_narrow(other->entries[0], RIGHT_READ);
    EXPECT_BROKEN(look_again(1, data), "was not granted");
    put(other);
    EXPECT_BROKEN(look_again(1, data), "nobody owns");
    *free_slot = 0;
    look_again(1, data);
    put(data);
}

static void frames_are_held_to_their_segment(void **state)
{
    (void)state;
    struct segment *data = make_frames(1, READ_WRITE);
    struct segment *text = make_frames(5, READ_EXECUTE);
    struct segment *run = make(&(struct segment_request){
        .backing = SEGMENT_RUN, .length = 4 * PAGE_BYTES, .widest = READ_WRITE});
    struct segment *registers = make(&(struct segment_request){.backing = SEGMENT_DEVICE,
                                                               .length = PAGE_BYTES,
                                                               .widest = READ_WRITE,
                                                               .physical = REGISTERS});
    struct segment *alias = make(&(struct segment_request){.backing = SEGMENT_ALIAS,
                                                           .length = 2 * PAGE_BYTES,
                                                           .widest = READ_EXECUTE,
                                                           .execute_bytes = PAGE_BYTES,
                                                           .source = text,
                                                           .source_offset = PAGE_BYTES});
    grant(1, data, READ_WRITE);
    grant(2, text, READ_EXECUTE);
    grant(1, run, READ_WRITE);
    grant(1, registers, READ_WRITE);
    grant(1, alias, READ_EXECUTE);
    const pte_t attributes = *leaves_of(data) & ~PTE_ADDRESS;
    broken_by(1, data, leaves_of(data), attributes | direct_map_physical(domains[2].root),
              "frame is a segment's");
    broken_by(1, data, leaves_of(data), attributes | KERNEL, "nothing of the kernel");
    broken_by(1, data, leaves_of(data), attributes | (KERNEL - PAGE_BYTES), "frame is a segment's");
    /* Written in one view, executed in another: no view alone shows it. */
    broken_by(1, data, leaves_of(data), attributes | segment_physical(text, 0),
              "no two views write and execute");
    broken_by(1, run, leaves_of(run), leaves_of(run)[1], "a run is in order");
    broken_by(1, registers, leaves_of(registers), *leaves_of(registers) ^ PTE_ATTRIBUTE(1),
              "registers are Device");
    broken_by(1, registers, leaves_of(registers),
              (*leaves_of(registers) & ~PTE_ADDRESS) | segment_physical(data, 0), "not RAM");
    broken_by(1, alias, leaves_of(alias), leaves_of(alias)[0] + PAGE_BYTES, "source's frames");
    broken_by(1, alias, &leaves_of(alias)[1], leaves_of(alias)[1] & ~PTE_UXN,
              "rights that were granted");
    put(data);
    put(run);
    put(registers);
    put(alias);
    put(text);
}

static void gigabytes_are_held_to_their_segment(void **state)
{
    (void)state;
    struct segment *window = make(&(struct segment_request){
        .backing = SEGMENT_DEVICE, .length = GIB, .widest = READ_WRITE, .physical = REGISTERS});
    grant(1, window, READ_WRITE);
    grant(2, window, RIGHT_READ);
    pte_t *root = &domains[2].root[window->address >> LEVEL1_SHIFT];
    broken_by(2, window, root, *root & ~PTE_READ_ONLY_TABLE, "rights that were granted");
    broken_by(2, window, root, *root & ~(PTE_READ_ONLY_TABLE | PTE_PXN_TABLE | PTE_UXN_TABLE),
              "bring their tables");
    broken_by(2, window, root, 0, "shows all that it was granted");
    put(window);
}

/* ---- what a TLB remembers ---- */

static void narrow(struct segment *segment, rights_t rights)
{
    const enum status status = view_grant(&domains[1], segment, rights);

    assert_int_equal(status, STATUS_OK);
}

static void take_out(struct segment *segment)
{
    const enum status status = view_revoke(&domains[1], segment);

    assert_int_equal(status, STATUS_OK);
}

static void forgotten_invalidation_is_found(uint64_t pages)
{
    struct segment *keep = make_frames(1, READ_WRITE);
    struct segment *segment = make_frames(pages, READ_WRITE);

    grant(1, keep, READ_WRITE);
    asid_assign(&domains[1]);
    grant(1, segment, READ_WRITE);
    fake_tlb.on_event = tlb_is_told_nothing;
    EXPECT_BROKEN(narrow(segment, RIGHT_READ), "that was changed");
    kernel_on_tlb_invalidation(asid_of(&domains[1]), 0, 0);
    fake_tlb.on_event = tlb_is_told_of_another_asid;
    EXPECT_BROKEN(narrow(segment, READ_WRITE), "that was changed");
    kernel_on_tlb_invalidation(asid_of(&domains[1]), 0, 0);
    fake_tlb.on_event = tlb_misses_the_last_page;
    if (pages > 1 && pages <= TLB_PAGES_MAX)
        EXPECT_BROKEN(narrow(segment, RIGHT_READ), "that was changed");
    kernel_on_tlb_invalidation(asid_of(&domains[1]), 0, 0);
    fake_tlb.on_event = tlb_obeys;
    narrow(segment, READ_WRITE);
    take_out(segment);
    put(segment);
    asid_release(&domains[1]);
    put(keep);
}

static void forgotten_invalidations_are_found(void **state)
{
    (void)state;
    forgotten_invalidation_is_found(1);
    forgotten_invalidation_is_found(2);
    forgotten_invalidation_is_found(16);
    forgotten_invalidation_is_found(17);
    forgotten_invalidation_is_found(600);
}

/* As a revocation would leave them if it had made this much of an invalidation. */
static void entries_that_went_too_late_are_found(void **state)
{
    (void)state;
    struct segment *segment = make_frames(2, READ_WRITE);
    grant(1, segment, READ_WRITE);
    asid_assign(&domains[1]);
    const asid_t asid = asid_of(&domains[1]);
    pte_t *entry = entry_of(1, segment);
    const pte_t before = *entry;

    /* Before the entry goes, a walk may bring it back. */
    kernel_on_tlb_invalidation(asid, segment->address, 2);
    *entry = 0;
    EXPECT_BROKEN(look_again(1, segment), "what the view does not show");
    *entry = before;
    look_again(1, segment);
    /* One page of two; the other keeps the old rights. */
    *entry = pte_narrow(segment->entries[0], RIGHT_READ);
    kernel_on_tlb_invalidation(asid, segment->address, 1);
    EXPECT_BROKEN(look_again(1, segment), "that was changed");
    *entry = before;
    kernel_on_tlb_invalidation(asid, 0, 0);
    /* A leaf goes while views show it. */
    const pte_t leaf = leaves_of(segment)[1];
    leaves_of(segment)[1] = 0;
    EXPECT_BROKEN(look_again(1, segment), "whose leaf is gone");
    leaves_of(segment)[1] = leaf;
    put(segment);
}

/* The same for a table that shows nothing any more, and is about to be freed. */
static void tables_that_a_tlb_remembers_are_found(void **state)
{
    (void)state;
    struct segment *segment = make_frames(2, READ_WRITE);
    grant(1, segment, READ_WRITE);
    asid_assign(&domains[1]);
    const asid_t asid = asid_of(&domains[1]);
    pte_t *root = &domains[1].root[segment->address >> LEVEL1_SHIFT];
    pte_t *entry = entry_of(1, segment);
    const pte_t root_before = *root, before = *entry;

    *entry = 0;
    kernel_on_tlb_invalidation(asid, segment->address, 2);
    *root = 0;
    EXPECT_BROKEN(look_again(1, segment), "what the view does not show");
    *root = root_before;
    *entry = before;
    look_again(1, segment);
    put(segment);
}

static void asids_that_change_hands_unflushed_are_found(void **state)
{
    (void)state;
    struct segment *segment = make_frames(2, READ_WRITE);
    grant(1, segment, READ_WRITE);
    grant(2, segment, READ_WRITE);
    asids_init(2);
    asid_assign(&domains[1]);
    fake_tlb.on_event = tlb_is_told_nothing;
    EXPECT_BROKEN(asid_assign(&domains[2]), "leaves nothing in a TLB");
    EXPECT_BROKEN(asid_assign(&domains[2]), "nothing is left in a TLB");
    fake_tlb.on_event = tlb_obeys;
    kernel_on_tlb_invalidation(1, 0, 0);
    audit_asid_given(&domains[2]);
    /* Forgotten while the domain still has it: walks may fill the TLB again. */
    kernel_on_tlb_invalidation(1, 0, 0);
    EXPECT_BROKEN(audit_asid_taken(1), "leaves nothing in a TLB");
    kernel_on_tlb_invalidation(1, 0, 0);
    audit_asid_given(&domains[2]);
    put(segment);
}

/* ---- nothing wrong ---- */

static struct segment *segments[SEGMENTS];

static void step_make(unsigned s)
{
    static const rights_t widests[] = {RIGHT_READ, READ_WRITE, READ_EXECUTE};
    struct segment_request request = {
        .backing = random_below(4) == 0 ? SEGMENT_RUN : SEGMENT_FRAMES,
        .length = (1 + random_below(random_below(4) == 0 ? 1300 : 30)) * (uint64_t)PAGE_BYTES,
        .widest = widests[random_below(3)],
    };
    const struct segment *other = segments[random_below(SEGMENTS)];

    if (request.backing == SEGMENT_FRAMES && random_below(4) == 0) {
        request.guard_stride_pages = 2 + random_below(40);
    } else if (random_below(10) == 0) {
        request.backing = SEGMENT_DEVICE;
        request.widest = READ_WRITE;
        request.physical = REGISTERS;
        request.length = random_below(4) == 0 ? GIB : request.length;
    } else if (other != NULL && other->backing == SEGMENT_FRAMES && other->guard_stride_pages == 0
               && (other->widest & RIGHT_WRITE) == 0 && other->length > PAGE_BYTES) {
        request.backing = SEGMENT_ALIAS;
        request.widest = READ_EXECUTE;
        request.source = (struct segment *)(uintptr_t)other;
        request.source_offset = PAGE_BYTES;
        request.length = other->length - PAGE_BYTES;
        request.execute_bytes = request.length / PAGE_BYTES / 2 * PAGE_BYTES;
    }
    segments[s] = make(&request);
}

static void step_random(void)
{
    static const rights_t choices[] = {RIGHT_READ, READ_WRITE, READ_EXECUTE};
    const unsigned s = random_below(SEGMENTS);
    struct domain *domain = &domains[random_below(DOMAINS)];
    const unsigned kind = random_below(100);

    if (segments[s] == NULL) {
        step_make(s);
    } else if (kind < 40) {
        const rights_t rights = choices[random_below(3)] & (segments[s]->widest | RIGHT_READ);
        assert_int_equal(view_grant(domain, segments[s], rights), STATUS_OK);
    } else if (kind < 70) {
        const enum status status = view_revoke(domain, segments[s]);
        assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
    } else if (kind < 80) {
        for (unsigned d = 0; d < DOMAINS; d++)
            if (view_granted(&domains[d], segments[s]) != 0)
                assert_int_equal(view_revoke(&domains[d], segments[s]), STATUS_OK);
        put(segments[s]);
        segments[s] = NULL;
    } else if (kind < 95) {
        asid_assign(domain);
    } else {
        asid_release(domain);
    }
    (void)segments_reap_some();
}

static void nothing_is_found_in_what_views_and_asids_do(void **state)
{
    (void)state;
    asids_init(3);
    for (unsigned step = 0; step < STEPS; step++)
        step_random();
    for (unsigned s = 0; s < SEGMENTS; s++)
        if (segments[s] != NULL)
            put(segments[s]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(leaves_are_held_to_their_mapping),
        CASE(entries_are_held_to_their_mapping),
        CASE(frames_are_held_to_their_segment),
        CASE(gigabytes_are_held_to_their_segment),
        CASE(forgotten_invalidations_are_found),
        CASE(entries_that_went_too_late_are_found),
        CASE(tables_that_a_tlb_remembers_are_found),
        CASE(asids_that_change_hands_unflushed_are_found),
        CASE(nothing_is_found_in_what_views_and_asids_do),
    };

    audit_forbid(KERNEL, 0x1000000);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The shared space: leaf tables exist once, however many see them, and an address means one thing
 * for as long as anybody can name it.
 */
#include "child.h"

enum {
    VIEWERS = 1000,
    CYCLES = 2200,
    CYCLE_RESERVE_SLOTS = 255, /* a cycle takes half a gigabyte's worth of slots */
    FIRST_CYCLES = 100,        /* no more than a quarter of the space */
};

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;
static const uint64_t GIB = UINT64_C(1) << 30;
static const paddr_t WINDOW = UINT64_C(0x8000000000); /* beyond all RAM and registers of virt */

static handle_t viewers[VIEWERS];

static struct info_memory memory_now(void)
{
    struct info_memory memory = {0};
    uint64_t next;

    test_settle();
    if (system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "memory", 0, 1);
    return memory;
}

static struct info_domain domain_now(handle_t domain)
{
    struct info_domain record = {0};
    uint64_t next;

    if (domain_info(domain, INFO_DOMAIN, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "domain", 0, 1);
    return record;
}

/* `count` domains see `segment`; each pays for `tables` of its own, and no other exist. */
static void viewed_by(unsigned count, handle_t segment, uint64_t tables)
{
    const struct domain_attributes attributes = {.quota = {16, 16, 16, 16, 0}};
    const struct info_memory before = memory_now();

    for (unsigned i = 0; i < count; i++) {
        EXPECT_OK(domain_create(test_factory(), &attributes, &viewers[i]));
        EXPECT_OK(segment_grant(segment, viewers[i], i % 2 == 0 ? rw : RIGHT_READ));
        const struct info_domain info = domain_now(viewers[i]);
        EXPECT_IS(info.table_frames, tables);
        EXPECT_IS(info.used.frames, tables);
    }
    EXPECT_IS(memory_now().table_frames - before.table_frames, count * tables);
    for (unsigned i = 0; i < count; i++) {
        EXPECT_OK(segment_revoke(segment, viewers[i]));
        EXPECT_IS(domain_now(viewers[i]).table_frames, 1);
        EXPECT_OK(domain_destroy(viewers[i]));
        EXPECT_OK(handle_close(viewers[i]));
    }
    EXPECT_IS(memory_now().table_frames, before.table_frames);
}

/* Its 513 tables are the segment's; a view has nothing but its root. */
static void a_gigabyte_s_tables_exist_once(void)
{
    handle_t window = 0;
    uaddr_t address = 0;
    const struct info_memory before = memory_now();

    EXPECT_OK(
        segment_create_device(test_factory(), WINDOW, GIB, name_from("window"), &window, &address));
    const uint64_t own = memory_now().table_frames - before.table_frames;
    EXPECT(own >= 513 && own <= 514); /* one more may say who owns its addresses */
    viewed_by(VIEWERS, window, 1);
}

/* Small ones share tables of level 3; a view has a root and a table of level 2. */
static void some_slots_tables_exist_once(void)
{
    handle_t window = 0;
    uaddr_t address = 0;

    EXPECT_OK(segment_create_device(test_factory(), WINDOW, 3 * SLOT_BYTES, name_from("window"),
                                    &window, &address));
    viewed_by(VIEWERS / 4, window, 2);
}

static bool overlaps(uaddr_t a, uint64_t a_bytes, uaddr_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* Through all of the space and again: twice its size is taken and given up. */
static void an_address_stays_as_long_as_it_has_a_name(void)
{
    const uint64_t span = (CYCLE_RESERVE_SLOTS + 1) * SLOT_BYTES;
    static uaddr_t first[FIRST_CYCLES];
    uaddr_t by_view = 0, by_handle = 0, address = 0;
    handle_t viewed = 0, held = 0, cycled = 0;
    struct child child;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("viewed"), &viewed, &by_view));
    EXPECT_OK(segment_grant(viewed, child.domain, rw));
    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("held"), &held, &by_handle));
    EXPECT(child_give(&child, held, RIGHT_READ, 0) != 0);
    EXPECT_OK(handle_close(viewed));
    EXPECT_OK(handle_close(held));
    for (unsigned i = 0; i < CYCLES; i++) {
        const enum status s = segment_create_alias(test_factory(), test_text(), 0, PAGE_BYTES,
                                                   PAGE_BYTES, CYCLE_RESERVE_SLOTS * SLOT_BYTES,
                                                   name_from("cycle"), &cycled, &address);
        EXPECT_IS((uint64_t)s << 32 | i, i);
        EXPECT(!overlaps(address, span, by_view, PAGE_BYTES));
        EXPECT(!overlaps(address, span, by_handle, PAGE_BYTES));
        /* What was just given up rests, until little else is left. */
        for (unsigned k = 0; k < i && k < FIRST_CYCLES && i < FIRST_CYCLES; k++)
            EXPECT(!overlaps(address, span, first[k], span));
        if (i < FIRST_CYCLES)
            first[i] = address;
        EXPECT_OK(handle_close(cycled));
    }
}

static const struct test space_tests[] = {
    TEST(a_gigabyte_s_tables_exist_once),
    TEST(some_slots_tables_exist_once),
    TEST(an_address_stays_as_long_as_it_has_a_name),
};
TEST_GROUP(space);

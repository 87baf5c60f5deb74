/*
 * More domains than there are ASIDs of 16 bits: one after another, and all at once.
 */
#include "child.h"

enum {
    OVER_TIME = 70000,
    AT_ONCE = 66000,
    ASIDS = 65535,
    HUBS = 2, /* domains that hold the handles of all others: more than one domain may have */
    TURNS = 3,
    VIEWERS = 1000,
};

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;
static const uint64_t GIB = UINT64_C(1) << 30;

static uint8_t was_given[ASIDS + 1];

static struct info_domain domain_now(handle_t domain)
{
    struct info_domain record = {0};
    uint64_t next;

    if (domain_info(domain, INFO_DOMAIN, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "domain", 0, 1);
    return record;
}

static struct info_memory memory_now(void)
{
    struct info_memory memory = {0};
    uint64_t next;

    test_settle();
    if (system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "memory", 0, 1);
    return memory;
}

static void end_at_once(const struct birth *birth)
{
    (void)birth;
}

/* Each gets the next ASID; the last ones get those of domains that are gone. */
static void seventy_thousand_domains_leave_nothing(void)
{
    EXPECT(board_get() != NULL); /* stays until the end of the test */
    const uint32_t handles = domain_now(0).used.handles;
    const uint64_t frames = memory_now().free_frames;
    struct child child;
    uint32_t given = 0, again = 0;

    for (unsigned i = 0; i < OVER_TIME && !test_has_failed(); i++) {
        EXPECT_IS(child_does(&child, end_at_once, 0, 0, 0), CHILD_DONE);
        const uint32_t asid = child_info(&child).asid;
        EXPECT(asid != 0);
        given += was_given[asid] == 0;
        again += was_given[asid] != 0;
        was_given[asid] = 1;
        child_destroy(&child);
    }
    /* All but this domain's: it is current whenever a child needs one, so it keeps its own. */
    EXPECT_IS(given, ASIDS - 1);
    EXPECT_IS(again, OVER_TIME - (ASIDS - 1));
    EXPECT_IS(domain_now(0).used.handles, handles);
    EXPECT_IS(memory_now().free_frames, frames);
}

/* In a dweller: count in one's own page, of which the stack is the upper part. */
static void count_by_turns(const struct birth *birth)
{
    volatile uint64_t *own = (volatile uint64_t *)(uintptr_t)birth->argument[0];

    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        *own = birth->argument[1] + turn;
        thread_yield();
        if (*own != birth->argument[1] + turn)
            return;
    }
    birth->board->word[1]++;
}

/* A domain with as little as it can run with; `hub` holds it afterwards. */
static void dweller_make(uint64_t number, handle_t hub)
{
    const struct domain_attributes attributes = {.syscall_mask = ~UINT64_C(0),
                                                 .quota = {16, 16, 2, 8, 0},
                                                 .highest_priority = CHILD_PRIORITY};
    handle_t page = 0, domain = 0, thread = 0, out = 0;
    uaddr_t address = 0;

    EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("dwelling"), &page, &address));
    EXPECT_OK(segment_grant(page, 0, rw));
    const uaddr_t top = address + PAGE_BYTES - (sizeof(struct birth) + 15) / 16 * 16;
    *(struct birth *)(uintptr_t)top = (struct birth){
        .run = count_by_turns, .argument = {address, number << 32}, .board = board_get()};
    EXPECT_OK(segment_revoke(page, 0));
    EXPECT_OK(domain_create(test_factory(), &attributes, &domain));
    EXPECT_OK(segment_grant(test_text(), domain, RIGHT_READ | RIGHT_EXECUTE));
    EXPECT_OK(segment_grant(board_segment(), domain, rw));
    EXPECT_OK(segment_grant(page, domain, rw));
    EXPECT_OK(thread_create(domain, syscall_word((void *)(uintptr_t)child_entry), top, top,
                            CHILD_PRIORITY, &thread));
    EXPECT_OK(domain_give(hub, domain, RIGHT_ALL, 0, &out));
    EXPECT_OK(handle_close(thread));
    EXPECT_OK(handle_close(page));
    EXPECT_OK(handle_close(domain));
}

static void more_are_alive_than_there_are_asids(void)
{
    const struct domain_attributes attributes = {.quota = {4096, AT_ONCE, 2, 8, 0}};
    struct board *board = board_get();
    handle_t hub[HUBS] = {0};

    for (unsigned i = 0; i < HUBS; i++)
        EXPECT_OK(domain_create(test_factory(), &attributes, &hub[i]));
    for (unsigned i = 0; i < AT_ONCE && !test_has_failed(); i++)
        dweller_make(i, hub[i % HUBS]);
    const nsec_t deadline = test_soon(100 * TEST_S);
    while (board->word[1] < AT_ONCE && test_soon(0) < deadline)
        (void)thread_sleep(test_soon(100 * TEST_MS));
    EXPECT_IS(board->word[1], AT_ONCE);
}

/* Memory, not registers: two tables are its own, the rest is blocks of 2 MiB. */
static void a_gigabyte_of_memory_is_seen_by_a_thousand(void)
{
    static handle_t viewers[VIEWERS];
    const struct domain_attributes attributes = {.quota = {16, 16, 16, 16, 0}};
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(segment_create(GIB, rw, 0, 0, name_from("large"), &segment, &address));
    const struct info_memory before = memory_now();
    for (unsigned i = 0; i < VIEWERS; i++) {
        EXPECT_OK(domain_create(test_factory(), &attributes, &viewers[i]));
        EXPECT_OK(segment_grant(segment, viewers[i], rw));
        EXPECT_IS(domain_now(viewers[i]).table_frames, 1);
    }
    EXPECT_IS(memory_now().table_frames - before.table_frames, VIEWERS);
    EXPECT_IS(memory_now().segment_frames, before.segment_frames);
}

static const struct test multitude_tests[] = {
    TEST(seventy_thousand_domains_leave_nothing),
    TEST(more_are_alive_than_there_are_asids),
    TEST(a_gigabyte_of_memory_is_seen_by_a_thousand),
};
TEST_GROUP(multitude);

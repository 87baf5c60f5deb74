/*
 * ASIDs: more domains alive than a checked kernel has ASIDs (15), each of which reaches what is its
 * own and nothing else, whoever had its ASID before.
 */
#include "attack.h"
#include "server.h"

enum {
    DOMAINS = 40,
    ROUNDS = 12,
    TURNS = 25,
    /* Words of the served function below. */
    OWN_ADDRESS = 0,
    OWN_VALUE = 1,
    OWN_BEFORE = 2,
    OWN_PORTAL = 3,
};

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;

/* One domain of the crowd: a page that nobody else sees, and a portal that works on it. */
struct inhabitant {
    struct server server;
    handle_t page;
    uaddr_t address;
};

static struct inhabitant crowd[DOMAINS];

/* In a server: exchange the word at an address, through a portal of one's own if there is one. */
static void served_exchange(uint64_t word[SERVED_WORDS])
{
    if (word[OWN_PORTAL] != 0) {
        struct portal_message m = {.word = {word[OWN_ADDRESS], word[OWN_VALUE]}};
        word[OWN_PORTAL] = portal_call_with(word[OWN_PORTAL], &m, DEADLINE_NEVER);
        word[OWN_BEFORE] = m.word[OWN_BEFORE];
        return;
    }
    volatile uint64_t *own = (volatile uint64_t *)(uintptr_t)word[OWN_ADDRESS];
    word[OWN_BEFORE] = *own;
    *own = word[OWN_VALUE];
}

static void crowd_make(void)
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        struct inhabitant *one = &crowd[i];
        EXPECT(server_make(&(struct child_needs){0}, served_exchange, 2, &one->server));
        EXPECT_OK(
            segment_create(PAGE_BYTES, rw, 0, 0, name_from("own"), &one->page, &one->address));
        EXPECT_OK(segment_grant(one->page, one->server.child.domain, rw));
    }
}

/* Ask `one` to put `value` where `at` is; what was there comes back. */
static enum status exchange(const struct inhabitant *one, uaddr_t at, uint64_t value,
                            uint64_t *before)
{
    struct portal_message m = {.word = {at, value, 0, one->server.own}};
    enum status s = portal_call_with(one->server.portal, &m, DEADLINE_NEVER);

    if (s == STATUS_OK)
        s = (enum status)m.word[OWN_PORTAL];
    *before = m.word[OWN_BEFORE];
    return s;
}

static void each_reaches_its_own_memory_and_portals(void)
{
    static const unsigned strides[] = {1, 39, 7, 3}; /* none divides DOMAINS: all are met */

    crowd_make();
    for (unsigned round = 0; round < ROUNDS && !test_has_failed(); round++)
        for (unsigned k = 0; k < DOMAINS; k++) {
            const unsigned i = (k * strides[round % 4] + round) % DOMAINS;
            uint64_t before = 0;
            EXPECT_OK(exchange(&crowd[i], crowd[i].address, (round + 1) * 1000 + i, &before));
            EXPECT_IS(before, round == 0 ? 0 : round * 1000 + i);
        }
}

static void nobody_reaches_what_is_somebody_else_s(void)
{
    crowd_make();
    for (unsigned i = 0; i < DOMAINS && !test_has_failed(); i++) {
        const struct inhabitant *other = &crowd[(i + 7) % DOMAINS];
        uint64_t before = 0;
        EXPECT_OK(exchange(&crowd[i], crowd[i].address, i, &before));
        EXPECT_IS(before, 0);
        EXPECT(exchange(&crowd[i], other->address, i, &before) != STATUS_OK);
        const struct fault_record record = child_fault(&crowd[i].server.child);
        EXPECT_IS(record.reason, FAULT_READ);
        EXPECT_IS(record.address, other->address);
        EXPECT_IS(record.owner_rights, 0);
    }
}

static void asids_differ_while_they_are_held(void)
{
    uint64_t before = 0;

    crowd_make();
    for (unsigned i = 0; i < DOMAINS; i++) {
        EXPECT_OK(exchange(&crowd[i], crowd[i].address, i, &before));
        EXPECT(child_info(&crowd[i].server.child).asid != 0);
        for (unsigned k = 0; k < i; k++) {
            const uint32_t asid = child_info(&crowd[k].server.child).asid;
            EXPECT(asid == 0 || asid != child_info(&crowd[i].server.child).asid);
        }
    }
}

/* In a child: count in one's own page, giving way between writing and reading. */
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

static void a_crowd_takes_turns(void)
{
    static struct child children[DOMAINS];
    struct board *board = board_get();
    handle_t page = 0;

    for (unsigned i = 0; i < DOMAINS; i++) {
        uint64_t argument[BIRTH_ARGUMENTS] = {0, (uint64_t)i << 32};
        EXPECT_OK(child_make(&(struct child_needs){0}, &children[i]));
        EXPECT_OK(segment_create(PAGE_BYTES, rw, 0, 0, name_from("own"), &page, &argument[0]));
        EXPECT_OK(segment_grant(page, children[i].domain, rw));
        EXPECT_OK(child_start(&children[i], count_by_turns, argument));
    }
    for (unsigned i = 0; i < DOMAINS; i++)
        EXPECT_IS(child_wait(&children[i]), CHILD_DONE);
    EXPECT_IS(board->word[1], DOMAINS);
}

static void revocation_holds_under_any_asid(void)
{
    uint64_t before = 0;

    crowd_make();
    for (unsigned i = 0; i < DOMAINS; i++)
        EXPECT_OK(exchange(&crowd[i], crowd[i].address, i, &before));
    for (unsigned i = 0; i < DOMAINS; i++) {
        EXPECT_OK(segment_revoke(crowd[i].page, crowd[i].server.child.domain));
        EXPECT(exchange(&crowd[i], crowd[i].address, i, &before) != STATUS_OK);
        EXPECT_IS(child_fault(&crowd[i].server.child).reason, FAULT_READ);
        EXPECT_IS(child_fault(&crowd[i].server.child).address, crowd[i].address);
    }
}

static const struct test asid_tests[] = {
    TEST(each_reaches_its_own_memory_and_portals), TEST(nobody_reaches_what_is_somebody_else_s),
    TEST(asids_differ_while_they_are_held),        TEST(a_crowd_takes_turns),
    TEST(revocation_holds_under_any_asid),
};
TEST_GROUP(asid);

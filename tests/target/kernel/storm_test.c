/*
 * A storm of domains that are created and killed, each at another step of its making or of its
 * life: nothing of any is left, and the last costs what the first did.
 *
 * What a program can't ask for, ASIDs, armed timers, names, tests/e2e/leaves_test.py compares from
 * outside.
 *
 * How many: storm.cycles on the kernel's command line.
 */
#include "server.h"

#include "rt/log.h"
#include "rt/time.h"

#include <string.h>

enum {
    CYCLES = 2000,
    WARM_CYCLES = 100, /* until every pool is as large as it gets */
    WARM_LIFE_NS = 60000,
    LIFE_MAX_NS = 400000, /* a busy host can make one very long */
    LIFE_STEPS = 8,       /* of live() */
    SLEEP_NS = 10000,     /* of those steps that sleep */
    STEP_NS = 1000,       /* of each, before what it does */
    LOOK_NS = 2000,       /* between looks at how far one has come */
};

/* How far a child comes before it is killed. */
enum making {
    MAKING_DOMAIN,  /* it exists */
    MAKING_WHOLE,   /* it has a stack and text */
    MAKING_HANDLES, /* it has been given handles */
    MAKING_THREAD,  /* its thread is ready, and has never run */
    MAKING_LIFE,    /* it lives, for some time */
    MAKING_COUNT,
};

/* How far each cycle of so many comes: half of them live. */
static const uint8_t makings[] = {MAKING_DOMAIN,  MAKING_LIFE, MAKING_WHOLE,  MAKING_LIFE,
                                  MAKING_HANDLES, MAKING_LIFE, MAKING_THREAD, MAKING_LIFE};
enum { MAKINGS = sizeof makings };

static const rights_t rw = RIGHT_READ | RIGHT_WRITE;

static uint64_t first_ns, last_ns;    /* that the first two fifths took, and the last */
static nsec_t life_ns = WARM_LIFE_NS; /* that a life takes which nobody ends, on this machine */
static uint64_t lived[LIFE_STEPS + 1], made[MAKING_COUNT];

/* It is at this step, for at least so long that enough of a storm's kills come then. */
static void live_step(struct board *board, unsigned step)
{
    const nsec_t end = time_here_ns() + STEP_NS;

    board->word[1] = step;
    while (time_here_ns() < end)
        ;
}

/* In a child: have one of everything, with deadlines under way, and wait inside another domain. */
static void live(const struct birth *birth)
{
    struct board *board = birth->board;
    handle_t segment = 0, event = 0, clock = 0, portal = 0, copy = 0;
    uaddr_t address = 0;

    live_step(board, 1);
    if (segment_create(3 * PAGE_BYTES, rw, 0, 0, name_from("lived"), &segment, &address)
        != STATUS_OK)
        return;
    live_step(board, 2);
    if (segment_grant(segment, 0, rw) != STATUS_OK || event_create(segment, 0, &event) != STATUS_OK)
        return;
    live_step(board, 3);
    if (clock_create(event, 1, &clock) != STATUS_OK
        || clock_set(clock, time_here_ns() + TEST_S) != STATUS_OK)
        return;
    live_step(board, 4);
    if (portal_create((uaddr_t)live, address + 3 * PAGE_BYTES, 0, 1, 0, &portal) != STATUS_OK)
        return;
    live_step(board, 5);
    if (handle_duplicate(event, RIGHT_SIGNAL, 0, &copy) != STATUS_OK)
        return;
    live_step(board, 6);
    (void)thread_sleep(time_here_ns() + SLEEP_NS);
    live_step(board, 7);
    struct portal_message m = {.word = {(uintptr_t)board, SLEEP_NS}};
    if (portal_call(birth->argument[0], &m) != STATUS_OK)
        return;
    live_step(board, 8);
    (void)event_wait(event, time_here_ns() + TEST_S);
}

/* One child, made as far as that, and killed; a life ends after `ends_ns`. */
static void cycle(enum making making, handle_t server, nsec_t ends_ns)
{
    const struct child_needs bare = {.no_text = true}, usual = {0};
    struct board *board = board_get();
    struct child child;

    board->word[1] = 0;
    EXPECT_OK(child_make(making == MAKING_DOMAIN ? &bare : &usual, &child));
    handle_t given = 0;
    if (making >= MAKING_HANDLES)
        given = child_give(&child, server, RIGHT_CALL, 7);
    const uint64_t argument[BIRTH_ARGUMENTS] = {given};
    if (making >= MAKING_THREAD)
        EXPECT_OK(child_start(&child, live, argument));
    if (making == MAKING_LIFE)
        EXPECT_OK(thread_sleep(test_soon(ends_ns)));
    child_destroy(&child);
    made[making]++;
    lived[board->word[1]]++;
}

static void now(struct info_memory *memory, struct info_domain *self)
{
    uint64_t next;

    test_settle();
    EXPECT_OK(system_info(INFO_MEMORY, 0, memory, sizeof *memory, &next));
    EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, self, sizeof *self, &next));
}

/* Sets `life_ns` by a life that nobody ends. */
static void life_measure(handle_t server)
{
    const struct child_needs usual = {0};
    struct board *board = board_get();
    const nsec_t begin = time_now_ns();
    struct child child;

    board->word[1] = 0;
    EXPECT_OK(child_make(&usual, &child));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, server, RIGHT_CALL, 7)};
    EXPECT_OK(child_start(&child, live, argument));
    while (board->word[1] < LIFE_STEPS && time_now_ns() < begin + TEST_S)
        EXPECT_OK(thread_sleep(test_soon(LOOK_NS)));
    life_ns = time_now_ns() - begin;
    if (life_ns > LIFE_MAX_NS)
        life_ns = LIFE_MAX_NS;
    child_destroy(&child);
}

/* Lives end at moments that lie evenly, however many there are: multiples of the golden ratio. */
static void many(uint64_t cycles, handle_t server)
{
    for (uint64_t i = 0; i < cycles; i++) {
        const uint64_t part = i * 0x9e3779b9 & UINT32_MAX;
        cycle((enum making)makings[i % MAKINGS], server, part * (life_ns + life_ns / 4) >> 32);
    }
}

static void create_and_kill_at_each_step_leaves_nothing(void)
{
    const uint64_t fifth = test_option("storm.cycles=", CYCLES) / 5;
    struct info_memory memory, memory_after;
    struct info_domain self, self_after;
    handle_t server = 0;

    EXPECT_OK(portal_here(served_work, 2, &server));
    many(WARM_CYCLES, server);
    life_measure(server);
    memset(lived, 0, sizeof lived);
    memset(made, 0, sizeof made);
    now(&memory, &self);

    nsec_t begin = time_now_ns();
    many(2 * fifth, server);
    first_ns = time_now_ns() - begin;
    many(fifth, server);
    begin = time_now_ns();
    many(2 * fifth, server);
    last_ns = time_now_ns() - begin;

    now(&memory_after, &self_after);
    EXPECT_IS(memory_after.free_frames, memory.free_frames);
    EXPECT_IS(memory_after.table_frames, memory.table_frames);
    EXPECT_IS(self_after.used.handles, self.used.handles);
    EXPECT_IS(self_after.used.objects, self.used.objects);
    EXPECT_IS(self_after.used.frames, self.used.frames);
    EXPECT_IS(self_after.used.threads, self.used.threads);
    for (unsigned i = 0; i < MAKING_COUNT; i++)
        EXPECT(made[i] > 0);
    log_line("storm: %llu domains; in their lives ended after step 0 to 8: %llu %llu %llu %llu "
             "%llu %llu %llu %llu %llu",
             (unsigned long long)(5 * fifth), (unsigned long long)lived[0],
             (unsigned long long)lived[1], (unsigned long long)lived[2],
             (unsigned long long)lived[3], (unsigned long long)lived[4],
             (unsigned long long)lived[5], (unsigned long long)lived[6],
             (unsigned long long)lived[7], (unsigned long long)lived[8]);
}

/* Of the test before: it has killed at all of them. */
static void lives_ended_after_each_step(void)
{
    for (unsigned i = 0; i <= LIFE_STEPS; i++)
        EXPECT(lived[i] > 0);
}

/* Of the first test: what one cycle costs doesn't depend on how many there were. */
static void last_cycles_take_as_long_as_the_first(void)
{
    log_line("storm: the first two fifths took %llu us, the last %llu us",
             (unsigned long long)(first_ns / 1000), (unsigned long long)(last_ns / 1000));
    EXPECT(first_ns != 0);
    EXPECT(last_ns < first_ns + first_ns / 20);
    EXPECT(first_ns < last_ns + last_ns / 20);
}

static const struct test storm_tests[] = {
    TEST(create_and_kill_at_each_step_leaves_nothing),
    TEST(lives_ended_after_each_step),
    TEST(last_cycles_take_as_long_as_the_first),
};
TEST_GROUP(storm);

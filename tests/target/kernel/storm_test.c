/*
 * A storm of domains that are created and killed, each at another step of its making or of its
 * life: nothing of any is left, and the last costs what the first did.
 *
 * Timers are parts of clocks and threads, which are counted; ASIDs and names are compared where the
 * system's own domains are killed (tests/e2e/kills_runs.py).
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
    LIFE_STEPS = 8,    /* of live() */
    LIFE_NS = 40000,   /* somewhere in which its steps end */
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

static uint64_t first_ns, last_ns; /* that the first two fifths took, and the last */
static uint64_t lived[LIFE_STEPS + 1], made[MAKING_COUNT];

/*
 * In a child: have one of everything, with deadlines under way, and wait inside another domain.
 * Each step stands on the board.
 */
static void live(const struct birth *birth)
{
    struct board *board = birth->board;
    handle_t segment = 0, event = 0, clock = 0, portal = 0, copy = 0;
    uaddr_t address = 0;

    board->word[1] = 1;
    if (segment_create(3 * PAGE_BYTES, rw, 0, 0, name_from("lived"), &segment, &address)
        != STATUS_OK)
        return;
    board->word[1] = 2;
    if (segment_grant(segment, 0, rw) != STATUS_OK || event_create(segment, 0, &event) != STATUS_OK)
        return;
    board->word[1] = 3;
    if (clock_create(event, 1, &clock) != STATUS_OK
        || clock_set(clock, time_here_ns() + TEST_S) != STATUS_OK)
        return;
    board->word[1] = 4;
    if (portal_create((uaddr_t)live, address + 3 * PAGE_BYTES, 0, 1, 0, &portal) != STATUS_OK)
        return;
    board->word[1] = 5;
    if (handle_duplicate(event, RIGHT_SIGNAL, 0, &copy) != STATUS_OK)
        return;
    board->word[1] = 6;
    (void)thread_sleep(time_here_ns() + LIFE_NS / 4);
    board->word[1] = 7;
    struct portal_message m = {.word = {(uintptr_t)board, LIFE_NS / 4}};
    if (portal_call(birth->argument[0], &m) != STATUS_OK)
        return;
    board->word[1] = 8;
    (void)event_wait(event, time_here_ns() + TEST_S);
}

/* One child, made as far as that, and killed; a life is as long as `life_ns`. */
static void cycle(enum making making, handle_t server, nsec_t life_ns)
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
        EXPECT_OK(thread_sleep(test_soon(life_ns)));
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

static void many(uint64_t cycles, handle_t server)
{
    for (uint64_t i = 0; i < cycles; i++)
        cycle((enum making)makings[i % MAKINGS], server, i * 97 % (LIFE_NS + LIFE_NS / 2));
}

static void create_and_kill_at_each_step_leaves_nothing(void)
{
    const uint64_t fifth = test_option("storm.cycles=", CYCLES) / 5;
    struct info_memory memory, memory_after;
    struct info_domain self, self_after;
    handle_t server = 0;

    EXPECT_OK(portal_here(served_work, 2, &server));
    many(WARM_CYCLES, server);
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

/* Of the test before: what one cycle costs doesn't depend on how many there were. */
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
    TEST(last_cycles_take_as_long_as_the_first),
};
TEST_GROUP(storm);

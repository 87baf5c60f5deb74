/*
 * Priority inheritance: whoever holds what a more urgent one waits for is as urgent, for as long as
 * that lasts.
 *
 * A thread of middle priority spins meanwhile.  Nobody below it gets anywhere but by inheriting.
 */
#include "server.h"

enum { LOW = 10, LESS_LOW = 12, MIDDLE = 20, HIGH = 30, HIGHER = 40 };

/* What a call works, in rounds of a loop; a few milliseconds on this clock. */
enum { WORK = 1000000 };

/* The middle one spins for so long if nobody stops it; far longer than all work together. */
#define SPIN_NS  (200 * TEST_MS)
#define BOUND_NS (20 * TEST_MS)

/* Board words. */
enum {
    STOP = 2,      /* the middle one, and handlers that wait for it */
    SPINS = 3,     /* the middle one has begun */
    GATE = 4,      /* handlers hand their call on */
    INSIDE = 10,   /* + role: it executes in the portal */
    TOOK_NS = 20,  /* + role: its call took so long */
    STATUS = 30,   /* + role */
    FINISHED = 40, /* + role: as the how-manieth */
    FINISHERS = 5,
};

enum role { ROLE_LOW, ROLE_OTHER, ROLE_HIGH, ROLE_HIGHER, ROLES };

/* Words of a call: the board, who calls, then a portal to call, with a deadline, or 0. */
enum { CALL_BOARD, CALL_ROLE, CALL_NEXT, CALL_DEADLINE, CALL_WAITS, CALL_IS_GATED };

static void work(void)
{
    for (unsigned i = 0; i < WORK; i++)
        __asm__ volatile("");
}

/* In a server: work, or hand the call on, and work then. */
static void served_hold(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[CALL_BOARD];

    board->word[INSIDE + word[CALL_ROLE]] = 1;
    while (word[CALL_IS_GATED] != 0 && board->word[GATE] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 20);
    if (word[CALL_NEXT] != 0) {
        struct portal_message m = {.word = {word[CALL_BOARD], word[CALL_ROLE]}};
        board->word[STATUS + ROLES + word[CALL_ROLE]] =
            1000 + portal_call_with(word[CALL_NEXT], &m, word[CALL_DEADLINE]);
    }
    work();
    while (word[CALL_WAITS] != 0 && board->word[STOP] == 0)
        continue;
}

/* In a client: call argument[0] as role argument[1]; then stay, to be looked at. */
static void call_and_time(const struct birth *birth)
{
    struct board *board = birth->board;
    const uint64_t role = birth->argument[1];
    struct portal_message m = {.word = {syscall_word(board), role, birth->argument[2],
                                        birth->argument[3], birth->argument[4],
                                        birth->argument[5]}};
    const nsec_t start = time_here_ns();
    const enum status s = portal_call_with(birth->argument[0], &m, birth->argument[6]);

    board->word[TOOK_NS + role] = time_here_ns() - start;
    board->word[STATUS + role] = 1000 + s;
    board->word[FINISHED + role] = ++board->word[FINISHERS];
    (void)thread_sleep(time_here_ns() + 100 * TEST_S);
}

static void spin(const struct birth *birth)
{
    const nsec_t end = time_here_ns() + SPIN_NS;

    birth->board->word[SPINS] = 1;
    while (birth->board->word[STOP] == 0 && time_here_ns() < end)
        continue;
}

/* What is passed to served_hold(). */
struct order {
    enum role role;
    handle_t next; /* of the server's */
    nsec_t next_deadline;
    bool waits; /* for STOP */
    bool is_gated;
    nsec_t deadline;
};

/* Let it get there, if nobody is in its way: it waits, or is inside and calls nobody else. */
static void caller_settle(const struct child *child, struct order order)
{
    const struct board *board = board_get();
    const bool is_to_wait = order.next != 0 && !order.is_gated;

    for (unsigned i = 0; i < 4000 && board->word[FINISHED + order.role] == 0; i++) {
        const struct info_thread thread = child_thread(child);
        if (thread.state == THREAD_STATE_WAITING_PORTAL || (thread.depth > 0 && !is_to_wait))
            return;
        (void)thread_sleep(test_soon(TEST_MS / 20));
    }
}

static bool caller_start(struct child *child, handle_t portal, uint32_t priority,
                         struct order order)
{
    enum status s = child_make(&(struct child_needs){0}, child);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        s == STATUS_OK ? child_give(child, portal, RIGHT_CALL, 0) : 0,
        order.role,
        order.next,
        order.next_deadline,
        order.waits,
        order.is_gated,
        order.deadline};

    if (s == STATUS_OK)
        s = child_start_at(child, call_and_time, argument, priority, &child->thread);
    if (s == STATUS_OK)
        caller_settle(child, order);
    else
        test_fail(__FILE__, __LINE__, "caller_start", s, STATUS_OK);
    return s == STATUS_OK;
}

static bool spinner_start(struct child *child, uint32_t priority)
{
    enum status s = child_make(&(struct child_needs){0}, child);

    if (s == STATUS_OK)
        s = child_start_at(child, spin, NULL, priority, &child->thread);
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "spinner_start", s, STATUS_OK);
    return s == STATUS_OK;
}

static uint32_t priority_of(const struct child *child)
{
    return child_thread(child).priority;
}

static bool becomes(const struct child *child, uint32_t priority)
{
    for (unsigned i = 0; i < 4000 && priority_of(child) != priority; i++)
        (void)thread_sleep(test_soon(TEST_MS / 20));
    return priority_of(child) == priority;
}

/* A server with one stack, whose holder is of low priority. */
struct scene {
    struct server server;
    struct child low, middle, high;
};

static bool low_holds(struct scene *scene, struct order order)
{
    return server_make(&(struct child_needs){0}, served_hold, 1, &scene->server)
           && caller_start(&scene->low, scene->server.portal, LOW, order)
           && board_reaches(INSIDE + ROLE_LOW, 1);
}

/* The classical case, of three threads. */
static void holder_of_a_stack_is_as_urgent_as_who_waits_for_it(void)
{
    struct board *board = board_get();
    struct scene scene;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW})
        || !spinner_start(&scene.middle, MIDDLE))
        return;
    EXPECT(board_reaches(SPINS, 1));
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_IS(board->word[FINISHERS], 0); /* the low one does starve */
    if (!caller_start(&scene.high, scene.server.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT_IS(child_thread(&scene.low).base_priority, LOW);
    EXPECT(board_reaches(STATUS + ROLE_HIGH, 1000 + STATUS_OK));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    /* The low one is home, where it may not finish before the middle one does. */
    EXPECT(becomes(&scene.low, LOW));
    EXPECT_IS(board->word[FINISHERS], 1);
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    EXPECT(board_reaches(STATUS + ROLE_LOW, 1000 + STATUS_OK));
}

/* All stacks' holders inherit, as any may be the first to give one back. */
static void all_holders_inherit(void)
{
    struct board *board = board_get();
    struct scene scene;
    struct child other;
    const struct order low = {.role = ROLE_LOW, .waits = true},
                       second = {.role = ROLE_OTHER, .waits = true};

    if (!server_make(&(struct child_needs){0}, served_hold, 2, &scene.server)
        || !caller_start(&scene.low, scene.server.portal, LOW, low)
        || !board_reaches(INSIDE + ROLE_LOW, 1)
        || !caller_start(&other, scene.server.portal, LESS_LOW, second)
        || !board_reaches(INSIDE + ROLE_OTHER, 1) || !spinner_start(&scene.middle, MIDDLE)
        || !caller_start(&scene.high, scene.server.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT(becomes(&other, HIGH));
    board->word[STOP] = 1;
    EXPECT(board_reaches(STATUS + ROLE_HIGH, 1000 + STATUS_OK));
    EXPECT(becomes(&scene.low, LOW));
    EXPECT(becomes(&other, LESS_LOW));
}

/* low holds the second server's stack; other holds the first's, and waits for the second's. */
static void inheritance_goes_along_a_chain(void)
{
    struct board *board = board_get();
    struct scene scene;
    struct server first;
    struct child other;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW})
        || !server_make(&(struct child_needs){0}, served_hold, 1, &first))
        return;
    const handle_t second = child_give(&first.child, scene.server.portal, RIGHT_CALL, 0);
    if (!caller_start(&other, first.portal, LESS_LOW,
                      (struct order){.role = ROLE_OTHER, .next = second}))
        return;
    EXPECT_IS(board->word[INSIDE + ROLE_OTHER], 1);
    EXPECT(becomes(&scene.low, LESS_LOW));
    if (!spinner_start(&scene.middle, MIDDLE)
        || !caller_start(&scene.high, first.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT(becomes(&other, HIGH));
    EXPECT(board_reaches(STATUS + ROLE_HIGH, 1000 + STATUS_OK));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    EXPECT(becomes(&scene.low, LOW));
    EXPECT(becomes(&other, LESS_LOW));
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    EXPECT(board_reaches(STATUS + ROLE_LOW, 1000 + STATUS_OK));
    EXPECT(board_reaches(STATUS + ROLE_OTHER, 1000 + STATUS_OK));
}

/* Two calls, each of which waits for the other's stack, until the inner deadlines pass. */
static void cycle_ends_when_its_deadlines_pass(void)
{
    struct board *board = board_get();
    struct server first, second;
    struct child low, other, high;

    if (!server_make(&(struct child_needs){0}, served_hold, 1, &first)
        || !server_make(&(struct child_needs){0}, served_hold, 1, &second))
        return;
    const nsec_t deadline = test_soon(2 * TEST_S); /* a busy host takes its time */
    const handle_t to_second = child_give(&first.child, second.portal, RIGHT_CALL, 0);
    const handle_t to_first = child_give(&second.child, first.portal, RIGHT_CALL, 0);
    if (!caller_start(
            &low, first.portal, LOW,
            (struct order){
                .role = ROLE_LOW, .next = to_second, .next_deadline = deadline, .is_gated = true})
        || !caller_start(
            &other, second.portal, LESS_LOW,
            (struct order){
                .role = ROLE_OTHER, .next = to_first, .next_deadline = deadline, .is_gated = true}))
        return;
    EXPECT(board_reaches(INSIDE + ROLE_LOW, 1));
    EXPECT(board_reaches(INSIDE + ROLE_OTHER, 1));
    board->word[GATE] = 1;
    EXPECT(becomes(&low, LESS_LOW));
    EXPECT(becomes(&other, LESS_LOW));
    if (!caller_start(&high, first.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&low, HIGH));
    EXPECT(becomes(&other, HIGH)); /* once low has called, too */
    EXPECT_IS(board->word[FINISHERS], 0);
    (void)thread_sleep(deadline);
    EXPECT(board_reaches(FINISHERS, 3));
    EXPECT_IS(board->word[STATUS + ROLES + ROLE_LOW], 1000 + STATUS_TIMED_OUT);
    EXPECT_IS(board->word[STATUS + ROLES + ROLE_OTHER], 1000 + STATUS_TIMED_OUT);
    EXPECT_IS(board->word[STATUS + ROLE_HIGH], 1000 + STATUS_OK);
    EXPECT(becomes(&low, LOW));
    EXPECT(becomes(&other, LESS_LOW));
}

static void who_gives_up_waiting_takes_its_priority_back(void)
{
    struct scene scene;
    const nsec_t deadline = test_soon(100 * TEST_MS);
    struct child doomed;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW, .waits = true})
        || !caller_start(&scene.high, scene.server.portal, HIGH,
                         (struct order){.role = ROLE_HIGH, .deadline = deadline})
        || !caller_start(&doomed, scene.server.portal, HIGHER, (struct order){.role = ROLE_HIGHER}))
        return;
    EXPECT(becomes(&scene.low, HIGHER));
    EXPECT_OK(domain_stop(doomed.domain));
    EXPECT(becomes(&scene.low, HIGH));
    (void)thread_sleep(deadline);
    EXPECT(board_reaches(STATUS + ROLE_HIGH, 1000 + STATUS_TIMED_OUT));
    EXPECT(becomes(&scene.low, LOW));
}

/* One who waits gets another priority: another place, and another loan. */
static void priority_may_change_while_waiting(void)
{
    struct board *board = board_get();
    struct scene scene;
    struct child other;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW, .waits = true})
        || !caller_start(&other, scene.server.portal, LESS_LOW, (struct order){.role = ROLE_OTHER})
        || !caller_start(&scene.high, scene.server.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT_OK(thread_set_priority(other.thread, HIGHER));
    EXPECT(becomes(&scene.low, HIGHER));
    EXPECT_OK(thread_set_priority(other.thread, MIDDLE));
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT_OK(thread_set_priority(scene.low.thread, HIGHER));
    EXPECT(becomes(&scene.low, HIGHER));
    EXPECT_OK(thread_set_priority(scene.low.thread, LOW));
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT_OK(thread_set_priority(other.thread, HIGHER));
    board->word[STOP] = 1;
    EXPECT(board_reaches(FINISHERS, 3));
    EXPECT_IS(board->word[FINISHED + ROLE_OTHER], 1);
    EXPECT_IS(board->word[FINISHED + ROLE_HIGH], 2);
    EXPECT_IS(board->word[FINISHED + ROLE_LOW], 3);
}

/* The holder's home is gone: it goes on until it is back, and is in nobody's way. */
static void holder_that_is_to_end_inherits_too(void)
{
    struct board *board = board_get();
    struct scene scene;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW})
        || !spinner_start(&scene.middle, MIDDLE)
        || !caller_start(&scene.high, scene.server.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT_OK(domain_stop(scene.low.domain));
    EXPECT(board_reaches(STATUS + ROLE_HIGH, 1000 + STATUS_OK));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[FINISHERS], 1);
}

static void death_of_the_server_ends_inheritance(void)
{
    struct scene scene;

    if (!low_holds(&scene, (struct order){.role = ROLE_LOW, .waits = true})
        || !caller_start(&scene.high, scene.server.portal, HIGH, (struct order){.role = ROLE_HIGH}))
        return;
    EXPECT(becomes(&scene.low, HIGH));
    EXPECT_OK(domain_stop(scene.server.child.domain));
    EXPECT(becomes(&scene.low, LOW));
    EXPECT(board_reaches(FINISHERS, 2));
    EXPECT_IS(board_get()->word[STATUS + ROLE_LOW], 1000 + STATUS_PEER_DEAD);
    EXPECT_IS(board_get()->word[STATUS + ROLE_HIGH], 1000 + STATUS_PEER_DEAD);
    EXPECT(becomes(&scene.low, LOW));
}

static const struct test priority_tests[] = {
    TEST(holder_of_a_stack_is_as_urgent_as_who_waits_for_it),
    TEST(all_holders_inherit),
    TEST(inheritance_goes_along_a_chain),
    TEST(cycle_ends_when_its_deadlines_pass),
    TEST(who_gives_up_waiting_takes_its_priority_back),
    TEST(priority_may_change_while_waiting),
    TEST(holder_that_is_to_end_inherits_too),
    TEST(death_of_the_server_ends_inheritance),
};
TEST_GROUP(priority);

/*
 * Every bad ending of a call is a clean one, with ten callers at once and on all CPUs: each gets
 * the error that is named for it, no thread and no stack is lost, and who lives on works on.
 */
#include "server.h"

enum {
    CALLERS = 10,
    STACKS = 3,
    DEPTH_MAX = 16,
    CALLS_DONE = 8, /* board words */
    STATUSES = 32,  /* 1000 + what each call answered */
    ORDER = 64,     /* who came in when */
    ENTERED = 20,
    RELEASE = 21,
};

/* ---- callers ---- */

/* Arguments: portal, number, deadline, three words. */
static void call_and_tell(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board), birth->argument[3],
                                        birth->argument[4], birth->argument[5],
                                        birth->argument[1]}};
    const enum status s = portal_call_with(birth->argument[0], &m, birth->argument[2]);

    birth->board->word[STATUSES + birth->argument[1]] = 1000 + s;
    birth->board->word[CALLS_DONE]++;
}

/* How the callers go about it. */
struct manner {
    nsec_t deadline;
    uint64_t word[3];
    bool by_priority; /* a caller's number is its priority, less 10 */
};

static unsigned callers = CALLERS; /* that are started */

static bool callers_start(struct child *client, handle_t portal, const struct manner *manner)
{
    struct board *board = board_get();
    handle_t thread = 0;
    enum status s = child_make(&(struct child_needs){0}, client);
    const handle_t given = s == STATUS_OK ? child_give(client, portal, RIGHT_CALL, 0) : 0;

    for (unsigned i = 0; i < callers; i++)
        board->word[STATUSES + i] = 0;
    board->word[CALLS_DONE] = 0;
    for (unsigned i = 0; i < callers && s == STATUS_OK; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            given, i, manner->deadline, manner->word[0], manner->word[1], manner->word[2]};
        s = child_start_at(client, call_and_tell, argument, manner->by_priority ? 10 + i : 20,
                           &thread);
    }
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "callers_start", s, STATUS_OK);
    return s == STATUS_OK;
}

/* Threads of the client's that wait for a stack, and that are inside of a call. */
struct census {
    unsigned wait, away;
};

static struct census census_of(const struct child *client)
{
    struct info_thread record;
    struct census census = {0};

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(client->domain, INFO_THREADS, index, &record, sizeof record, &next)
            != STATUS_OK)
            break;
        census.wait += record.state == THREAD_STATE_WAITING_PORTAL;
        census.away += record.depth > 0;
    }
    return census;
}

static bool waiting_reach(const struct child *client, unsigned count)
{
    for (unsigned i = 0; i < 5000 && census_of(client).wait != count; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    return census_of(client).wait == count;
}

/* All have come home with `status`, and live; then they go, and leave nothing. */
static void callers_end(struct child *client, enum status status)
{
    const struct board *board = board_get();

    EXPECT(board_reaches(CALLS_DONE, callers));
    for (unsigned i = 0; i < callers; i++)
        EXPECT_IS(board->word[STATUSES + i], 1000 + status);
    for (unsigned i = 0; i < 1000 && child_info(client).thread_count != 0; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    const struct info_domain info = child_info(client);
    EXPECT_IS(info.thread_count, 0);
    EXPECT_IS(info.state, DOMAIN_STATE_RUNNING);
    EXPECT_IS(info.faults, 0);
    child_destroy(client);
}

static void server_goes(struct server *server)
{
    EXPECT_OK(domain_destroy(server->child.domain));
    const struct info_domain info = child_info(&server->child);
    EXPECT_IS(info.used.frames | info.used.objects | info.used.threads | info.used.handles, 0);
    struct portal_message m = {.word = {0}};
    EXPECT_IS(portal_call(server->portal, &m), STATUS_PEER_DEAD);
    EXPECT_OK(handle_close(server->portal));
    child_destroy(&server->child);
}

/* In any server: count who comes in, note their numbers, and stay until that is over. */
static void served_stay(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];
    const uint64_t at = board->word[ENTERED]++;

    board->word[ORDER + at] = word[4];
    while (board->word[RELEASE] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 4);
}

static void board_clear(void)
{
    board_get()->word[ENTERED] = board_get()->word[RELEASE] = 0;
}

/* As many calls as it has stacks get in at once, and come back. */
static void stacks_are_there(struct server *server, unsigned stacks)
{
    struct child client;

    board_clear();
    EXPECT(callers_start(&client, server->portal, &(struct manner){0}));
    EXPECT(board_reaches(ENTERED, stacks));
    EXPECT(waiting_reach(&client, CALLERS - stacks));
    board_get()->word[RELEASE] = 1;
    callers_end(&client, STATUS_OK);
    EXPECT_IS(board_get()->word[ENTERED], CALLERS);
}

/* ---- the callee ends ---- */

static void served_stop_itself(uint64_t word[SERVED_WORDS])
{
    word[0] = domain_stop(0);
}

static void served_overflow(uint64_t word[SERVED_WORDS])
{
    (void)word;
    __asm__ volatile("1: str xzr, [sp, #-16]!\n\tb 1b" : : : "memory");
}

/* Whatever the first one does, it is the end of all. */
static void all_end_with(served_function *run, enum fault_reason reason)
{
    for (unsigned round = 0; round < 5; round++) {
        struct server server;
        struct child client;
        EXPECT(server_make(&(struct child_needs){0}, run, STACKS, &server));
        EXPECT(callers_start(&client, server.portal, &(struct manner){0}));
        callers_end(&client, STATUS_PEER_DEAD);
        EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
        EXPECT_IS(child_fault(&server.child).reason, reason);
        server_goes(&server);
        EXPECT(!test_has_failed());
    }
}

static void callee_stops_itself(void)
{
    all_end_with(served_stop_itself, FAULT_NONE);
}

static void callee_faults(void)
{
    all_end_with(served_fault, FAULT_READ);
}

static void callee_overflows_its_stack(void)
{
    all_end_with(served_overflow, FAULT_STACK_OVERFLOW);
}

/* At home, where there is nothing to return from (any more). */
static void return_again(const struct birth *birth)
{
    (void)birth;
    __asm__ volatile("svc #1");
}

/* Calls are inside and wait, whose returns it is not to give. */
static void callee_returns_once_too_often(void)
{
    struct server server;
    struct child client;

    board_clear();
    EXPECT(server_make(&(struct child_needs){0}, served_stay, STACKS, &server));
    EXPECT(callers_start(&client, server.portal, &(struct manner){0}));
    EXPECT(board_reaches(ENTERED, STACKS));
    EXPECT(waiting_reach(&client, CALLERS - STACKS));
    EXPECT_OK(handle_close(server.child.thread));
    EXPECT_OK(child_start(&server.child, return_again, NULL));
    callers_end(&client, STATUS_PEER_DEAD);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_BAD_RETURN);
    server_goes(&server);
}

static void callee_is_destroyed_while_ten_wait(void)
{
    for (unsigned round = 0; round < 6; round++) {
        struct server server;
        struct child client, inside;
        board_clear();
        EXPECT(server_make(&(struct child_needs){0}, served_stay, 1, &server));
        EXPECT_OK(child_make(&(struct child_needs){0}, &inside));
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            child_give(&inside, server.portal, RIGHT_CALL, 0), CALLERS};
        EXPECT_OK(child_start(&inside, call_and_tell, argument));
        EXPECT(board_reaches(ENTERED, 1));
        EXPECT(callers_start(&client, server.portal, &(struct manner){0}));
        EXPECT(waiting_reach(&client, CALLERS));
        if (round % 2 == 0)
            EXPECT_OK(domain_stop(server.child.domain));
        server_goes(&server);
        EXPECT(board_reaches(CALLS_DONE, CALLERS + 1));
        EXPECT_IS(board_get()->word[STATUSES + CALLERS], 1000 + STATUS_PEER_DEAD);
        board_get()->word[CALLS_DONE] = CALLERS;
        callers_end(&client, STATUS_PEER_DEAD);
        EXPECT_IS(board_get()->word[ENTERED], 1);
        child_destroy(&inside);
        EXPECT(!test_has_failed());
    }
}

/* It executes, on as many CPUs as there are, and doesn't look up: a deadline is the way out. */
static void callee_loops_for_ever(void)
{
    struct server server;
    struct child client;
    const uint64_t for_ever = 1000 * TEST_S;

    EXPECT(server_make(&(struct child_needs){0}, served_work, STACKS, &server));
    for (unsigned round = 0; round < 3; round++) {
        EXPECT(callers_start(
            &client, server.portal,
            &(struct manner){.deadline = test_soon(20 * TEST_MS), .word = {for_ever}}));
        callers_end(&client, STATUS_TIMED_OUT);
        EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
        struct portal_message m = {.word = {syscall_word(board_get()), 0}};
        EXPECT_OK(portal_call(server.portal, &m));
    }
    /* Without one, its end is. */
    EXPECT(callers_start(&client, server.portal, &(struct manner){.word = {for_ever}}));
    EXPECT(waiting_reach(&client, CALLERS - STACKS));
    EXPECT_OK(domain_stop(server.child.domain));
    callers_end(&client, STATUS_PEER_DEAD);
    server_goes(&server);
}

/* ---- the callers end ---- */

static void callers_die_inside(void)
{
    struct server server;

    EXPECT(server_make(&(struct child_needs){0}, served_stay, STACKS, &server));
    for (unsigned round = 0; round < 5; round++) {
        struct child client;
        board_clear();
        EXPECT(callers_start(&client, server.portal, &(struct manner){0}));
        EXPECT(board_reaches(ENTERED, STACKS));
        EXPECT(waiting_reach(&client, CALLERS - STACKS));
        if (round % 2 == 0)
            EXPECT_OK(domain_stop(client.domain));
        else
            EXPECT_OK(domain_destroy(client.domain));
        EXPECT_IS(census_of(&client).wait, 0);
        EXPECT_IS(board_get()->word[ENTERED], STACKS); /* nobody came in for who waited */
        board_get()->word[RELEASE] = 1;
        for (unsigned i = 0; i < 1000 && census_of(&client).away != 0; i++)
            (void)thread_sleep(test_soon(TEST_MS));
        EXPECT_OK(domain_destroy(client.domain));
        const struct info_domain info = child_info(&client);
        EXPECT_IS(info.used.frames | info.used.objects | info.used.threads, 0);
        EXPECT_IS(board_get()->word[CALLS_DONE], 0); /* not one instruction more */
        child_destroy(&client);
        EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
        stacks_are_there(&server, STACKS);
        EXPECT(!test_has_failed());
    }
    server_goes(&server);
}

/* ---- nesting ---- */

/* Call the next one in the ring: words 1 to 3 are the handles that each has of its next. */
static void served_round(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];
    const uint64_t depth = word[5] + 1;
    struct portal_message m = {.word = {word[0], word[2], word[3], word[1], word[4], depth}};
    const enum status s = portal_call(word[1], &m);

    if (s == STATUS_OK)
        return;
    board->word[ORDER + word[4]] = depth; /* the innermost says how deep, and why not deeper */
    board->word[ORDER + CALLERS + word[4]] = s;
}

enum { RING = 3 };

/* A ring of servers that each call the next one, with `stacks` each; the callers go round. */
static void round_and_round(unsigned stacks, uint64_t depth)
{
    struct server server[RING];
    struct manner manner = {0};
    struct child client;
    const struct board *board = board_get();

    for (unsigned i = 0; i < RING; i++)
        EXPECT(server_make(&(struct child_needs){0}, served_round, stacks, &server[i]));
    for (unsigned i = 0; i < RING; i++)
        manner.word[i] = child_give(&server[i].child, server[(i + 1) % RING].portal, RIGHT_CALL, 0);
    for (unsigned round = 0; round < 3; round++) {
        EXPECT(callers_start(&client, server[0].portal, &manner));
        callers_end(&client, STATUS_OK);
        for (unsigned i = 0; i < callers; i++) {
            EXPECT_IS(board->word[ORDER + i], depth);
            EXPECT_IS(board->word[ORDER + CALLERS + i], STATUS_TOO_DEEP);
        }
        EXPECT(!test_has_failed());
    }
    for (unsigned i = 0; i < RING; i++)
        server_goes(&server[i]);
}

/* Without waiting for each other's stacks, of which a portal has no more than sixteen. */
static void calls_nest_to_the_bound(void)
{
    callers = 2;
    round_and_round(callers * (DEPTH_MAX / RING + 1), DEPTH_MAX);
    callers = CALLERS;
}

/* One stack each: who has all three waits for nobody but himself; the others wait for him. */
static void cycle_of_calls_comes_back(void)
{
    round_and_round(1, RING);
}

/* ---- all stacks taken ---- */

static void most_urgent_of_ten_is_next(void)
{
    struct server server;
    struct child client;
    const struct board *board = board_get();

    board_clear();
    EXPECT(server_make(&(struct child_needs){0}, served_stay, 1, &server));
    struct child inside;
    EXPECT_OK(child_make(&(struct child_needs){0}, &inside));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&inside, server.portal, RIGHT_CALL, 0),
                                                CALLERS};
    EXPECT_OK(child_start(&inside, call_and_tell, argument));
    EXPECT(board_reaches(ENTERED, 1));
    EXPECT(callers_start(&client, server.portal, &(struct manner){.by_priority = true}));
    EXPECT(waiting_reach(&client, CALLERS));
    board_get()->word[RELEASE] = 1;
    EXPECT(board_reaches(CALLS_DONE, CALLERS + 1));
    for (unsigned i = 0; i < CALLERS; i++)
        EXPECT_IS(board->word[ORDER + 1 + i], CALLERS - 1 - i);
    board_get()->word[CALLS_DONE] = CALLERS;
    callers_end(&client, STATUS_OK);
    child_destroy(&inside);
    stacks_are_there(&server, 1);
    server_goes(&server);
}

/* Arguments: portal, number, handle to be passed. */
static void call_with_a_handle(const struct birth *birth)
{
    const uint64_t number = birth->argument[1];
    struct portal_message m = {.word = {syscall_word(birth->board), 0, 0, 0, number},
                               .handle = {birth->argument[2]}};
    const enum status s = portal_call_with(birth->argument[0], &m, DEADLINE_NEVER);

    birth->board->word[STATUSES + number] = 1000 + s;
    birth->board->word[CALLS_DONE]++;
}

/* Nine in a row find, when a stack is theirs, that they can't enter; the tenth can. */
static void who_can_t_enter_lets_the_next_one_in(void)
{
    struct server server;
    struct child inside, client;
    const struct board *board = board_get();
    handle_t thread = 0;

    board_clear();
    board_get()->word[CALLS_DONE] = 0;
    EXPECT(server_make(&(struct child_needs){0}, served_stay, 1, &server));
    EXPECT_OK(child_make(&(struct child_needs){0}, &inside));
    EXPECT_OK(child_make(&(struct child_needs){0}, &client));
    const uint64_t first[BIRTH_ARGUMENTS] = {child_give(&inside, server.portal, RIGHT_CALL, 0),
                                             CALLERS};
    EXPECT_OK(child_start(&inside, call_and_tell, first));
    EXPECT(board_reaches(ENTERED, 1));
    const handle_t given = child_give(&client, server.portal, RIGHT_CALL, 0);
    for (unsigned i = 0; i < CALLERS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {given, i, i == 0 ? 0 : 12345};
        EXPECT_OK(child_start_at(&client, call_with_a_handle, argument, 10 + i, &thread));
    }
    EXPECT(waiting_reach(&client, CALLERS));
    board_get()->word[RELEASE] = 1;
    EXPECT(board_reaches(CALLS_DONE, CALLERS + 1));
    EXPECT_IS(board->word[STATUSES], 1000 + STATUS_OK);
    for (unsigned i = 1; i < CALLERS; i++)
        EXPECT_IS(board->word[STATUSES + i], 1000 + STATUS_BAD_HANDLE);
    child_destroy(&client);
    child_destroy(&inside);
    stacks_are_there(&server, 1);
    server_goes(&server);
}

static const struct test ending_tests[] = {
    TEST(callee_stops_itself),
    TEST(callee_faults),
    TEST(callee_overflows_its_stack),
    TEST(callee_returns_once_too_often),
    TEST(callee_is_destroyed_while_ten_wait),
    TEST(callee_loops_for_ever),
    TEST(callers_die_inside),
    TEST(calls_nest_to_the_bound),
    TEST(cycle_of_calls_comes_back),
    TEST(most_urgent_of_ten_is_next),
    TEST(who_can_t_enter_lets_the_next_one_in),
};
TEST_GROUP(ending);

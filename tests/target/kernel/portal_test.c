/*
 * Portal calls: what goes through, what doesn't, and who has to wait.
 */
#include "server.h"

enum { DEPTH_MAX = 16 };

/* Bits that no handle has, but that the kernel's slots might have had. */
static const uint64_t marks[] = {
    UINT64_C(1) << 63, UINT64_C(1) << 62, UINT64_C(3) << 62, UINT64_C(1) << 31,
    UINT64_C(1) << 30, UINT64_C(3) << 30, UINT64_C(1) << 16,
};

static void words_and_badge_go_through(void)
{
    struct server server;
    handle_t badged = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(handle_duplicate(server.portal, RIGHT_CALL, 0x77, &badged));
    struct portal_message m = {.word = {1, 2, 3, 4, 5, 6, 7, 8}};
    EXPECT_OK(portal_call(badged, &m));
    for (unsigned i = 0; i < 7; i++)
        EXPECT_IS(m.word[i], i + 1);
    EXPECT_IS(m.word[7], 0x77);
    EXPECT_OK(portal_call_with(badged, &m, DEADLINE_NEVER));
    EXPECT_IS(m.word[6], 7);
    EXPECT_IS(child_info(&server.child).portal_calls, 2);
}

static void only_portals_can_be_called(void)
{
    const handle_t handles[] = {test_factory(), test_data(), test_text(), 0, 1, UINT64_MAX};

    for (unsigned i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        struct portal_message m = {.word = {0}};
        const enum status wanted = i < 3 ? STATUS_WRONG_TYPE : STATUS_BAD_HANDLE;
        EXPECT_IS(portal_call(handles[i], &m), wanted);
        EXPECT_IS(portal_call_with(handles[i], &m, DEADLINE_NEVER), wanted);
    }
}

/* The fast path compares whole words: no bit that a caller adds makes another handle a portal. */
static void marks_make_no_portal(void)
{
    struct info_handle record;

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        const enum status s = domain_info(0, INFO_HANDLES, index, &record, sizeof record, &next);
        if (s == STATUS_NOT_FOUND)
            break;
        EXPECT_OK(s);
        for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
            struct portal_message m = {.word = {0}};
            EXPECT_IS(portal_call(record.handle ^ marks[i], &m), STATUS_BAD_HANDLE);
        }
    }
}

/* Nor may they call a slot that is free, or the one that names nothing in each chunk. */
static void free_slots_are_no_portals(void)
{
    for (uint64_t generation = 0; generation < 4; generation++)
        for (uint64_t index = 0; index < 130; index++)
            for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
                struct portal_message m = {.word = {0}};
                EXPECT(portal_call((generation << 32 | index) ^ marks[i], &m) != STATUS_OK);
            }
}

static void call_needs_its_right(void)
{
    struct server server;
    handle_t mute = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    struct portal_message m = {.word = {0}};
    EXPECT_OK(handle_duplicate(server.portal, RIGHT_ALL & ~(rights_t)RIGHT_CALL, 0, &mute));
    EXPECT_IS(portal_call(mute, &m), STATUS_NO_RIGHT);
    EXPECT_OK(handle_narrow(server.portal, RIGHT_ALL & ~(rights_t)RIGHT_CALL));
    EXPECT_IS(portal_call(server.portal, &m), STATUS_NO_RIGHT);
}

static void nesting_ends_at_the_bound(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_recurse, DEPTH_MAX, &server))
        return;
    for (unsigned round = 0; round < 3; round++) {
        struct portal_message m = {.word = {0, server.own}};
        EXPECT_OK(portal_call(server.portal, &m));
        EXPECT_IS(m.word[2], DEPTH_MAX);
        EXPECT_IS(m.word[3], STATUS_TOO_DEEP);
    }
}

/* A call that can only wait for itself is refused. */
static void cycle_without_a_stack_left_is_refused(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_recurse, 3, &server))
        return;
    struct portal_message m = {.word = {0, server.own}};
    EXPECT_OK(portal_call(server.portal, &m));
    EXPECT_IS(m.word[2], 3);
    EXPECT_IS(m.word[3], STATUS_TOO_DEEP);
}

static void deadline_ends_a_call_and_frees_the_stack(void)
{
    struct server server;
    struct board *board = board_get();

    if (!server_make(&(struct child_needs){0}, served_sleep, 1, &server))
        return;
    for (unsigned round = 1; round < 4; round++) {
        struct portal_message m = {.word = {syscall_word(board)}};
        EXPECT_IS(portal_call_with(server.portal, &m, test_soon(5 * TEST_MS)), STATUS_TIMED_OUT);
        EXPECT_IS(board->word[1], round);
    }
    board->word[2] = 1;
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_OK(portal_call_with(server.portal, &m, test_soon(TEST_S)));
}

/* A handler that executes may finish; one that doesn't come to an end is cut off all the same. */
static void work_may_be_finished_after_the_deadline(void)
{
    struct server server;
    struct board *board = board_get();

    if (!server_make(&(struct child_needs){0}, served_work, 1, &server))
        return;
    const nsec_t deadline = test_soon(5 * TEST_MS);
    struct portal_message m = {.word = {syscall_word(board), 20 * TEST_MS}};
    EXPECT_OK(portal_call_with(server.portal, &m, deadline));
    EXPECT(m.word[2] > deadline);

    m.word[1] = 10 * TEST_S;
    const nsec_t before = test_soon(0);
    EXPECT_IS(portal_call_with(server.portal, &m, test_soon(5 * TEST_MS)), STATUS_TIMED_OUT);
    EXPECT(test_soon(0) - before < TEST_S);

    m = (struct portal_message){.word = {syscall_word(board), 0}};
    EXPECT_OK(portal_call_with(server.portal, &m, test_soon(TEST_S)));
}

static void deadline_in_the_past_ends_a_call(void)
{
    struct server server;
    struct board *board = board_get();

    if (!server_make(&(struct child_needs){0}, served_sleep, 1, &server))
        return;
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_IS(portal_call_with(server.portal, &m, 1), STATUS_TIMED_OUT);
    board->word[2] = 1;
    m.word[0] = syscall_word(board);
    EXPECT_OK(portal_call_with(server.portal, &m, UINT64_MAX));
}

/* ---- several callers ---- */

/* In a client: call portal argument[0], then note in the board who came when. */
static void call_and_note(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board)}};
    const enum status s = portal_call_with(birth->argument[0], &m, birth->argument[2]);
    const uint64_t at = birth->board->word[8]++;

    birth->board->word[16 + at] = birth->argument[1];
    birth->board->word[32 + at] = s;
}

/* Wait until the client's threads all wait, or have ended. */
static void let_them_get_there(const struct child *client)
{
    struct info_thread record = {.state = THREAD_STATE_READY};

    for (unsigned i = 0; i < 500; i++) {
        bool all_wait = true;
        for (uint64_t index = 0, next = 1; next != 0; index = next) {
            if (domain_info(client->domain, INFO_THREADS, index, &record, sizeof record, &next)
                != STATUS_OK)
                break;
            all_wait = all_wait && record.state != THREAD_STATE_READY
                       && record.state != THREAD_STATE_RUNNING;
        }
        if (all_wait)
            return;
        (void)thread_sleep(test_soon(TEST_MS / 2));
    }
}

/* Three callers, each on a thread of its own; all with a deadline of `deadline`. */
static bool clients_start(struct child *client, handle_t portal, nsec_t deadline)
{
    static const uint32_t priorities[] = {30, 10, 20, 25};
    handle_t thread = 0;
    enum status s = child_make(&(struct child_needs){0}, client);
    const handle_t given = s == STATUS_OK ? child_give(client, portal, RIGHT_CALL, 0) : 0;

    for (unsigned i = 0; i < 4 && s == STATUS_OK; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {given, priorities[i], deadline};
        s = child_start_at(client, call_and_note, argument, priorities[i], &thread);
        let_them_get_there(client);
    }
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "clients_start", s, STATUS_OK);
    return s == STATUS_OK;
}

/* Threads of the client's that wait for a stack of the server's, as the kernel tells. */
static unsigned waiting_for(const struct child *client, const struct server *server)
{
    struct info_thread record;
    unsigned waiting = 0;

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(client->domain, INFO_THREADS, index, &record, sizeof record, &next)
            != STATUS_OK)
            return 0;
        waiting += record.state == THREAD_STATE_WAITING_PORTAL
                   && record.callee_domain_id == server->child.id;
    }
    return waiting;
}

/* In a client: call portal argument[0] with handle argument[2], until word argument[1] isn't 0. */
static void call_and_work_on(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board), birth->argument[1]},
                               .handle = {birth->argument[2]}};
    const enum status s = portal_call_with(birth->argument[0], &m, DEADLINE_NEVER);

    birth->board->word[8] += s == STATUS_BAD_HANDLE;
    birth->board->word[9]++;
    /* Who has had a stack keeps the processor for a while, so that the other comes back, too. */
    const nsec_t end = time_here_ns() + 5 * TEST_MS;
    while (birth->board->word[9] < 2 && time_here_ns() < end)
        continue;
}

/* On the board: word 1 counts entries; stays until the word that is asked for isn't 0. */
static void served_until(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];

    board->word[1]++;
    while (board->word[word[1]] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS);
}

/*
 * Two stacks come free at once, for two who can't enter with the handles that they bring: both are
 * passed on to who waits behind them.
 */
static void all_stacks_that_come_free_are_passed_on(void)
{
    enum { CALLERS = 6, BAD = 99 };
    static const uint32_t priorities[CALLERS] = {31, 30, 12, 12, 11, 11};
    static const uint64_t words[CALLERS] = {2, 2, 2, 2, 3, 3};
    struct board *board = board_get();
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!server_make(&(struct child_needs){0}, served_until, 2, &server))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &client));
    const handle_t given = child_give(&client, server.portal, RIGHT_CALL, 0);
    for (unsigned i = 0; i < CALLERS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {given, words[i], i == 2 || i == 3 ? BAD : 0};
        EXPECT_OK(child_start_at(&client, call_and_work_on, argument, priorities[i], &thread));
        let_them_get_there(&client);
    }
    EXPECT_IS(board->word[1], 2);
    EXPECT_IS(waiting_for(&client, &server), 4);
    board->word[2] = 1;
    EXPECT(board_reaches(8, 2));
    EXPECT(board_reaches(1, 4));
    EXPECT_IS(waiting_for(&client, &server), 0);
    board->word[3] = 1;
    EXPECT(board_reaches(9, CALLERS));
}

static void callers_wait_in_order_of_priority(void)
{
    static const uint64_t order[] = {30, 25, 20, 10};
    struct board *board = board_get();
    struct server server;
    struct child client;

    if (!server_make(&(struct child_needs){0}, served_sleep, 1, &server)
        || !clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT_IS(board->word[1], 1);
    EXPECT_IS(waiting_for(&client, &server), 3);
    board->word[2] = 1;
    EXPECT(board_reaches(8, 4));
    EXPECT_IS(board->word[1], 4);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_IS(board->word[16 + i], order[i]);
        EXPECT_IS(board->word[32 + i], STATUS_OK);
    }
}

static void deadline_ends_the_wait_for_a_stack(void)
{
    struct board *board = board_get();
    struct server server;
    struct child inside, client;

    if (!server_make(&(struct child_needs){0}, served_sleep, 1, &server))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &inside));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&inside, server.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start(&inside, call_and_note, argument));
    EXPECT(board_reaches(1, 1));
    if (!clients_start(&client, server.portal, test_soon(200 * TEST_MS)))
        return;
    EXPECT(board_reaches(8, 4));
    EXPECT_IS(board->word[1], 1);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_IS(board->word[32 + i], STATUS_TIMED_OUT);
    board->word[2] = 1;
    EXPECT(board_reaches(8, 5));
    EXPECT_IS(board->word[32 + 4], STATUS_OK);
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_OK(portal_call(server.portal, &m));
}

static void death_of_the_server_ends_all_calls(void)
{
    struct board *board = board_get();
    struct server server;
    struct child client;

    if (!server_make(&(struct child_needs){0}, served_sleep, 2, &server)
        || !clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT_IS(board->word[1], 2);
    EXPECT_OK(domain_stop(server.child.domain));
    EXPECT(board_reaches(8, 4));
    for (unsigned i = 0; i < 4; i++)
        EXPECT_IS(board->word[32 + i], STATUS_PEER_DEAD);
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_IS(portal_call(server.portal, &m), STATUS_PEER_DEAD);
    EXPECT_OK(domain_destroy(server.child.domain));
    EXPECT_IS(portal_call(server.portal, &m), STATUS_PEER_DEAD);
}

static void fault_in_a_portal_is_the_server_s(void)
{
    struct server server;
    struct child client;
    struct board *board = board_get();

    if (!server_make(&(struct child_needs){0}, served_fault, 1, &server)
        || !clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT(board_reaches(8, 4));
    for (unsigned i = 0; i < 4; i++)
        EXPECT_IS(board->word[32 + i], STATUS_PEER_DEAD);
    const struct fault_record record = child_fault(&server.child);
    EXPECT_IS(record.reason, FAULT_READ);
    EXPECT_IS(record.domain_id, server.child.id);
    EXPECT_IS(record.home_domain_id, client.id);
    EXPECT_IS(child_info(&client).state, DOMAIN_STATE_RUNNING);
    EXPECT_IS(child_info(&client).faults, 0);
}

/* Closes its own handle of the portal, which is board word 3, and stays. */
static void served_forget(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];

    board->word[4] = handle_close(board->word[3]);
    served_sleep(word);
}

/* Whom no handle leads to any more is found and sent home all the same. */
static void last_handle_may_go_while_calls_are_inside(void)
{
    struct board *board = board_get();
    struct server server;
    struct child client;

    if (!server_make(&(struct child_needs){0}, served_forget, 1, &server))
        return;
    board->word[3] = server.own;
    if (!clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT_IS(board->word[4], STATUS_OK);
    EXPECT_OK(handle_revoke(server.portal));
    EXPECT_OK(handle_close(server.portal));
    EXPECT(board_reaches(8, 3)); /* those who waited */
    EXPECT_IS(board->word[1], 1);
    EXPECT_OK(domain_stop(server.child.domain));
    EXPECT(board_reaches(8, 4));
    for (unsigned i = 0; i < 4; i++)
        EXPECT_IS(board->word[32 + i], STATUS_PEER_DEAD);
    EXPECT_IS(child_info(&server.child).used.objects, 0);
}

static void call_inside_outlives_the_last_handle(void)
{
    struct board *board = board_get();
    struct server server;
    struct child client;

    if (!server_make(&(struct child_needs){0}, served_forget, 1, &server))
        return;
    board->word[3] = server.own;
    if (!clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT_OK(handle_revoke(server.portal));
    EXPECT_OK(handle_close(server.portal));
    EXPECT(board_reaches(8, 3));
    board->word[2] = 1;
    EXPECT(board_reaches(8, 4));
    EXPECT_IS(board->word[16 + 3], 30);
    EXPECT_IS(board->word[32 + 3], STATUS_OK);
    EXPECT_IS(child_info(&server.child).used.objects, 0);
}

/* As above, and says where its stack is: board word 5. */
static void served_forget_here(uint64_t word[SERVED_WORDS])
{
    ((struct board *)(uintptr_t)word[0])->word[5] = syscall_word(&word);
    served_forget(word);
}

/* On board word 6, for whoever runs on that stack. */
static void sleep_for_the_visitor(const struct birth *birth)
{
    _Atomic uint32_t *const word = (_Atomic uint32_t *)(uintptr_t)&birth->board->word[6];

    while (thread_park_for(word, 0, DEADLINE_NEVER, birth->board->word[5]) == STATUS_WOULD_BLOCK)
        continue;
    birth->board->word[7] = 1;
}

static void wake_the_sleeper(const struct birth *birth)
{
    (void)thread_unpark((_Atomic uint32_t *)(uintptr_t)&birth->board->word[6], 1);
}

/* A sleeper lends to who is inside a portal that nobody has a handle of, and that then goes. */
static void sleeper_outlives_the_portal_that_it_waits_for(void)
{
    struct board *board = board_get();
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!server_make(&(struct child_needs){0}, served_forget_here, 1, &server))
        return;
    board->word[3] = server.own;
    board->word[5] = board->word[6] = board->word[7] = 0;
    if (!clients_start(&client, server.portal, DEADLINE_NEVER))
        return;
    EXPECT_OK(handle_revoke(server.portal));
    EXPECT_OK(handle_close(server.portal));
    EXPECT(board_reaches(8, 3));
    EXPECT_OK(child_start_at(&server.child, sleep_for_the_visitor, NULL, 20, &thread));
    for (unsigned i = 0; i < 1000 && child_thread(&server.child).state != THREAD_STATE_PARKED; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(child_thread(&server.child).state, THREAD_STATE_PARKED);
    board->word[2] = 1;
    EXPECT(board_reaches(8, 4));
    for (unsigned i = 0; i < 1000 && child_info(&server.child).used.objects != 0; i++)
        (void)thread_sleep(test_soon(TEST_MS)); /* the portal has gone */
    EXPECT_IS(child_info(&server.child).used.objects, 0);
    EXPECT_OK(child_start_at(&server.child, wake_the_sleeper, NULL, 20, &thread));
    EXPECT(board_reaches(7, 1));
    EXPECT_OK(domain_destroy(server.child.domain));
    EXPECT_IS(child_info(&server.child).used.threads, 0);
}

static const struct test portal_tests[] = {
    TEST(words_and_badge_go_through),
    TEST(only_portals_can_be_called),
    TEST(marks_make_no_portal),
    TEST(free_slots_are_no_portals),
    TEST(call_needs_its_right),
    TEST(nesting_ends_at_the_bound),
    TEST(cycle_without_a_stack_left_is_refused),
    TEST(deadline_ends_a_call_and_frees_the_stack),
    TEST(work_may_be_finished_after_the_deadline),
    TEST(deadline_in_the_past_ends_a_call),
    TEST(callers_wait_in_order_of_priority),
    TEST(all_stacks_that_come_free_are_passed_on),
    TEST(deadline_ends_the_wait_for_a_stack),
    TEST(death_of_the_server_ends_all_calls),
    TEST(fault_in_a_portal_is_the_server_s),
    TEST(last_handle_may_go_while_calls_are_inside),
    TEST(call_inside_outlives_the_last_handle),
    TEST(sleeper_outlives_the_portal_that_it_waits_for),
};
TEST_GROUP(portal);

/*
 * Domains and threads end in the middle of things, and nothing is left of them.
 */
#include "server.h"

static struct board *board;

/* In a client: call portal argument[0]; the status goes to board word argument[1]. */
static void call_once(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board), birth->argument[2]}};
    const enum status s = portal_call(birth->argument[0], &m);

    birth->board->word[birth->argument[1]] = 1000 + s;
}

/* A client whose thread is inside the server when this returns true. */
static bool visitor_make(struct server *server, struct child *client, handle_t *thread)
{
    board = board_get();
    if (!server_make(&(struct child_needs){0}, served_sleep, 1, server))
        return false;
    enum status s = child_make(&(struct child_needs){0}, client);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        s == STATUS_OK ? child_give(client, server->portal, RIGHT_CALL, 0) : 0, 10};
    if (s == STATUS_OK)
        s = child_start_at(client, call_once, argument, CHILD_PRIORITY, thread);
    if (s != STATUS_OK || !board_reaches(1, 1))
        test_fail(__FILE__, __LINE__, "visitor_make", s, STATUS_OK);
    return !test_has_failed();
}

static void pause_ms(uint64_t ms)
{
    (void)thread_sleep(test_soon(ms * TEST_MS));
}

/* All of the child's, before long. */
static bool threads_have_ended(const struct child *child)
{
    for (unsigned i = 0; i < 5000 && child_info(child).thread_count != 0; i++)
        pause_ms(1);
    return child_info(child).thread_count == 0;
}

static void thread_destroyed_on_a_visit_ends_when_it_comes_home(void)
{
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!visitor_make(&server, &client, &thread))
        return;
    EXPECT_OK(thread_destroy(thread));
    EXPECT_IS(child_info(&client).thread_count, 1);
    board->word[2] = 1;
    EXPECT(threads_have_ended(&client));
    EXPECT_IS(board->word[10], 0); /* not one instruction more */
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_OK(portal_call(server.portal, &m));
}

static void domain_stopped_while_its_thread_visits(void)
{
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!visitor_make(&server, &client, &thread))
        return;
    EXPECT_OK(domain_stop(client.domain));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
    board->word[2] = 1;
    EXPECT(threads_have_ended(&client));
    EXPECT_IS(board->word[10], 0);
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_OK(portal_call(server.portal, &m));
}

static void domain_destroyed_while_its_thread_visits(void)
{
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!visitor_make(&server, &client, &thread))
        return;
    EXPECT_OK(domain_destroy(client.domain));
    EXPECT_OK(domain_destroy(client.domain)); /* again: it is done */
    test_settle();
    board->word[2] = 1;
    pause_ms(10);
    EXPECT_IS(board->word[10], 0);
    struct portal_message m = {.word = {syscall_word(board)}};
    EXPECT_OK(portal_call(server.portal, &m));
}

static void server_destroyed_while_somebody_visits(void)
{
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!visitor_make(&server, &client, &thread))
        return;
    EXPECT_OK(domain_destroy(server.child.domain));
    EXPECT(board_reaches(10, 1000 + STATUS_PEER_DEAD));
    EXPECT_IS(child_wait(&client), CHILD_DONE);
}

static void both_destroyed_while_one_visits_the_other(void)
{
    struct server server;
    struct child client;
    handle_t thread = 0;

    if (!visitor_make(&server, &client, &thread))
        return;
    EXPECT_OK(domain_destroy(client.domain));
    EXPECT_OK(domain_destroy(server.child.domain));
    test_settle();
    EXPECT_IS(board->word[10], 0);
}

/* ---- chains: client -> middle -> server ---- */

/* In the middle: call portal word[1] and say how that ended. */
static void served_forward(uint64_t word[SERVED_WORDS])
{
    struct portal_message m = {.word = {word[0]}};

    word[3] = portal_call(word[1], &m);
}

struct chain {
    struct server server;
    struct server middle;
    struct child client;
    handle_t thread;
};

static bool chain_make(struct chain *chain)
{
    board = board_get();
    if (!server_make(&(struct child_needs){0}, served_sleep, 1, &chain->server)
        || !server_make(&(struct child_needs){0}, served_forward, 1, &chain->middle))
        return false;
    enum status s = child_make(&(struct child_needs){0}, &chain->client);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        child_give(&chain->client, chain->middle.portal, RIGHT_CALL, 0), 10,
        child_give(&chain->middle.child, chain->server.portal, RIGHT_CALL, 0)};
    if (s == STATUS_OK)
        s = child_start_at(&chain->client, call_once, argument, CHILD_PRIORITY, &chain->thread);
    if (s != STATUS_OK || !board_reaches(1, 1))
        test_fail(__FILE__, __LINE__, "chain_make", board->word[1], 1);
    return !test_has_failed();
}

static void middle_of_a_chain_dies(void)
{
    struct chain chain;

    if (!chain_make(&chain))
        return;
    EXPECT_OK(domain_stop(chain.middle.child.domain));
    pause_ms(5);
    EXPECT_IS(board->word[10], 0); /* still inside the server, whom it owes nothing */
    board->word[2] = 1;
    EXPECT(board_reaches(10, 1000 + STATUS_PEER_DEAD));
    EXPECT_IS(child_wait(&chain.client), CHILD_DONE);
}

static void middle_of_a_chain_is_destroyed(void)
{
    struct chain chain;

    if (!chain_make(&chain))
        return;
    EXPECT_OK(handle_revoke(chain.middle.portal));
    EXPECT_OK(handle_close(chain.middle.portal));
    EXPECT_OK(domain_destroy(chain.middle.child.domain));
    EXPECT_OK(handle_close(chain.middle.child.domain));
    test_settle();
    board->word[2] = 1;
    EXPECT(board_reaches(10, 1000 + STATUS_PEER_DEAD));
    EXPECT_IS(child_wait(&chain.client), CHILD_DONE);
}

static void end_of_a_chain_dies(void)
{
    struct chain chain;

    if (!chain_make(&chain))
        return;
    EXPECT_OK(domain_destroy(chain.server.child.domain));
    EXPECT(board_reaches(10, 1000 + STATUS_OK)); /* the middle went on */
    EXPECT_IS(child_wait(&chain.client), CHILD_DONE);
}

static void all_of_a_chain_die(void)
{
    struct chain chain;

    if (!chain_make(&chain))
        return;
    EXPECT_OK(domain_destroy(chain.client.domain));
    EXPECT_OK(domain_destroy(chain.middle.child.domain));
    EXPECT_OK(domain_destroy(chain.server.child.domain));
    test_settle();
    EXPECT_IS(board->word[10], 0);
}

static void thread_of_a_chain_is_destroyed(void)
{
    struct chain chain;

    if (!chain_make(&chain))
        return;
    EXPECT_OK(thread_destroy(chain.thread));
    board->word[2] = 1;
    EXPECT(threads_have_ended(&chain.client));
    EXPECT_IS(board->word[10], 0);
    EXPECT_IS(child_info(&chain.middle.child).state, DOMAIN_STATE_RUNNING);
}

/* ---- ends in portals ---- */

static void served_exit(uint64_t word[SERVED_WORDS])
{
    (void)word;
    thread_exit();
}

static void exit_in_a_portal_ends_the_call(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_exit, 1, &server))
        return;
    for (unsigned i = 0; i < 3; i++) {
        struct portal_message m = {.word = {1}};
        EXPECT_IS(portal_call(server.portal, &m), STATUS_PEER_DEAD);
    }
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
}

static void served_stop(uint64_t word[SERVED_WORDS])
{
    word[0] = domain_stop(0);
}

static void server_stops_itself_in_a_call(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_stop, 1, &server))
        return;
    struct portal_message m = {.word = {1}};
    EXPECT_IS(portal_call(server.portal, &m), STATUS_PEER_DEAD);
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_wait(&server.child), CHILD_STOPPED);
}

static void stop_oneself(const struct birth *birth)
{
    birth->board->word[1] = 1;
    birth->board->word[1] = 2 + domain_stop(0);
}

static void domain_stops_itself(void)
{
    struct child child;

    EXPECT_IS(child_does(&child, stop_oneself, 0, 0, 0), CHILD_STOPPED);
    EXPECT_IS(board_get()->word[1], 1);
    EXPECT_IS(child_info(&child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_NONE);
    handle_t h = 0;
    EXPECT_IS(thread_create(child.domain, 0, 0, 0, 1, &h), STATUS_BAD_STATE);
    EXPECT_IS(segment_grant(test_text(), child.domain, RIGHT_READ), STATUS_PEER_DEAD);
    EXPECT_IS(domain_give(child.domain, child.event, RIGHT_ALL, 0, &h), STATUS_PEER_DEAD);
}

/* ---- told of an end ---- */

static uint64_t word;

static void watchers_are_told_once(void)
{
    struct server server;
    handle_t event = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(domain_watch(server.portal, event, 1));
    EXPECT_OK(domain_watch(server.child.domain, event, 2));
    EXPECT_IS(domain_watch(server.portal, event, 0), STATUS_BAD_ARGUMENT);
    EXPECT_IS(domain_watch(event, server.portal, 1), STATUS_WRONG_TYPE);
    EXPECT_IS(domain_watch(test_data(), event, 1), STATUS_WRONG_TYPE);
    EXPECT_IS(word, 0);
    EXPECT_OK(domain_stop(server.child.domain));
    EXPECT_IS(word, 3);
    word = 0;
    EXPECT_OK(domain_destroy(server.child.domain));
    EXPECT_IS(word, 0);
    EXPECT_OK(domain_watch(server.portal, event, 4)); /* at once: it is dead */
    EXPECT_IS(word, 4);
}

/* Leave the time in word argument[0], for ever; end the domain when word argument[1] says so. */
static void stamp_for_ever(const struct birth *birth)
{
    struct board *shared = birth->board;

    for (;;) {
        shared->word[birth->argument[0]] = time_here_ns();
        if (birth->argument[1] != 0 && shared->word[birth->argument[1]] != 0) {
            shared->word[birth->argument[1]] = time_here_ns();
            (void)!domain_stop(0);
        }
        thread_yield();
    }
}

/* It takes several steps, with interrupts between them, but nothing executes in it any more. */
static void domain_of_many_threads_stops_whole(void)
{
    enum { THREADS = 40, FIRST_WORD = 10, STOP_WORD = 1 };
    struct child child;
    handle_t event = 0, thread = 0;

    board = board_get();
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(domain_watch(child.domain, event, 1));
    for (unsigned i = 0; i < THREADS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {FIRST_WORD + i, i == 7 ? STOP_WORD : 0};
        EXPECT_OK(child_start_at(&child, stamp_for_ever, argument, CHILD_PRIORITY, &thread));
    }
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned ms = 0; ms < 5000 && board->word[FIRST_WORD + i] == 0; ms++)
            pause_ms(1);
    EXPECT_IS(child_info(&child).thread_count, THREADS);
    board->word[STOP_WORD] = 1;
    for (unsigned i = 0; i < 5000 && word != 1; i++)
        pause_ms(1);
    EXPECT_IS(word, 1);
    EXPECT_IS(child_info(&child).state, DOMAIN_STATE_STOPPED);
    EXPECT(board->word[STOP_WORD] > 1);
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT(board->word[FIRST_WORD + i] > 0);
        EXPECT(board->word[FIRST_WORD + i] <= board->word[STOP_WORD]);
    }
    EXPECT_OK(domain_destroy(child.domain));
    EXPECT_IS(child_info(&child).thread_count, 0);
}

static void watching_needs_its_right(void)
{
    struct server server;
    handle_t event = 0, blind = 0, deaf = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(handle_duplicate(server.portal, RIGHT_CALL, 0, &blind));
    EXPECT_OK(handle_duplicate(event, RIGHT_SIGNAL, 0, &deaf));
    EXPECT_IS(domain_watch(blind, event, 1), STATUS_NO_RIGHT);
    EXPECT_IS(domain_watch(server.portal, deaf, 1), STATUS_NO_RIGHT);
}

/* In a child: watch portal argument[1] by an event in memory of its own, and send that event. */
static void watch_and_send(const struct birth *birth)
{
    struct portal_message m = {.word = {0}};
    handle_t segment = 0;
    uaddr_t address = 0;
    enum status s = segment_create(birth->argument[2], RIGHT_READ | RIGHT_WRITE, 0, 0,
                                   name_from("watch"), &segment, &address);

    if (s == STATUS_OK)
        s = event_create(segment, 0, &m.handle[0]);
    if (s == STATUS_OK)
        s = domain_watch(birth->argument[1], m.handle[0], 1);
    if (s == STATUS_OK)
        s = portal_call_with(birth->argument[0], &m, DEADLINE_NEVER);
    birth->board->word[1] = s;
}

static handle_t sent;

static void on_sent(uint64_t words[SERVED_WORDS])
{
    sent = words[SERVED_HANDLE];
    words[SERVED_HANDLE] = 0;
}

static uint64_t segment_frames(void)
{
    struct info_memory memory = {0};
    uint64_t next;

    test_settle();
    return system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) == STATUS_OK
               ? memory.segment_frames
               : 0;
}

/* Who watches a domain that never ends, and dies, leaves no memory in that watch, nor in others'
 * handles of its event. */
static void dead_watcher_holds_no_memory(void)
{
    enum { WATCH_PAGES = 64 };
    struct child child;
    handle_t portal = 0;

    EXPECT_OK(portal_here(on_sent, 1, &portal));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const handle_t given = child_give(&child, portal, RIGHT_CALL | RIGHT_INSPECT, 0);
    const uint64_t argument[BIRTH_ARGUMENTS] = {given, given, WATCH_PAGES * PAGE_BYTES};
    const uint64_t before = segment_frames();
    EXPECT_OK(child_start(&child, watch_and_send, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[1], STATUS_OK);
    EXPECT_IS(segment_frames(), before + WATCH_PAGES);
    EXPECT_OK(domain_destroy(child.domain));
    EXPECT_IS(segment_frames(), before);
    EXPECT_IS(event_signal(sent, 1), STATUS_PEER_DEAD);
    EXPECT_IS(event_wait(sent, 1), STATUS_PEER_DEAD);
    EXPECT_IS(domain_watch(portal, sent, 1), STATUS_PEER_DEAD);
    EXPECT_IS(log_watch(sent, 1), STATUS_PEER_DEAD);
}

/* The log keeps nobody's event alive, and signals none that has gone: its memory is others' now. */
static void log_signals_no_event_of_the_dead(void)
{
    enum { SUCCESSORS = 40 };
    struct child child;
    handle_t portal = 0, event = 0;

    EXPECT_OK(portal_here(on_sent, 1, &portal));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const handle_t given = child_give(&child, portal, RIGHT_CALL | RIGHT_INSPECT, 0);
    const uint64_t argument[BIRTH_ARGUMENTS] = {given, given, PAGE_BYTES};
    EXPECT_OK(child_start(&child, watch_and_send, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_OK(domain_destroy(child.domain));
    test_settle();
    (void)!log_watch(sent, 1);
    EXPECT_OK(handle_close(sent));
    test_settle();
    for (unsigned i = 0; i < SUCCESSORS; i++) {
        EXPECT_OK(test_event(&word, &event));
        word = 0;
        EXPECT_OK(log_write("who watches?\n", 13));
        EXPECT_IS(word, 0);
    }
}

/* ---- many times ---- */

static void end_at_once(const struct birth *birth)
{
    (void)birth;
}

static void hundreds_of_domains_leave_nothing(void)
{
    struct child child;

    for (unsigned i = 0; i < 300; i++) {
        EXPECT_IS(child_does(&child, end_at_once, 0, 0, 0), CHILD_DONE);
        child_destroy(&child);
    }
}

static void dropped_domains_leave_nothing(void)
{
    for (unsigned i = 0; i < 700; i++) {
        const struct domain_attributes attributes = {.quota = {.frames = 8}};
        handle_t domain = 0;
        EXPECT_OK(domain_create(test_factory(), &attributes, &domain));
        EXPECT_OK(handle_close(domain)); /* never destroyed, just dropped */
    }
}

/* In a child: be there until one is taken away, or board word 2 says that it is time to go. */
static void stay(const struct birth *birth)
{
    birth->board->word[1]++;
    while (birth->board->word[2] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS);
    (void)!domain_stop(0);
}

enum { STOPPED_FIRST = 1, NAMES_ITSELF = 2, HANDLES_FIRST = 4, WAYS = 8 };

/*
 * It has a thread, and a portal that may still be known here.  With the last handle it goes; if
 * that is its own, it goes when it stops.
 */
static void forgotten_domain_is_taken_apart(void)
{
    board = board_get();
    for (unsigned way = 0; way < WAYS; way++) {
        struct server server;
        const uint64_t before = segment_frames();
        EXPECT(server_make(&(struct child_needs){0}, served_echo, 1, &server));
        if ((way & NAMES_ITSELF) != 0)
            (void)child_give(&server.child, server.child.domain, RIGHT_ALL, 0);
        board->word[1] = board->word[2] = 0;
        EXPECT_OK(handle_close(server.child.thread)); /* which made the portal, and has ended */
        EXPECT_OK(child_start(&server.child, stay, NULL));
        EXPECT(board_reaches(1, 1));
        if ((way & STOPPED_FIRST) != 0)
            EXPECT_OK(domain_stop(server.child.domain));
        if ((way & HANDLES_FIRST) != 0)
            EXPECT_OK(handle_close(server.portal));
        EXPECT_OK(handle_close(server.child.stack_segment));
        EXPECT_OK(handle_close(server.child.thread));
        EXPECT_OK(handle_close(server.child.domain));
        const bool lives = (way & NAMES_ITSELF) != 0 && (way & STOPPED_FIRST) == 0;
        struct portal_message m = {.word = {way}};
        test_settle();
        if ((way & HANDLES_FIRST) == 0)
            EXPECT_IS(portal_call(server.portal, &m), lives ? STATUS_OK : STATUS_PEER_DEAD);
        board->word[2] = 1;
        pause_ms(lives ? 5 : 0);
        EXPECT_IS(segment_frames(), before);
    }
}

static void die_by_a_null_pointer(const struct birth *birth)
{
    *(volatile uint64_t *)(uintptr_t)birth->argument[0] = 1;
}

/*
 * With nobody else to run, the processor takes the dead apart while it is idle, in as many steps as
 * it had handles; whoever is woken by the last of them must not wait for the next interrupt.
 */
static void death_is_told_at_once_on_an_idle_machine(void)
{
    for (unsigned handles = 0; handles < 24; handles++) {
        struct child child;
        EXPECT_OK(child_make(&(struct child_needs){0}, &child));
        for (unsigned i = 0; i < handles; i++)
            EXPECT(child_give(&child, board_segment(), RIGHT_READ, 0) != 0);
        EXPECT_OK(child_start(&child, die_by_a_null_pointer, NULL));
        const nsec_t late = test_soon(5 * TEST_S);
        EXPECT_OK(event_wait(child.event, test_soon(10 * TEST_S)));
        EXPECT(test_soon(0) < late);
        test_clean_up();
    }
}

static const struct test lifecycle_tests[] = {
    TEST(thread_destroyed_on_a_visit_ends_when_it_comes_home),
    TEST(domain_stopped_while_its_thread_visits),
    TEST(domain_destroyed_while_its_thread_visits),
    TEST(server_destroyed_while_somebody_visits),
    TEST(both_destroyed_while_one_visits_the_other),
    TEST(middle_of_a_chain_dies),
    TEST(middle_of_a_chain_is_destroyed),
    TEST(end_of_a_chain_dies),
    TEST(all_of_a_chain_die),
    TEST(thread_of_a_chain_is_destroyed),
    TEST(exit_in_a_portal_ends_the_call),
    TEST(server_stops_itself_in_a_call),
    TEST(domain_stops_itself),
    TEST(watchers_are_told_once),
    TEST(domain_of_many_threads_stops_whole),
    TEST(watching_needs_its_right),
    TEST(dead_watcher_holds_no_memory),
    TEST(log_signals_no_event_of_the_dead),
    TEST(hundreds_of_domains_leave_nothing),
    TEST(dropped_domains_leave_nothing),
    TEST(forgotten_domain_is_taken_apart),
    TEST(death_is_told_at_once_on_an_idle_machine),
};
TEST_GROUP(lifecycle);

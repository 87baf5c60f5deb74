/*
 * Fault portals: somebody may repair what happened, skip it, or let it be the end.
 */
#include "attack.h"
#include "registers.h"
#include "server.h"

/* What the handler, which runs in the test's own domain, is to answer, and has seen. */
static uint64_t verdict, calls, seen[6];
static handle_t repair_segment, repair_domain;

static void on_fault(uint64_t word[SERVED_WORDS])
{
    for (unsigned i = 0; i < 6; i++)
        seen[i] = word[i];
    calls++;
    if (repair_segment != 0
        && segment_grant(repair_segment, repair_domain, RIGHT_READ | RIGHT_WRITE) != STATUS_OK)
        verdict = FAULT_STOP;
    word[0] = verdict;
}

/* A child that is watched over by on_fault; `attack` runs on `address`. */
static uint64_t attacked(struct child *child, child_function *attack, uint64_t address,
                         uint64_t answer)
{
    handle_t portal = 0;
    const uint64_t argument[BIRTH_ARGUMENTS] = {address};
    enum status s = child_make(&(struct child_needs){0}, child);

    verdict = answer;
    calls = 0;
    repair_domain = child->domain;
    if (s == STATUS_OK)
        s = portal_here(on_fault, 1, &portal);
    if (s == STATUS_OK)
        s = domain_set_fault_portal(child->domain, portal);
    if (s == STATUS_OK)
        s = child_start(child, attack, argument);
    if (s != STATUS_OK) {
        test_fail(__FILE__, __LINE__, "attacked", s, STATUS_OK);
        return 0;
    }
    return child_wait(child);
}

static void handler_repairs_and_the_instruction_runs_again(void)
{
    struct child child;
    uaddr_t address = 0;

    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("lazy"),
                             &repair_segment, &address));
    const uint64_t end = attacked(&child, attack_write, address + 8, FAULT_RESTART);
    repair_segment = 0;
    EXPECT_IS(end, CHILD_DONE);
    EXPECT_IS(calls, 1);
    EXPECT_IS(seen[0], FAULT_WRITE);
    EXPECT_IS(seen[1], address + 8);
    EXPECT_IS(seen[3], child.id);
    EXPECT(seen[4] != 0 && seen[5] != 0);
    EXPECT_IS(child_info(&child).faults, 1);
    EXPECT_IS(child_fault(&child).reason, FAULT_NONE); /* nothing has stopped it */
}

static void handler_skips_the_instruction(void)
{
    struct child child;

    EXPECT_IS(attacked(&child, attack_write, 8, FAULT_SKIP), CHILD_DONE);
    EXPECT_IS(calls, 1);
    child_destroy(&child);
    EXPECT_IS(attacked(&child, attack_undefined, 0, FAULT_SKIP), CHILD_DONE);
    EXPECT_IS(seen[0], FAULT_UNDEFINED);
}

/* Letting it be the end is like having no handler: the report is the same. */
static void handler_lets_it_be_the_end(void)
{
    static const uint64_t answers[] = {FAULT_STOP, 3, UINT64_MAX};

    for (unsigned i = 0; i < 3; i++) {
        struct child child;
        EXPECT_IS(attacked(&child, attack_write, 8, answers[i]), CHILD_STOPPED);
        EXPECT_IS(calls, 1);
        const struct fault_record record = child_fault(&child);
        EXPECT_IS(record.reason, FAULT_WRITE);
        EXPECT_IS(record.address, 8);
        EXPECT_IS(record.pc, seen[2]);
        EXPECT_IS(record.domain_id, child.id);
        EXPECT(record.backtrace_count >= 1);
        child_destroy(&child);
    }
}

static void dead_handler_is_none(void)
{
    struct server server;
    struct child child;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(domain_set_fault_portal(child.domain, server.portal));
    EXPECT_OK(domain_destroy(server.child.domain));
    const uint64_t argument[BIRTH_ARGUMENTS] = {16};
    EXPECT_OK(child_start(&child, attack_read, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_READ);
    EXPECT_IS(child_fault(&child).address, 16);
}

static void handler_that_faults_stops_both(void)
{
    struct server server;
    struct child child;

    if (!server_make(&(struct child_needs){0}, served_fault, 1, &server))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(domain_set_fault_portal(child.domain, server.portal));
    const uint64_t argument[BIRTH_ARGUMENTS] = {16};
    EXPECT_OK(child_start(&child, attack_write, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
    EXPECT_IS(child_fault(&child).reason, FAULT_WRITE);
    EXPECT_IS(child_fault(&child).address, 16);
}

/* A domain that is its own handler, and faults in it. */
static void own_handler_that_faults_stops_it(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_fault, 2, &server))
        return;
    EXPECT_OK(domain_set_fault_portal(server.child.domain, server.portal));
    struct portal_message m = {.word = {0}};
    EXPECT_IS(portal_call(server.portal, &m), STATUS_PEER_DEAD);
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
}

/* In a child: all registers filled, a fault among them, all registers compared. */
static void fill_fault_compare(const struct birth *birth)
{
    struct registers *r = (struct registers *)(uintptr_t)birth->argument[0];

    for (unsigned i = 0; i < 31; i++)
        r->x[i] = 0x7000 + i;
    for (unsigned i = 0; i < 32; i++)
        r->q[i][0] = r->q[i][1] = 0x8000 + i;
    r->nzcv = 0xa0000000;
    r->fpsr = 0;
    r->fpcr = 0;
    registers_undefined(r);
    for (unsigned i = 0; i < 31; i++)
        birth->board->word[1] += r->x[i] != 0x7000 + i;
    for (unsigned i = 0; i < 32; i++)
        birth->board->word[1] += r->q[i][0] != 0x8000 + i || r->q[i][1] != 0x8000 + i;
    birth->board->word[1] += r->nzcv != 0xa0000000;
    birth->board->word[2] = 1;
}

static void skipped_fault_changes_no_register(void)
{
    struct child child;
    handle_t segment = 0, portal = 0;
    uaddr_t address = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("regs"),
                             &segment, &address));
    EXPECT_OK(segment_grant(segment, child.domain, RIGHT_READ | RIGHT_WRITE));
    EXPECT_OK(portal_here(on_fault, 1, &portal));
    EXPECT_OK(domain_set_fault_portal(child.domain, portal));
    verdict = FAULT_SKIP;
    const uint64_t argument[BIRTH_ARGUMENTS] = {address};
    EXPECT_OK(child_start(&child, fill_fault_compare, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[2], 1);
    EXPECT_IS(board_get()->word[1], 0);
}

static void handler_can_be_taken_back(void)
{
    struct child child;
    handle_t portal = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(portal_here(on_fault, 1, &portal));
    EXPECT_OK(domain_set_fault_portal(child.domain, portal));
    EXPECT_OK(domain_set_fault_portal(child.domain, 0));
    calls = 0;
    const uint64_t argument[BIRTH_ARGUMENTS] = {16};
    EXPECT_OK(child_start(&child, attack_read, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(calls, 0);
}

/* A handler that takes its time. */
static void served_ponder(uint64_t word[SERVED_WORDS])
{
    (void)thread_sleep(time_here_ns() + TEST_S);
    word[0] = FAULT_SKIP;
}

static void call_once(const struct birth *birth)
{
    struct portal_message m = {.word = {0}};
    const enum status s = portal_call_with(birth->argument[0], &m, birth->argument[1]);

    birth->board->word[10] = 1000 + s;
}

/* The client's thread is inside the host, before long. */
static bool visits(const struct child *client, const struct server *host)
{
    for (unsigned i = 0; i < 5000 && child_thread(client).current_domain_id != host->child.id; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    return child_thread(client).current_domain_id == host->child.id;
}

/* Who faulted has no home any more when its handler dies: the fault counts all the same. */
static void fault_of_a_homeless_visitor_stops_the_server(void)
{
    struct server server, handler;
    struct child client;
    handle_t thread = 0;

    if (!server_make(&(struct child_needs){0}, served_fault, 1, &server)
        || !server_make(&(struct child_needs){0}, served_ponder, 1, &handler))
        return;
    EXPECT_OK(domain_set_fault_portal(server.child.domain, handler.portal));
    EXPECT_OK(child_make(&(struct child_needs){0}, &client));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&client, server.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start_at(&client, call_once, argument, CHILD_PRIORITY, &thread));
    EXPECT(visits(&client, &handler));
    EXPECT_OK(domain_destroy(client.domain));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
    EXPECT_OK(domain_destroy(handler.child.domain));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
    EXPECT_IS(child_fault(&server.child).home_domain_id, client.id);
    EXPECT_IS(board_get()->word[10], 0);
}

/* The same when its call's deadline takes it out of handler and server at once. */
static void fault_of_a_homeless_late_visitor_stops_the_server(void)
{
    struct server server, handler;
    struct child client;
    handle_t thread = 0;

    if (!server_make(&(struct child_needs){0}, served_fault, 1, &server)
        || !server_make(&(struct child_needs){0}, served_ponder, 1, &handler))
        return;
    EXPECT_OK(domain_set_fault_portal(server.child.domain, handler.portal));
    EXPECT_OK(child_make(&(struct child_needs){0}, &client));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&client, server.portal, RIGHT_CALL, 0),
                                                test_soon(10 * TEST_MS)};
    EXPECT_OK(child_start_at(&client, call_once, argument, CHILD_PRIORITY, &thread));
    (void)thread_sleep(test_soon(5 * TEST_MS));
    EXPECT_OK(domain_destroy(client.domain));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
    (void)thread_sleep(test_soon(10 * TEST_MS));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
}

/* A deadline that passes over a fault's handler ends the call, and the domain with the fault. */
static void deadline_over_a_handler_stops_the_server(void)
{
    struct server server, handler;

    if (!server_make(&(struct child_needs){0}, served_fault, 1, &server)
        || !server_make(&(struct child_needs){0}, served_ponder, 1, &handler))
        return;
    EXPECT_OK(domain_set_fault_portal(server.child.domain, handler.portal));
    struct portal_message m = {.word = {0}};
    EXPECT_IS(portal_call_with(server.portal, &m, test_soon(3 * TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
    EXPECT_IS(child_info(&handler.child).state, DOMAIN_STATE_RUNNING);
}

/* Faults, or stops the domain word[1], which is to end this one's as well. */
static void served_fault_or_stop(uint64_t word[SERVED_WORDS])
{
    if (word[1] == 0)
        served_fault(word);
    word[2] = domain_stop(word[1]);
}

static void call_to_stop(const struct birth *birth)
{
    struct portal_message m = {.word = {0, birth->argument[1]}};

    birth->board->word[10] = 1000 + portal_call(birth->argument[0], &m);
}

/*
 * A visitor stops the domain that handles a fault of the one it visits, which is stopped by that:
 * in the middle of its own call.  It goes home with what it was, and that is told.
 */
static void who_stops_the_handler_of_its_host_goes_home(void)
{
    struct server server, handler;
    struct child first, second;
    handle_t thread = 0;

    if (!server_make(&(struct child_needs){0}, served_fault_or_stop, 2, &server)
        || !server_make(&(struct child_needs){0}, served_ponder, 1, &handler))
        return;
    EXPECT_OK(domain_set_fault_portal(server.child.domain, handler.portal));
    EXPECT_OK(child_make(&(struct child_needs){0}, &first));
    const uint64_t fault[BIRTH_ARGUMENTS] = {child_give(&first, server.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start_at(&first, call_to_stop, fault, CHILD_PRIORITY, &thread));
    EXPECT(visits(&first, &handler));
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_RUNNING);
    EXPECT_OK(child_make(&(struct child_needs){0}, &second));
    const uint64_t stop[BIRTH_ARGUMENTS] = {
        child_give(&second, server.portal, RIGHT_CALL, 0),
        child_give(&server.child, handler.child.domain, RIGHT_MANAGE, 0)};
    EXPECT_OK(child_start(&second, call_to_stop, stop));
    EXPECT_IS(child_wait(&second), CHILD_DONE);
    EXPECT_IS(board_get()->word[10], 1000 + STATUS_PEER_DEAD);
    EXPECT_IS(child_fault(&second).reason, FAULT_NONE);
    EXPECT_IS(child_info(&handler.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_info(&server.child).state, DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_fault(&server.child).reason, FAULT_READ);
    EXPECT_IS(child_fault(&server.child).home_domain_id, first.id);
}

/* A handler that takes its time, in the test's own domain. */
static _Atomic uint64_t may_answer, answered;

static void on_fault_slowly(uint64_t word[SERVED_WORDS])
{
    calls++;
    while (may_answer == 0)
        (void)thread_sleep(test_soon(TEST_MS));
    word[0] = verdict;
    answered++;
}

/* The domain ends while its fault is being handled; the answer is to one that isn't there. */
static void ended_meanwhile(bool is_destroyed, uint64_t answer)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {16};
    struct child child;
    handle_t portal = 0;

    verdict = answer;
    calls = 0;
    may_answer = 0;
    answered = 0;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(portal_here(on_fault_slowly, 1, &portal));
    EXPECT_OK(domain_set_fault_portal(child.domain, portal));
    EXPECT_OK(child_start(&child, attack_read, argument));
    for (unsigned i = 0; i < 2000 && calls == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(calls, 1);
    EXPECT_OK(is_destroyed ? domain_destroy(child.domain) : domain_stop(child.domain));
    may_answer = 1;
    for (unsigned i = 0; i < 2000 && answered == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(answered, 1);
    test_settle();
    EXPECT(child_info(&child).state >= DOMAIN_STATE_STOPPED);
    EXPECT_IS(child_info(&child).asid, 0); /* or calls would be let in */
    EXPECT_OK(handle_close(portal));
    child_destroy(&child);
}

static void answer_to_a_domain_that_has_ended_changes_nothing(void)
{
    static const uint64_t answers[] = {FAULT_STOP, FAULT_RESTART, FAULT_SKIP};

    for (unsigned i = 0; i < 6 && !test_has_failed(); i++)
        ended_meanwhile(i % 2 != 0, answers[i / 2]);
}

/* The domain keeps it, whatever is revoked: so only who owns the portal may give it away so. */
static void who_may_only_call_a_portal_cannot_fault_into_it(void)
{
    struct server server;
    handle_t callable = 0;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &server))
        return;
    EXPECT_OK(handle_duplicate(server.portal, RIGHT_CALL | RIGHT_INSPECT, 7, &callable));
    EXPECT_IS(domain_set_fault_portal(server.child.domain, callable), STATUS_NO_RIGHT);
    EXPECT_OK(handle_close(callable));
    EXPECT_OK(domain_set_fault_portal(server.child.domain, server.portal));
}

static const struct test handler_tests[] = {
    TEST(handler_repairs_and_the_instruction_runs_again),
    TEST(handler_skips_the_instruction),
    TEST(handler_lets_it_be_the_end),
    TEST(dead_handler_is_none),
    TEST(handler_that_faults_stops_both),
    TEST(own_handler_that_faults_stops_it),
    TEST(skipped_fault_changes_no_register),
    TEST(fault_of_a_homeless_visitor_stops_the_server),
    TEST(fault_of_a_homeless_late_visitor_stops_the_server),
    TEST(deadline_over_a_handler_stops_the_server),
    TEST(who_stops_the_handler_of_its_host_goes_home),
    TEST(handler_can_be_taken_back),
    TEST(answer_to_a_domain_that_has_ended_changes_nothing),
    TEST(who_may_only_call_a_portal_cannot_fault_into_it),
};
TEST_GROUP(handler);

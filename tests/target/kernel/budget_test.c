/*
 * Budgets: a thread that has used up its own goes on in the background until its period ends.
 */
#include "server.h"

enum { LOW = 20, MIDDLE = 30, HIGH = 50, PERIODS = 20, MANY_PERIODS = 60 };

#define PERIOD_NS (10 * TEST_MS)
#define BUDGET_NS (2 * TEST_MS)
#define JOB_NS    (1 * TEST_MS)

/* Board words. */
enum {
    STOP = 2,
    JOBS = 3,   /* that the interactive one did */
    MISSES = 4, /* of its deadlines */
    WRONG = 5,  /* registers that changed under a spinner */
    GO = 6,     /* a client that waits for it */
    RUNS = 10,  /* + argument 0: it has begun */
    TRIED = 20, /* + 0 to 2: what came of it */
};

/* In a child: execute until STOP, with patterns in registers that must stay what they are. */
static void spin(const struct birth *birth)
{
    struct board *board = birth->board;

    board->word[RUNS + birth->argument[0]] = 1;
    while (board->word[STOP] == 0) {
        uint64_t wrong = 0;
        __asm__ volatile("mov x9, #0x1111111111111111\n\t"
                         "mov x17, #0x7777777777777777\n\t"
                         "mov x28, #0x3333333333333333\n\t"
                         "mov x10, #2000\n\t"
                         "cmp x9, x17\n\t" /* flags that subs doesn't leave: lower */
                         "1: sub x10, x10, #1\n\t"
                         "b.hs 2f\n\t"
                         "cbnz x10, 1b\n\t"
                         "2: eor x9, x9, #0x1111111111111111\n\t"
                         "eor x17, x17, #0x7777777777777777\n\t"
                         "eor x28, x28, #0x3333333333333333\n\t"
                         "orr %0, x9, x17\n\t"
                         "orr %0, %0, x28\n\t"
                         "orr %0, %0, x10"
                         : "=r"(wrong)
                         :
                         : "x9", "x10", "x17", "x28", "cc");
        if (wrong != 0)
            board->word[WRONG]++;
    }
}

/* In a child: each period work a little, and be done with it before the next begins. */
static void interact(const struct birth *birth)
{
    struct board *board = birth->board;

    for (nsec_t start = time_here_ns(); board->word[STOP] == 0; start += PERIOD_NS) {
        (void)thread_sleep(start);
        const nsec_t begun = time_here_ns();
        nsec_t now = begun, last = begun, worked = 0;
        while (worked < JOB_NS && now < start + PERIOD_NS) {
            now = time_here_ns();
            worked += now - last < TEST_MS / 20 ? now - last : 0; /* not while preempted */
            last = now;
        }
        board->word[JOBS]++;
        if (worked < JOB_NS)
            board->word[MISSES]++;
    }
}

static bool start(struct child *child, child_function *run, uint32_t priority, uint64_t argument)
{
    const uint64_t arguments[BIRTH_ARGUMENTS] = {argument};
    enum status s = child_make(&(struct child_needs){0}, child);

    if (s == STATUS_OK)
        s = child_start_at(child, run, arguments, priority, &child->thread);
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "start", s, STATUS_OK);
    return s == STATUS_OK;
}

/* How many percent of `span_ns`, which pass meanwhile, the child's threads execute. */
static uint64_t share(const struct child *child, nsec_t span_ns)
{
    const nsec_t begun = test_soon(0);
    const nsec_t before = child_info(child).cpu_time_ns;

    (void)thread_sleep(begun + span_ns);
    const nsec_t used = child_info(child).cpu_time_ns - before;
    return (used * 100 + span_ns / 2) / (test_soon(0) - begun);
}

static bool is_about(uint64_t percent, uint64_t wanted)
{
    return percent + 2 >= wanted && percent <= wanted + 2;
}

/* Without a budget, to see that the test would show it; then with one. */
static void spinner_leaves_others_their_deadlines(void)
{
    struct board *board = board_get();
    struct child spinner, interactive;

    if (!start(&interactive, interact, LOW, 0) || !start(&spinner, spin, HIGH, 0))
        return;
    (void)thread_sleep(test_soon(PERIODS * PERIOD_NS));
    EXPECT(board->word[JOBS] <= 1);
    EXPECT_OK(thread_set_budget(spinner.thread, BUDGET_NS, PERIOD_NS));
    (void)thread_sleep(test_soon(PERIODS * PERIOD_NS)); /* there is a lot to make up for */
    board->word[JOBS] = board->word[MISSES] = 0;
    EXPECT(is_about(share(&spinner, MANY_PERIODS * PERIOD_NS), 90)); /* what nobody else takes */
    board->word[STOP] = 1;
    EXPECT(board->word[JOBS] >= MANY_PERIODS - 1);
    EXPECT_IS(board->word[MISSES], 0);
    EXPECT_IS(board->word[WRONG], 0);
}

static void each_gets_its_budget_and_no_more(void)
{
    struct board *board = board_get();
    struct child high, middle, low;

    if (!start(&high, spin, HIGH, 0) || !start(&middle, spin, MIDDLE, 1)
        || !start(&low, spin, LOW, 2))
        return;
    EXPECT_OK(thread_set_budget(high.thread, BUDGET_NS, PERIOD_NS));
    EXPECT_OK(thread_set_budget(middle.thread, 3 * TEST_MS, PERIOD_NS));
    (void)thread_sleep(test_soon(PERIOD_NS));
    EXPECT(is_about(share(&high, PERIODS * PERIOD_NS), 20));
    EXPECT(is_about(share(&middle, PERIODS * PERIOD_NS), 30));
    EXPECT(is_about(share(&low, PERIODS * PERIOD_NS), 50));
    EXPECT_OK(thread_set_budget(high.thread, 0, 0));
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT(is_about(share(&high, PERIODS * PERIOD_NS), 100));
    board->word[STOP] = 1;
    EXPECT_IS(board->word[WRONG], 0);
}

/* Its priority is 0, so who has nothing to lose but time shares the rest with it. */
static void background_is_as_good_as_any_priority_while_nobody_is_ready(void)
{
    struct board *board = board_get();
    struct child spinner;

    if (!start(&spinner, spin, HIGH, 0))
        return;
    EXPECT_OK(thread_set_budget(spinner.thread, TEST_MS, 100 * TEST_MS));
    (void)thread_sleep(test_soon(5 * TEST_MS));
    const struct info_thread record = child_thread(&spinner);
    EXPECT_IS(record.priority, 0);
    EXPECT_IS(record.base_priority, HIGH);
    EXPECT_IS(record.has_used_budget, 1);
    EXPECT_IS(record.budget_ns, TEST_MS);
    EXPECT_IS(record.period_ns, 100 * TEST_MS);
    EXPECT(is_about(share(&spinner, 50 * TEST_MS), 100));
    EXPECT_IS(child_thread(&spinner).priority, 0);
    board->word[STOP] = 1;
}

/* In a client: stay inside portal argument[1] until STOP. */
static void call(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board), 10 * TEST_S}};

    birth->board->word[RUNS + birth->argument[0]] =
        1000 + portal_call_with(birth->argument[1], &m, DEADLINE_NEVER);
}

/* The caller pays for what it has done for it. */
static void budget_is_spent_in_portals_too(void)
{
    struct board *board = board_get();
    struct server server;
    struct child caller, low;

    if (!server_make(&(struct child_needs){0}, served_work, 1, &server)
        || !start(&low, spin, LOW, 1))
        return;
    EXPECT_OK(
        child_make(&(struct child_needs){.budget_ns = BUDGET_NS, .period_ns = PERIOD_NS}, &caller));
    const uint64_t argument[BIRTH_ARGUMENTS] = {0,
                                                child_give(&caller, server.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start_at(&caller, call, argument, HIGH, &caller.thread));
    (void)thread_sleep(test_soon(5 * TEST_MS));
    const struct info_thread record = child_thread(&caller);
    EXPECT_IS(record.current_domain_id, server.child.id);
    EXPECT_IS(record.priority, 0);
    EXPECT(is_about(share(&caller, PERIODS * PERIOD_NS), 20));
    EXPECT(is_about(share(&low, PERIODS * PERIOD_NS), 80));
    board->word[STOP] = 1;
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[RUNS], 1000 + STATUS_OK);
}

/* In a child: wait on a word until STOP is set, and spin then. */
static void park_then_spin(const struct birth *birth)
{
    _Atomic uint32_t *on = (_Atomic uint32_t *)(uintptr_t)&birth->board->word[100];

    birth->board->word[RUNS + birth->argument[0]] = 1;
    while (birth->board->word[101] == 0)
        (void)thread_park(on, 0, time_here_ns() + 10 * TEST_MS);
    spin(birth);
}

/* Whatever the thread does at the moment: it has the budget when it executes. */
static void budget_may_come_at_any_time(void)
{
    struct board *board = board_get();
    struct child ready, waiting, low;

    if (!start(&waiting, park_then_spin, HIGH, 1))
        return;
    (void)thread_sleep(test_soon(TEST_MS));
    if (!start(&ready, spin, HIGH, 0) || !start(&low, spin, LOW, 2))
        return;
    EXPECT_IS(child_thread(&waiting).state, THREAD_STATE_PARKED);
    EXPECT_OK(thread_set_budget(waiting.thread, BUDGET_NS, PERIOD_NS));
    EXPECT_OK(thread_set_budget(ready.thread, BUDGET_NS, PERIOD_NS));
    board->word[101] = 1;
    (void)thread_sleep(test_soon(2 * PERIOD_NS));
    EXPECT(is_about(share(&ready, PERIODS * PERIOD_NS), 20));
    EXPECT(is_about(share(&waiting, PERIODS * PERIOD_NS), 20));
    EXPECT(is_about(share(&low, PERIODS * PERIOD_NS), 60));

    /* While it is used up: more, but no more than that. */
    (void)thread_sleep(test_soon(0) / PERIOD_NS * PERIOD_NS + 2 * PERIOD_NS);
    EXPECT_OK(thread_set_budget(ready.thread, 4 * TEST_MS, PERIOD_NS));
    EXPECT(is_about(share(&ready, PERIODS * PERIOD_NS), 40));
    EXPECT_OK(thread_set_budget(ready.thread, TEST_MS, PERIOD_NS));
    EXPECT(is_about(share(&ready, PERIODS * PERIOD_NS), 10));
    EXPECT_OK(thread_set_budget(ready.thread, 0, 0));
    EXPECT_IS(child_thread(&ready).priority, HIGH);
    board->word[STOP] = 1;
}

/* Setting it again is not a new period. */
static void budget_does_not_come_back_by_being_set(void)
{
    struct board *board = board_get();
    struct child spinner, low;

    if (!start(&spinner, spin, HIGH, 0) || !start(&low, spin, LOW, 1))
        return;
    const nsec_t end = test_soon(PERIODS * PERIOD_NS);
    const nsec_t before = child_info(&spinner).cpu_time_ns;
    for (nsec_t at = test_soon(TEST_MS / 2); at < end; at += TEST_MS / 2) {
        EXPECT_OK(thread_set_budget(spinner.thread, BUDGET_NS + at % 2, PERIOD_NS));
        (void)thread_sleep(at);
    }
    const nsec_t used = child_info(&spinner).cpu_time_ns - before;
    EXPECT(used < (PERIODS + 1) * BUDGET_NS);
    EXPECT(used > (PERIODS - 2) * BUDGET_NS);
    board->word[STOP] = 1;
}

/* In a child: signal argument[1], for which somebody more urgent waits, again and again. */
static void signal_for_ever(const struct birth *birth)
{
    while (birth->board->word[STOP] == 0) {
        for (unsigned i = 0; i < 1000; i++)
            __asm__ volatile("");
        (void)event_signal(birth->argument[1], 1);
    }
}

/* The short way from a signal to its waiter and back: whoever it suspends keeps its budget. */
static void suspended_thread_keeps_its_budget(void)
{
    static uint64_t word;
    struct board *board = board_get();
    struct child spinner, low;
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &spinner));
    const uint64_t argument[BIRTH_ARGUMENTS] = {0, child_give(&spinner, event, RIGHT_SIGNAL, 0)};
    EXPECT_OK(child_start_at(&spinner, signal_for_ever, argument, HIGH, &spinner.thread));
    if (!start(&low, spin, LOW, 1))
        return;
    const nsec_t begun = test_soon(0);
    nsec_t before = child_info(&spinner).cpu_time_ns;
    for (unsigned signals = 0; test_soon(0) < begun + PERIODS * PERIOD_NS; signals++) {
        EXPECT_OK(event_wait(event, DEADLINE_NEVER)); /* now the signaller is suspended */
        (void)__atomic_exchange_n(&word, 0, __ATOMIC_ACQ_REL);
        if (signals == 20) {
            EXPECT_OK(thread_set_budget(spinner.thread, BUDGET_NS, PERIOD_NS));
            before = child_info(&spinner).cpu_time_ns;
        }
    }
    const nsec_t used = child_info(&spinner).cpu_time_ns - before;
    EXPECT(used < (PERIODS + 1) * BUDGET_NS);
    EXPECT(used > (PERIODS - 2) * BUDGET_NS);
    board->word[STOP] = 1;
}

/* In a child: spin for argument[1] ns of wall time, and end. */
static void spin_and_end(const struct birth *birth)
{
    const nsec_t end = time_here_ns() + birth->argument[1];

    while (time_here_ns() < end)
        continue;
    birth->board->word[RUNS + birth->argument[0]] = 1;
}

/* A domain that is limited can't gain by ending threads and making new ones. */
static void new_thread_begins_where_an_ended_one_stopped(void)
{
    struct child child, low;
    struct board *board = board_get();
    handle_t thread = 0;

    EXPECT_OK(
        child_make(&(struct child_needs){.budget_ns = BUDGET_NS, .period_ns = PERIOD_NS}, &child));
    uint64_t argument[BIRTH_ARGUMENTS] = {0, TEST_MS};
    EXPECT_OK(child_start_at(&child, spin_and_end, argument, HIGH, &thread));
    (void)thread_sleep(test_soon(TEST_MS + TEST_MS / 2));
    EXPECT_IS(board->word[RUNS], 1);
    if (!start(&low, spin, LOW, 2))
        return;
    argument[0] = 1;
    argument[1] = TEST_MS / 2; /* of the one that is left */
    EXPECT_OK(child_start_at(&child, spin_and_end, argument, HIGH, &thread));
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[RUNS + 1], 1);
    EXPECT_OK(child_start_at(&child, spin, (const uint64_t[BIRTH_ARGUMENTS]){3}, HIGH, &thread));
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(child_thread(&child).priority, 0);
    (void)thread_sleep(test_soon(PERIOD_NS));
    EXPECT(is_about(share(&low, PERIODS * PERIOD_NS), 80));
    board->word[STOP] = 1;
}

static void meddle(struct board *board)
{
    board->word[TRIED] = 1000 + thread_set_priority(0, 1);
    board->word[TRIED + 1] = 1000 + thread_set_budget(0, BUDGET_NS, PERIOD_NS);
    board->word[TRIED + 2] = 1000 + thread_set_affinity(0, 1);
}

/* In a server: try to change the thread that called. */
static void served_meddle(uint64_t word[SERVED_WORDS])
{
    meddle((struct board *)(uintptr_t)word[0]);
}

/* In a client: the same, back at home. */
static void call_and_meddle(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board)}};

    birth->board->word[RUNS] = 1000 + portal_call_with(birth->argument[0], &m, DEADLINE_NEVER);
    while (birth->board->word[GO] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 10);
    meddle(birth->board);
    (void)thread_sleep(time_here_ns() + 100 * TEST_S);
}

static void wait_for(const _Atomic uint64_t *word)
{
    for (unsigned i = 0; i < 20000 && *word == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS / 10));
}

/* Who calls a portal lends its thread; it doesn't give it away. */
static void visitor_is_its_homes_to_manage(void)
{
    struct board *board = board_get();
    struct server server;
    struct child caller;

    EXPECT_OK(child_make(&(struct child_needs){0}, &caller));
    if (!server_make(&(struct child_needs){0}, served_meddle, 1, &server))
        return;
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&caller, server.portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start_at(&caller, call_and_meddle, argument, HIGH, &caller.thread));
    wait_for(&board->word[RUNS]);
    EXPECT_IS(board->word[RUNS], 1000 + STATUS_OK);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_IS(board->word[TRIED + i], 1000 + STATUS_DENIED);
    const struct info_thread before = child_thread(&caller);
    EXPECT_IS(before.base_priority, HIGH);
    EXPECT_IS(before.budget_ns, 0);
    board->word[TRIED + 2] = 0;
    board->word[GO] = 1;
    wait_for(&board->word[TRIED + 2]);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_IS(board->word[TRIED + i], 1000 + STATUS_OK);
    const struct info_thread after = child_thread(&caller);
    EXPECT_IS(after.base_priority, 1);
    EXPECT_IS(after.budget_ns, BUDGET_NS);
    EXPECT_IS(after.affinity, 1);
}

static void arguments_are_checked(void)
{
    static const nsec_t bad[][2] = {
        {0, PERIOD_NS}, {PERIOD_NS, 0},           {PERIOD_NS + 1, PERIOD_NS},
        {1000, 2000},   {UINT64_MAX, UINT64_MAX}, {BUDGET_NS, UINT64_MAX},
    };
    struct child child, limited;
    handle_t thread = 0, seen = 0;

    if (!start(&child, park_then_spin, LOW, 0))
        return;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct domain_attributes attributes = {
            .quota = {16, 16, 16, 16, 0}, .budget_ns = bad[i][0], .period_ns = bad[i][1]};
        EXPECT_IS(thread_set_budget(child.thread, bad[i][0], bad[i][1]), STATUS_BAD_ARGUMENT);
        EXPECT_IS(domain_create(test_factory(), &attributes, &seen), STATUS_BAD_ARGUMENT);
    }
    EXPECT_OK(thread_set_budget(child.thread, PERIOD_NS, PERIOD_NS));
    EXPECT_IS(thread_set_budget(test_data(), BUDGET_NS, PERIOD_NS), STATUS_WRONG_TYPE);
    EXPECT_OK(handle_duplicate(child.thread, RIGHT_INSPECT, 0, &seen));
    EXPECT_IS(thread_set_budget(seen, BUDGET_NS, PERIOD_NS), STATUS_NO_RIGHT);

    /* What its domain has is the most. */
    EXPECT_OK(child_make(&(struct child_needs){.budget_ns = BUDGET_NS, .period_ns = PERIOD_NS},
                         &limited));
    EXPECT_OK(child_start_at(&limited, park_then_spin, NULL, LOW, &thread));
    EXPECT_IS(child_thread(&limited).budget_ns, BUDGET_NS);
    EXPECT_IS(thread_set_budget(thread, 0, 0), STATUS_BAD_ARGUMENT);
    EXPECT_IS(thread_set_budget(thread, BUDGET_NS + 1, PERIOD_NS), STATUS_BAD_ARGUMENT);
    EXPECT_IS(thread_set_budget(thread, BUDGET_NS, PERIOD_NS - 1), STATUS_BAD_ARGUMENT);
    EXPECT_OK(thread_set_budget(thread, BUDGET_NS - 1, PERIOD_NS + 1));
    EXPECT_IS(child_thread(&limited).budget_ns, BUDGET_NS - 1);

    EXPECT_OK(thread_destroy(thread));
    EXPECT_IS(thread_set_budget(thread, BUDGET_NS - 1, PERIOD_NS + 1), STATUS_BAD_STATE);
}

static const struct test budget_tests[] = {
    TEST(spinner_leaves_others_their_deadlines),
    TEST(each_gets_its_budget_and_no_more),
    TEST(background_is_as_good_as_any_priority_while_nobody_is_ready),
    TEST(budget_is_spent_in_portals_too),
    TEST(budget_may_come_at_any_time),
    TEST(budget_does_not_come_back_by_being_set),
    TEST(suspended_thread_keeps_its_budget),
    TEST(new_thread_begins_where_an_ended_one_stopped),
    TEST(visitor_is_its_homes_to_manage),
    TEST(arguments_are_checked),
};
TEST_GROUP(budget);

/*
 * The short ways: a signal that switches to its waiter and back, deadlines that are only written
 * down, and what may happen to a thread in between.
 */
#include "server.h"

enum { URGENT = 50, PATIENT = 20, ROUNDS = 100 };

/* What the urgent thread does each time that it is woken: a bit of the event's word. */
enum {
    DO_NOTHING = 1,
    DO_STOP = 2,  /* stop the domain board word 4 */
    DO_RAISE = 4, /* raise the thread of board word 5 above itself */
    DO_END = 8,
};

static void raise_and_look(struct board *board)
{
    board->word[6] = 1000 + thread_set_priority(board->word[5], URGENT + 5);
    /* The signaller has run by now, if its priority counts. */
    board->word[7] = board->word[1];
}

/* In a child: wait on argument[0], whose word is at argument[1]. */
static void serve_signals(const struct birth *birth)
{
    uint64_t *pending = (uint64_t *)(uintptr_t)birth->argument[1];
    struct board *board = birth->board;

    for (;;) {
        if (event_wait(birth->argument[0], DEADLINE_NEVER) != STATUS_OK)
            return;
        const uint64_t bits = __atomic_exchange_n(pending, 0, __ATOMIC_ACQ_REL);
        board->word[2]++;
        if ((bits & DO_STOP) != 0)
            board->word[6] = 1000 + domain_stop(board->word[4]);
        if ((bits & DO_RAISE) != 0)
            raise_and_look(board);
        if ((bits & DO_END) != 0)
            return;
    }
}

/* In a child: signal argument[0] with argument[1] again and again; board word 1 counts. */
static void signal_for_ever(const struct birth *birth)
{
    struct board *board = birth->board;

    while (board->word[3] == 0) {
        board->word[1]++;
        if (event_signal(birth->argument[0], birth->argument[1]) != STATUS_OK)
            return;
    }
}

static rights_t waits_rights = RIGHT_ALL;
static uint32_t urgent_priority = URGENT;

/* An urgent child that waits, and a patient one that can signal it. */
struct couple {
    struct child urgent;
    struct child patient;
    handle_t event;    /* of the urgent one's, with its word in memory that both see */
    handle_t signal;   /* the same in the patient one */
    uint64_t *pending; /* the event's word */
};

static bool couple_make(struct couple *couple)
{
    handle_t segment = 0;
    uaddr_t address = 0;

    enum status s = child_make(&(struct child_needs){0}, &couple->urgent);
    if (s == STATUS_OK)
        s = child_make(&(struct child_needs){0}, &couple->patient);
    if (s == STATUS_OK)
        s = probe_make(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address);
    if (s == STATUS_OK)
        s = segment_grant(segment, couple->urgent.domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = event_create(segment, 0, &couple->event);
    couple->pending = (uint64_t *)(uintptr_t)address;
    if (s == STATUS_OK)
        couple->signal = child_give(&couple->patient, couple->event, RIGHT_SIGNAL, 0);
    handle_t waits =
        s == STATUS_OK ? child_give(&couple->urgent, couple->event, waits_rights, 0) : 0;
    handle_t thread = 0;
    if (s == STATUS_OK)
        s = child_start_at(&couple->urgent, serve_signals,
                           (const uint64_t[BIRTH_ARGUMENTS]){waits, address}, urgent_priority,
                           &thread);
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "couple_make", s, STATUS_OK);
    (void)thread_sleep(test_soon(TEST_MS));
    return s == STATUS_OK;
}

/* A handle outside of a table's first part, which the short ways know. */
static handle_t far_handle(handle_t h)
{
    handle_t far = h;

    while ((uint32_t)far < 1000)
        if (handle_duplicate(h, RIGHT_ALL, 0, &far) != STATUS_OK)
            return 0;
    return far;
}

static bool patient_start(struct couple *couple, uint64_t bits)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {couple->signal, bits};
    const enum status s = child_start_at(&couple->patient, signal_for_ever, argument, PATIENT,
                                         &couple->patient.thread);

    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "patient_start", s, STATUS_OK);
    return s == STATUS_OK;
}

/* Until more than `rounds` signals have been given: that takes long where changes are audited. */
static void rounds_await(const struct board *board, uint64_t rounds)
{
    for (unsigned i = 0; i < 1000 && board->word[1] <= rounds; i++)
        (void)thread_sleep(test_soon(TEST_MS));
}

/* It waited by the long way, and is woken by the short one. */
static void waiter_with_a_far_handle_is_woken_with_ok(void)
{
    static uint64_t word;
    struct child patient;
    struct board *board = board_get();
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    const handle_t far = far_handle(event);
    EXPECT(far != 0);
    EXPECT_OK(child_make(&(struct child_needs){0}, &patient));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&patient, event, RIGHT_SIGNAL, 0), 1};
    EXPECT_OK(child_start_at(&patient, signal_for_ever, argument, PATIENT, &patient.thread));
    for (unsigned i = 0; i < ROUNDS; i++) {
        EXPECT_OK(event_wait(far, DEADLINE_NEVER));
        EXPECT_IS(__atomic_exchange_n(&word, 0, __ATOMIC_ACQ_REL), 1);
    }
    board->word[3] = 1;
    EXPECT_IS(child_wait(&patient), CHILD_DONE);
}

static void each_signal_runs_the_urgent_one_at_once(void)
{
    struct board *board = board_get();
    struct couple couple;

    if (!couple_make(&couple) || !patient_start(&couple, DO_NOTHING))
        return;
    rounds_await(board, ROUNDS);
    board->word[3] = 1;
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT(board->word[1] > ROUNDS);
    EXPECT_IS(board->word[2], board->word[1]);
    EXPECT_OK(event_signal(couple.event, DO_END));
    EXPECT_IS(child_wait(&couple.urgent), CHILD_DONE);
    EXPECT_IS(child_wait(&couple.patient), CHILD_DONE);
    /* Both did switch, and each has its own time. */
    EXPECT(child_info(&couple.urgent).switches > ROUNDS);
    EXPECT(child_info(&couple.urgent).cpu_time_ns > 0);
    EXPECT(child_info(&couple.patient).cpu_time_ns > 0);
}

/* A waiter that may not signal waits by another way; the one who wakes it doesn't know. */
static void waiter_without_the_right_to_signal_wakes_with_ok(void)
{
    struct board *board = board_get();
    struct couple couple;

    waits_rights = RIGHT_WAIT;
    const bool made = couple_make(&couple);
    waits_rights = RIGHT_ALL;
    if (!made || !patient_start(&couple, DO_NOTHING))
        return;
    rounds_await(board, ROUNDS);
    board->word[3] = 1;
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT(board->word[1] > ROUNDS);
    EXPECT_IS(board->word[2], board->word[1]);
}

/* Equals, or a less urgent one that is woken: whoever runs goes on, and both get on. */
static void signal_to_one_that_is_not_more_urgent_waits_for_its_turn(void)
{
    static const uint32_t priorities[] = {PATIENT, PATIENT - 5};
    struct board *board = board_get();

    for (unsigned i = 0; i < 2; i++) {
        struct couple couple;
        board->word[1] = board->word[2] = board->word[3] = 0;
        urgent_priority = priorities[i];
        const bool made = couple_make(&couple);
        urgent_priority = URGENT;
        if (!made || !patient_start(&couple, DO_NOTHING))
            return;
        (void)thread_sleep(test_soon(50 * TEST_MS)); /* some turns */
        const uint64_t woken = board->word[2];
        board->word[3] = 1;
        (void)thread_sleep(test_soon(25 * TEST_MS));
        EXPECT(board->word[1] > ROUNDS);
        EXPECT(i == 0 ? woken > 1 && woken < ROUNDS : woken == 0);
        EXPECT(board->word[2] > woken);
        EXPECT(board->word[2] < board->word[1]);
        child_destroy(&couple.urgent);
        child_destroy(&couple.patient);
    }
}

/* The signaller's domain is stopped by the very thread that it woke. */
static void preempted_signaller_can_be_stopped(void)
{
    struct board *board = board_get();
    struct couple couple;

    if (!couple_make(&couple))
        return;
    board->word[4] = child_give(&couple.urgent, couple.patient.domain, RIGHT_ALL, 0);
    if (!patient_start(&couple, DO_STOP))
        return;
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_IS(board->word[6], 1000 + STATUS_OK);
    EXPECT_IS(board->word[1], 1); /* not one instruction more */
    EXPECT_IS(child_info(&couple.patient).state, DOMAIN_STATE_STOPPED);
    EXPECT_OK(event_signal(couple.event, DO_NOTHING));
    (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[2], 2);
}

static void preempted_signaller_can_be_destroyed(void)
{
    struct board *board = board_get();
    struct couple couple;

    if (!couple_make(&couple) || !patient_start(&couple, DO_NOTHING))
        return;
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_OK(thread_destroy(couple.patient.thread));
    const uint64_t before = board->word[1];
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_IS(board->word[1], before);
    EXPECT_IS(child_info(&couple.patient).thread_count, 0);
}

/* It is ready, in whatever place: a higher priority counts at once. */
static void preempted_signaller_can_be_raised(void)
{
    struct board *board = board_get();
    struct couple couple;

    if (!couple_make(&couple) || !patient_start(&couple, DO_NOTHING))
        return;
    (void)thread_sleep(test_soon(2 * TEST_MS));
    board->word[5] = child_give(&couple.urgent, couple.patient.thread, RIGHT_ALL, 0);
    const uint64_t before = board->word[1];
    EXPECT_OK(event_signal(couple.event, DO_RAISE));
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_IS(board->word[6], 0); /* the urgent one is in the middle of its call, and has to wait */
    rounds_await(board, before + ROUNDS);
    board->word[3] = 1;
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT_IS(board->word[6], 1000 + STATUS_OK);
    EXPECT(board->word[7] > before + ROUNDS);
}

/* ---- deadlines that are only written down ---- */

/* The timer is set for a while to come: later deadlines are not armed by the call. */
static bool timer_is_set(handle_t portal, nsec_t when_ns)
{
    struct portal_message m = {.word = {0}};

    return portal_call_with(portal, &m, when_ns) == STATUS_OK;
}

static void written_deadline_ends_a_wait(void)
{
    struct board *board = board_get();
    struct server echo, server;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &echo)
        || !server_make(&(struct child_needs){0}, served_sleep, 1, &server))
        return;
    for (unsigned round = 0; round < 3; round++) {
        EXPECT(timer_is_set(echo.portal, test_soon(3 * TEST_MS)));
        struct portal_message m = {.word = {syscall_word(board)}};
        const nsec_t deadline = test_soon(5 * TEST_MS);
        EXPECT_IS(portal_call_with(server.portal, &m, deadline), STATUS_TIMED_OUT);
        EXPECT(time_here_ns() >= deadline && time_here_ns() < deadline + TEST_MS);
        EXPECT_IS(board->word[1], round + 1);
    }
}

static void written_deadline_ends_work_after_its_grace(void)
{
    struct board *board = board_get();
    struct server echo, server;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &echo)
        || !server_make(&(struct child_needs){0}, served_work, 1, &server))
        return;
    EXPECT(timer_is_set(echo.portal, test_soon(3 * TEST_MS)));
    struct portal_message m = {.word = {syscall_word(board), 10 * TEST_S}};
    const nsec_t deadline = test_soon(5 * TEST_MS);
    EXPECT_IS(portal_call_with(server.portal, &m, deadline), STATUS_TIMED_OUT);
    EXPECT(time_here_ns() >= deadline + 50 * TEST_MS);
    EXPECT(time_here_ns() < deadline + 52 * TEST_MS);
}

static void spin_in_the_middle(const struct birth *birth)
{
    const nsec_t end = birth->argument[0] + 80 * TEST_MS;

    (void)thread_sleep(birth->argument[0]);
    while (time_here_ns() < end)
        continue;
    birth->board->word[3]++;
}

static void call_meanwhile(const struct birth *birth)
{
    struct portal_message m = {.word = {(uint64_t)(uintptr_t)birth->board, 10 * TEST_MS}};

    birth->board->word[4] = portal_call_with(birth->argument[1], &m, birth->argument[2]);
    birth->board->word[5] = 1;
}

/* The grace is the thread's own time: somebody more urgent can't have it cut off. */
static void who_is_kept_from_executing_is_not_cut_off(void)
{
    struct board *board = board_get();
    struct server server;
    struct child child;
    handle_t spinner = 0;

    if (!server_make(&(struct child_needs){0}, served_work, 1, &server))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const nsec_t begin = test_soon(5 * TEST_MS);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        begin, child_give(&child, server.portal, RIGHT_CALL, 0), begin + TEST_MS};
    EXPECT_OK(thread_set_affinity(0, 1));
    EXPECT_OK(child_start_at(&child, spin_in_the_middle, argument, 41, &spinner));
    EXPECT_OK(thread_set_affinity(spinner, 1));
    EXPECT_OK(child_start(&child, call_meanwhile, argument));
    EXPECT_OK(thread_set_affinity(child.thread, 1));
    (void)thread_sleep(begin + 150 * TEST_MS);
    EXPECT_IS(board->word[3], 1);
    EXPECT_IS(board->word[5], 1);
    EXPECT_OK(board->word[4]);
}

static void written_deadline_of_a_call_that_returned_is_forgotten(void)
{
    struct server echo;

    if (!server_make(&(struct child_needs){0}, served_echo, 1, &echo))
        return;
    EXPECT(timer_is_set(echo.portal, test_soon(3 * TEST_MS)));
    for (unsigned i = 0; i < 20; i++) {
        struct portal_message m = {.word = {i, 1, 2, 3, 4, 5, 6}};
        EXPECT_OK(portal_call_with(echo.portal, &m, test_soon(4 * TEST_MS)));
        EXPECT_IS(m.word[0], i);
        EXPECT_IS(m.word[6], 6);
        if (i % 5 == 0)
            (void)thread_sleep(test_soon(5 * TEST_MS)); /* past it, and over a switch */
    }
}

static const struct test switch_tests[] = {
    TEST(each_signal_runs_the_urgent_one_at_once),
    TEST(waiter_without_the_right_to_signal_wakes_with_ok),
    TEST(signal_to_one_that_is_not_more_urgent_waits_for_its_turn),
    TEST(waiter_with_a_far_handle_is_woken_with_ok),
    TEST(preempted_signaller_can_be_stopped),
    TEST(preempted_signaller_can_be_destroyed),
    TEST(preempted_signaller_can_be_raised),
    TEST(written_deadline_ends_a_wait),
    TEST(written_deadline_ends_work_after_its_grace),
    TEST(who_is_kept_from_executing_is_not_cut_off),
    TEST(written_deadline_of_a_call_that_returned_is_forgotten),
};
TEST_GROUP(switch);

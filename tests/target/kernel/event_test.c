/*
 * Events, clocks, sleeping on words, turns: who waits is woken, once, in time and in order.
 */
#include "server.h"

static uint64_t word, word2;

static void wait_ends_with_a_signal_or_in_time(void)
{
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    const nsec_t deadline = test_soon(2 * TEST_MS);
    EXPECT_IS(event_wait(event, deadline), STATUS_TIMED_OUT);
    EXPECT(time_here_ns() >= deadline && time_here_ns() < deadline + TEST_MS);
    EXPECT_IS(event_wait(event, 1), STATUS_TIMED_OUT);
    EXPECT_OK(event_signal(event, 0));
    EXPECT_IS(event_wait(event, 1), STATUS_TIMED_OUT);
    EXPECT_OK(event_signal(event, UINT64_C(1) << 63));
    EXPECT_OK(event_wait(event, DEADLINE_NEVER));
    EXPECT_OK(event_wait(event, UINT64_MAX)); /* bits stay until they are taken */
    EXPECT_IS(word, UINT64_C(1) << 63);
}

static void wait_on(const struct birth *birth)
{
    birth->board->word[1] = 1;
    birth->board->word[2] = 1000 + event_wait(birth->argument[0], birth->argument[1]);
}

static bool waiter_make(struct child *child, handle_t event, nsec_t deadline)
{
    enum status s = child_make(&(struct child_needs){0}, child);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        s == STATUS_OK ? child_give(child, event, RIGHT_ALL, 0) : 0, deadline};

    if (s == STATUS_OK)
        s = child_start(child, wait_on, argument);
    if (s != STATUS_OK || !board_reaches(1, 1))
        return false;
    (void)thread_sleep(test_soon(2 * TEST_MS)); /* and from there into its wait */
    return true;
}

static void only_one_may_wait(void)
{
    handle_t event = 0;
    struct child child;

    EXPECT_OK(test_event(&word, &event));
    EXPECT(waiter_make(&child, event, DEADLINE_NEVER));
    EXPECT_IS(event_wait(event, test_soon(TEST_MS)), STATUS_BUSY);
    EXPECT_OK(event_signal(event, 4));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[2], 1000 + STATUS_OK);
}

static void dead_waiter_makes_room(void)
{
    handle_t event = 0;
    struct child child;

    EXPECT_OK(test_event(&word, &event));
    EXPECT(waiter_make(&child, event, DEADLINE_NEVER));
    EXPECT_OK(domain_stop(child.domain));
    EXPECT_IS(event_wait(event, test_soon(TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_OK(event_signal(event, 1));
    EXPECT_OK(event_wait(event, DEADLINE_NEVER));
    EXPECT_IS(board_get()->word[2], 0);
}

static void destroyed_waiter_makes_room(void)
{
    handle_t event = 0;
    struct child child;

    EXPECT_OK(test_event(&word, &event));
    EXPECT(waiter_make(&child, event, test_soon(50 * TEST_MS)));
    EXPECT_OK(thread_destroy(child.thread));
    EXPECT_IS(event_wait(event, test_soon(60 * TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_IS(board_get()->word[2], 0);
}

static void event_without_handles_lets_its_waiter_go(void)
{
    handle_t event = 0;
    struct child child;

    EXPECT_OK(test_event(&word, &event));
    EXPECT(waiter_make(&child, event, DEADLINE_NEVER));
    EXPECT_OK(handle_revoke(event));
    EXPECT_OK(handle_close(event));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[2], 1000 + STATUS_BAD_HANDLE);
}

/* ---- clocks ---- */

static void clocks_ring_in_order(void)
{
    handle_t event = 0, clock[8] = {0};

    EXPECT_OK(test_event(&word, &event));
    for (unsigned i = 0; i < 8; i++)
        EXPECT_OK(clock_create(event, UINT64_C(1) << i, &clock[i]));
    const nsec_t start = test_soon(TEST_MS);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_OK(clock_set(clock[i], start + (i * 5 % 8) * TEST_MS));
    EXPECT_OK(clock_set(clock[3], 0));
    EXPECT_OK(clock_set(clock[4], start + 20 * TEST_MS)); /* moved */
    uint64_t seen = 0;
    for (unsigned turn = 0; turn < 8; turn++) {
        const unsigned which = turn * 5 % 8; /* 5 is its own inverse modulo 8 */
        if (which == 3 || which == 4)
            continue;
        EXPECT_OK(event_wait(event, test_soon(30 * TEST_MS)));
        EXPECT_IS(word, UINT64_C(1) << which);
        EXPECT(time_here_ns() >= start + turn * TEST_MS);
        EXPECT(time_here_ns() < start + turn * TEST_MS + TEST_MS / 2);
        seen |= __atomic_exchange_n(&word, 0, __ATOMIC_ACQ_REL);
    }
    EXPECT_OK(event_wait(event, test_soon(40 * TEST_MS)));
    EXPECT_IS(word, 1 << 4);
    EXPECT_IS(seen, 0xff & ~0x18);
    word = 0;
    EXPECT_OK(clock_set(clock[0], 1)); /* long past: at once */
    EXPECT_OK(event_wait(event, test_soon(TEST_MS)));
    EXPECT_IS(word, 1);
}

enum { CLOCKS = 60 };

/* Set all, the last for the earliest; false if time went by so fast that some were due by then. */
static bool clocks_set(const handle_t clocks[CLOCKS])
{
    const nsec_t start = test_soon(5 * TEST_MS);
    uint64_t random = 12345;
    enum status s = STATUS_OK;

    for (unsigned i = 0; i < 5 * CLOCKS; i++) { /* each is set, moved, stopped at random */
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        s = clock_set(clocks[random >> 33 & 31], start + (random >> 40) % (5 * TEST_MS));
    }
    for (unsigned i = 0; i < CLOCKS; i++)
        s = clock_set(clocks[i], start + (CLOCKS - i) * TEST_MS / 20);
    return s == STATUS_OK && time_here_ns() < start;
}

static void many_timeouts_come_in_order(void)
{
    handle_t event = 0, clocks[CLOCKS] = {0};
    uint64_t last = 0, rung = 0;

    EXPECT_OK(test_event(&word2, &event));
    for (unsigned i = 0; i < CLOCKS; i++)
        EXPECT_OK(clock_create(event, UINT64_C(1) << i, &clocks[i]));
    for (unsigned i = 0; i < 20 && !clocks_set(clocks); i++)
        continue;
    word2 = 0; /* of those that were due too early */
    while (rung < CLOCKS) {
        EXPECT_OK(event_wait(event, test_soon(TEST_S)));
        uint64_t bits = __atomic_exchange_n(&word2, 0, __ATOMIC_ACQ_REL);
        for (unsigned i = CLOCKS; i-- > 0;)
            if ((bits >> i & 1) != 0) {
                EXPECT_IS(i, CLOCKS - 1 - last);
                last++;
                rung++;
            }
    }
    EXPECT_IS(event_wait(event, test_soon(10 * TEST_MS)), STATUS_TIMED_OUT);
}

/* ---- sleeping on words ---- */

/* In a child: sleep on board word 4 while it is 7; then note one's argument in the list. */
static void park_and_note(const struct birth *birth)
{
    _Atomic uint32_t *on = (_Atomic uint32_t *)(uintptr_t)&birth->board->word[4];
    const enum status s = thread_park(on, 7, birth->argument[1]);
    const uint64_t at = birth->board->word[8]++;

    birth->board->word[16 + at] = birth->argument[0];
    birth->board->word[32 + at] = s;
}

static void unpark_from_elsewhere(const struct birth *birth)
{
    struct svc_words w = {{syscall_word(&birth->board->word[4]), 100}};

    birth->board->word[1] = svc_8(SYS_THREAD_UNPARK, &w);
    birth->board->word[2] = w.word[1];
}

/* In the sleepers' own domain. */
static void unpark_some(const struct birth *birth)
{
    struct svc_words w = {{syscall_word(&birth->board->word[4]), birth->argument[0]}};

    birth->board->word[1] = svc_8(SYS_THREAD_UNPARK, &w);
    birth->board->word[2] = w.word[1];
}

/* Whether so many of the child's threads sleep on words, before long. */
static bool parked_reach(const struct child *child, unsigned count)
{
    struct info_thread record;
    unsigned parked = 0;

    for (unsigned i = 0; i < 2000 && parked != count; i++) {
        (void)thread_sleep(test_soon(TEST_MS));
        parked = 0;
        for (uint64_t index = 0, next = 1; next != 0; index = next) {
            if (domain_info(child->domain, INFO_THREADS, index, &record, sizeof record, &next)
                != STATUS_OK)
                break;
            parked += record.state == THREAD_STATE_PARKED;
        }
    }
    return parked == count;
}

static void words_are_slept_on(void)
{
    struct board *board = board_get();
    struct child child, other;
    handle_t thread = 0;

    board->word[4] = 7;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    for (uint64_t i = 0; i < 4; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {i, i == 3 ? test_soon(300 * TEST_MS)
                                                              : DEADLINE_NEVER};
        EXPECT_OK(child_start_at(&child, park_and_note, argument, 30, &thread));
        EXPECT(parked_reach(&child, (unsigned)i + 1));
    }
    EXPECT_IS(board->word[8], 0);
    /* Another domain's words are other words, at the same address. */
    EXPECT_IS(child_does(&other, unpark_from_elsewhere, 0, 0, 0), CHILD_DONE);
    EXPECT_IS(board->word[2], 0);
    EXPECT_IS(board->word[8], 0);
    const uint64_t two[BIRTH_ARGUMENTS] = {2};
    EXPECT_OK(child_start_at(&child, unpark_some, two, 40, &thread));
    EXPECT(board_reaches(8, 2));
    EXPECT_IS(board->word[2], 2);
    EXPECT_IS(board->word[16], 0);
    EXPECT_IS(board->word[17], 1);
    EXPECT(board_reaches(8, 3));
    EXPECT_IS(board->word[18], 3);
    EXPECT_IS(board->word[34], STATUS_TIMED_OUT);
}

/* Not one of many, whatever the kernel might find sleepers by. */
static void no_other_domain_wakes_a_sleeper(void)
{
    enum { OTHERS = 256 };
    const uint64_t argument[BIRTH_ARGUMENTS] = {0, DEADLINE_NEVER};
    struct board *board = board_get();
    struct child child, other;

    board->word[4] = 7;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(child_start(&child, park_and_note, argument));
    EXPECT(parked_reach(&child, 1));
    for (unsigned i = 0; i < OTHERS; i++) {
        EXPECT_IS(child_does(&other, unpark_from_elsewhere, 0, 0, 0), CHILD_DONE);
        EXPECT_IS(board->word[2], 0);
        child_destroy(&other);
    }
    EXPECT_IS(board->word[8], 0);
}

/* However many are to be woken, a call wakes few: interrupts are off meanwhile. */
static void many_sleepers_are_woken_a_few_at_a_time(void)
{
    enum { SLEEPERS = UNPARK_MAX + 2 };
    const uint64_t all[BIRTH_ARGUMENTS] = {UINT64_MAX};
    struct board *board = board_get();
    struct child child;
    handle_t thread = 0;

    board->word[4] = 7;
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    for (uint64_t i = 0; i < SLEEPERS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {i, DEADLINE_NEVER};
        EXPECT_OK(child_start_at(&child, park_and_note, argument, 30, &thread));
    }
    EXPECT(parked_reach(&child, SLEEPERS));
    EXPECT_OK(child_start_at(&child, unpark_some, all, 40, &thread));
    EXPECT(board_reaches(8, UNPARK_MAX));
    EXPECT_IS(board->word[2], UNPARK_MAX);
    EXPECT_OK(child_start_at(&child, unpark_some, all, 40, &thread));
    EXPECT(board_reaches(8, SLEEPERS));
    EXPECT_IS(board->word[2], SLEEPERS - UNPARK_MAX);
}

/* ---- turns ---- */

/* In a child: count in board word argument[0] until board word 2 is set. */
static void count_for_ever(const struct birth *birth)
{
    while (birth->board->word[2] == 0)
        birth->board->word[birth->argument[0]]++;
}

static void equals_take_turns(void)
{
    struct board *board = board_get();
    struct child child;
    handle_t thread = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    for (uint64_t i = 0; i < 3; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {10 + i};
        EXPECT_OK(child_start_at(&child, count_for_ever, argument, 30, &thread));
    }
    (void)thread_sleep(test_soon(300 * TEST_MS));
    board->word[2] = 1;
    const uint64_t all = board->word[10] + board->word[11] + board->word[12];
    for (unsigned i = 10; i < 13; i++)
        EXPECT(board->word[i] > all / 5 && board->word[i] < all / 2);
}

static void more_urgent_goes_first(void)
{
    struct board *board = board_get();
    struct child child;
    handle_t low = 0, high = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const uint64_t ten[BIRTH_ARGUMENTS] = {10}, eleven[BIRTH_ARGUMENTS] = {11};
    EXPECT_OK(child_start_at(&child, count_for_ever, ten, 20, &low));
    (void)thread_sleep(test_soon(2 * TEST_MS));
    EXPECT(board->word[10] > 0);
    EXPECT_OK(child_start_at(&child, count_for_ever, eleven, 21, &high));
    (void)thread_sleep(test_soon(TEST_MS));
    const uint64_t before = board->word[10];
    (void)thread_sleep(test_soon(50 * TEST_MS));
    EXPECT_IS(board->word[10], before);
    EXPECT(board->word[11] > 0);
    EXPECT_OK(thread_set_priority(low, 22));
    const uint64_t then = board->word[11];
    (void)thread_sleep(test_soon(20 * TEST_MS));
    EXPECT_IS(board->word[11], then);
    EXPECT(board->word[10] > before);
    EXPECT_OK(thread_destroy(low));
    (void)thread_sleep(test_soon(5 * TEST_MS));
    EXPECT(board->word[11] > then);
}

static void signal_and_count(const struct birth *birth)
{
    for (unsigned i = 0; i < 100; i++) {
        (void)event_signal(birth->argument[0], 1);
        birth->board->word[1]++;
    }
}

/* Who is woken and more urgent runs before the waker's next instruction. */
static void waking_switches_at_once(void)
{
    struct board *board = board_get();
    struct child child;
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&child, event, RIGHT_SIGNAL, 0)};
    EXPECT_OK(child_start(&child, signal_and_count, argument));
    for (unsigned i = 0; i < 100; i++) {
        EXPECT_OK(event_wait(event, test_soon(TEST_S)));
        word = 0;
        EXPECT_IS(board->word[1], i);
    }
}

static void priority_is_bounded_by_the_domain(void)
{
    const struct child_needs needs = {.highest_priority = 30};
    struct child child;
    handle_t thread = 0;

    EXPECT_OK(child_make(&needs, &child));
    EXPECT_IS(thread_create(child.domain, 0, 0, 0, 31, &thread), STATUS_BAD_ARGUMENT);
    EXPECT_OK(child_start_at(&child, count_for_ever, NULL, 30, &thread));
    EXPECT_IS(thread_set_priority(thread, 31), STATUS_BAD_ARGUMENT);
    EXPECT_OK(thread_set_priority(thread, 0));
    board_get()->word[2] = 1;
}

/* ---- interrupts ---- */

static void interrupt_has_one_owner(void)
{
    handle_t first = 0, second = 0, event = 0;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(interrupt_create(test_factory(), 120, 0, &first));
    EXPECT_IS(interrupt_create(test_factory(), 120, 0, &second), STATUS_BUSY);
    EXPECT_OK(interrupt_bind(first, event, 1));
    EXPECT_OK(interrupt_bind(first, event, 2));
    EXPECT_OK(interrupt_ack(first));
    EXPECT_OK(handle_close(first));
    EXPECT_OK(interrupt_create(test_factory(), 120, INTERRUPT_EDGE, &second));
}

/* ---- what is bound to an event stays when a handle to it is revoked ---- */

static void bind_all(const struct birth *birth)
{
    struct board *board = birth->board;
    const handle_t event = birth->argument[0];
    handle_t clock = 0;

    board->word[1] = clock_create(event, 0xf0, &clock);
    board->word[2] = domain_watch(birth->argument[1], event, 0xf00);
    board->word[3] = log_watch(event, 0xf000);
    board->word[4] = event_wait(event, time_here_ns() + TEST_MS); /* that it may */
}

static void who_is_lent_an_event_binds_nothing_to_it(void)
{
    struct board *board = board_get();
    struct child child;
    handle_t event = 0, lent = 0;

    word = 0;
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(domain_give(child.domain, event, RIGHT_WAIT | RIGHT_SIGNAL, 1, &lent));
    const uint64_t argument[BIRTH_ARGUMENTS] = {lent,
                                                child_give(&child, child.domain, RIGHT_ALL, 0)};
    EXPECT_OK(child_start(&child, bind_all, argument));
    EXPECT_IS(child_wait_long(&child), CHILD_DONE);
    for (unsigned i = 1; i <= 3; i++)
        EXPECT_IS(board->word[i], STATUS_NO_RIGHT);
    EXPECT_IS(board->word[4], STATUS_TIMED_OUT);
    EXPECT_IS(word, 0);
}

/* ---- watching the log ---- */

static void watch_the_log(const struct birth *birth)
{
    handle_t segment = 0, event = 0;
    uaddr_t address;
    enum status s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("word"),
                                   &segment, &address);

    if (s == STATUS_OK)
        s = event_create(segment, 0, &event);
    if (s == STATUS_OK)
        s = log_watch(event, 1);
    birth->board->word[1] = s;
}

/* Who watches is in one place, though one before that has become free meanwhile. */
static void who_watches_the_log_again_changes_its_bits(void)
{
    struct child child;
    handle_t event = 0;

    EXPECT_IS(child_does(&child, watch_the_log, 0, 0, 0), CHILD_DONE);
    EXPECT_IS(board_get()->word[1], STATUS_OK);
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(log_watch(event, 1));
    child_destroy(&child);
    EXPECT_OK(log_watch(event, 2));
    word = 0;
    EXPECT_OK(log_write("watched\n", 8));
    EXPECT_IS(word, 2);
    EXPECT_OK(log_watch(event, 0));
}

/*
 * There are eight places, and a watch keeps neither one nor the event: another event that has its
 * memory next isn't told.
 */
static void a_watched_event_without_handles_makes_room(void)
{
    enum { ROUNDS = 20 };
    struct info_domain before, after;
    uint64_t next;

    word = 0;
    EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, &before, sizeof before, &next));
    for (unsigned i = 0; i < ROUNDS; i++) {
        handle_t watched = 0, unwatched = 0;
        EXPECT_OK(test_event(&word, &watched));
        EXPECT_OK(log_watch(watched, 1));
        EXPECT_OK(handle_close(watched));
        EXPECT_OK(test_event(&word, &unwatched));
    }
    EXPECT_OK(domain_info(0, INFO_DOMAIN, 0, &after, sizeof after, &next));
    EXPECT_IS(after.used.objects, before.used.objects + ROUNDS);
    EXPECT_OK(log_write("unwatched\n", 10));
    EXPECT_IS(word, 0);
}

static const struct test event_tests[] = {
    TEST(wait_ends_with_a_signal_or_in_time),
    TEST(only_one_may_wait),
    TEST(dead_waiter_makes_room),
    TEST(destroyed_waiter_makes_room),
    TEST(event_without_handles_lets_its_waiter_go),
    TEST(clocks_ring_in_order),
    TEST(many_timeouts_come_in_order),
    TEST(words_are_slept_on),
    TEST(no_other_domain_wakes_a_sleeper),
    TEST(many_sleepers_are_woken_a_few_at_a_time),
    TEST(equals_take_turns),
    TEST(more_urgent_goes_first),
    TEST(waking_switches_at_once),
    TEST(priority_is_bounded_by_the_domain),
    TEST(interrupt_has_one_owner),
    TEST(who_is_lent_an_event_binds_nothing_to_it),
    TEST(who_watches_the_log_again_changes_its_bits),
    TEST(a_watched_event_without_handles_makes_room),
};
TEST_GROUP(event);

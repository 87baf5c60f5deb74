/*
 * Locks: whoever holds what a more urgent thread is parked for is as urgent, for as long as that
 * lasts.  The kernel knows locks only by what a sleeper says, so it is told lies, too.
 */
#include "server.h"

#include "rt/mutex.h"

enum { LOW = 10, LESS_LOW = 12, MIDDLE = 20, HIGH = 30 };

/* What a holder works, in rounds of a loop; a few milliseconds on this clock. */
enum { WORK = 1000000 };

/* The middle one spins for so long if nobody stops it; far longer than all work together. */
#define SPIN_NS  (200 * TEST_MS)
#define BOUND_NS (20 * TEST_MS)

/* Board words. */
enum {
    STOP = 2,  /* the middle one */
    SPINS = 3, /* it has begun */
    GATE = 4,  /* holders may go on */
    FINISHERS = 5,
    LOCK = 6,      /* a struct mutex */
    WORD = 7,      /* what liars park on */
    TAKERS = 8,    /* of the lock, so far */
    STACK = 10,    /* + role: an address in its stack */
    HAS = 20,      /* + role: it has the lock, as the how-manieth */
    TOOK_NS = 30,  /* + role */
    FINISHED = 40, /* + role: as the how-manieth */
    STATUS = 50,   /* + role: of its call, and 1000 */
};

enum role { ROLE_LOW, ROLE_OTHER, ROLE_MIDDLE, ROLE_HIGH };

/* What a holder does, and words of a call. */
enum { DOES_ROLE, DOES_BOARD, DOES_WAIT, DOES_KEEP, DOES_CALL };

/* As the runtime does when a thread or a call begins: a mutex knows its holder by it. */
static void stack_name(struct board *board, uint64_t role)
{
    uint64_t here;

    __asm__ volatile("mov %0, sp\n\tmsr tpidr_el0, %0" : "=r"(here));
    board->word[STACK + role] = here;
}

static void hold(struct board *board, const uint64_t *does)
{
    const uint64_t role = does[DOES_ROLE];
    struct mutex *lock = (struct mutex *)(uintptr_t)&board->word[LOCK];

    stack_name(board, role);
    mutex_lock(lock);
    board->word[HAS + role] = ++board->word[TAKERS];
    if (does[DOES_CALL] != 0) {
        struct portal_message m = {.word = {role, syscall_word(board)}};
        board->word[STATUS + role] = 1000 + portal_call(does[DOES_CALL], &m);
    }
    for (unsigned i = 0; i < WORK; i++)
        __asm__ volatile("");
    while (does[DOES_WAIT] != 0 && board->word[GATE] == 0)
        continue;
    if (does[DOES_KEEP] == 0)
        mutex_unlock(lock);
}

static void finish(struct board *board, uint64_t role, nsec_t start)
{
    board->word[TOOK_NS + role] = time_here_ns() - start;
    board->word[FINISHED + role] = ++board->word[FINISHERS];
    (void)thread_sleep(time_here_ns() + 100 * TEST_S); /* to be looked at */
}

/* In a child: take the lock, work, give it back. */
static void hold_here(const struct birth *birth)
{
    const nsec_t start = time_here_ns();

    hold(birth->board, birth->argument);
    finish(birth->board, birth->argument[DOES_ROLE], start);
}

static void served_hold(uint64_t word[SERVED_WORDS])
{
    hold((struct board *)(uintptr_t)word[DOES_BOARD], word);
}

/* In a server that others hold a lock of: hold a stack. */
static void served_work_long(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[DOES_BOARD];

    board->word[HAS + word[DOES_ROLE]] = 1;
    for (unsigned i = 0; i < WORK; i++)
        __asm__ volatile("");
}

/* In a client: have argument[5] do it, until argument[6]. */
static void hold_there(const struct birth *birth)
{
    const uint64_t *does = birth->argument;
    struct board *board = birth->board;
    struct portal_message m = {.word = {does[0], syscall_word(board), does[2], does[3], does[4]}};
    const nsec_t start = time_here_ns();

    board->word[STATUS + does[DOES_ROLE]] = 1000 + portal_call_with(does[5], &m, does[6]);
    finish(board, does[DOES_ROLE], start);
}

static void spin(const struct birth *birth)
{
    const nsec_t end = time_here_ns() + SPIN_NS;

    birth->board->word[SPINS] = 1;
    while (birth->board->word[STOP] == 0 && time_here_ns() < end)
        continue;
}

/* The child's `index`th thread. */
static struct info_thread thread_at(const struct child *child, unsigned index)
{
    struct info_thread record = {0};
    uint64_t id = 0;

    for (unsigned i = 0; i <= index; i++)
        if (domain_info(child->domain, INFO_THREADS, id, &record, sizeof record, &id) != STATUS_OK)
            test_fail(__FILE__, __LINE__, "thread_at", i, index);
    return record;
}

static uint32_t priority_at(const struct child *child, unsigned index)
{
    return thread_at(child, index).priority;
}

static bool is_parked_soon(const struct child *child, unsigned index)
{
    for (unsigned i = 0; i < 4000; i++) {
        if (thread_at(child, index).state == THREAD_STATE_PARKED)
            return true;
        (void)thread_sleep(test_soon(TEST_MS / 20));
    }
    return false;
}

static bool becomes(const struct child *child, unsigned index, uint32_t priority)
{
    for (unsigned i = 0; i < 4000 && priority_at(child, index) != priority; i++)
        (void)thread_sleep(test_soon(TEST_MS / 20));
    return priority_at(child, index) == priority;
}

/* The next thread of a child. */
static handle_t thread_add(struct child *child, child_function *run, uint32_t priority,
                           uint64_t role, uint64_t waits, uint64_t portal)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        [DOES_ROLE] = role, [DOES_WAIT] = waits, [DOES_CALL] = portal};
    handle_t thread = 0;
    const enum status s = child_start_at(child, run, argument, priority, &thread);

    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "thread_add", s, STATUS_OK);
    return thread;
}

/* A child whose first thread holds the lock. */
static bool low_holds(struct child *child, bool waits)
{
    if (child_make(&(struct child_needs){0}, child) != STATUS_OK)
        return false;
    child->thread = thread_add(child, hold_here, LOW, ROLE_LOW, waits, 0);
    return board_reaches(HAS + ROLE_LOW, 1);
}

/* The classical case, of three threads. */
static void holder_of_a_lock_is_as_urgent_as_who_waits_for_it(void)
{
    struct board *board = board_get();
    struct child child;

    EXPECT(low_holds(&child, false));
    EXPECT(thread_add(&child, spin, MIDDLE, ROLE_MIDDLE, 0, 0) != 0);
    EXPECT(board_reaches(SPINS, 1));
    (void)thread_sleep(test_soon(5 * TEST_MS));
    EXPECT_IS(board->word[FINISHERS], 0); /* the low one does starve */
    EXPECT(thread_add(&child, hold_here, HIGH, ROLE_HIGH, 0, 0) != 0);
    EXPECT(is_parked_soon(&child, 2));
    EXPECT(becomes(&child, 0, HIGH));
    EXPECT_IS(thread_at(&child, 0).base_priority, LOW);
    EXPECT(board_reaches(FINISHED + ROLE_HIGH, 1));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    /* It has given the lock back, and may not go on before the middle one ends. */
    EXPECT(becomes(&child, 0, LOW));
    EXPECT_IS(board->word[FINISHERS], 1);
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    EXPECT(board_reaches(FINISHED + ROLE_LOW, 2));
}

static bool caller_start(struct child *child, const struct server *server, uint32_t priority,
                         const uint64_t does[5], nsec_t deadline_ns)
{
    if (child_make(&(struct child_needs){0}, child) != STATUS_OK)
        return false;
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        does[0],    does[1], does[2],
        does[3],    does[4], child_give(child, server->portal, RIGHT_CALL, 0),
        deadline_ns};
    return child_start_at(child, hold_there, argument, priority, &child->thread) == STATUS_OK;
}

/* Both are visitors of the domain that has the lock. */
static void visitor_that_holds_a_lock_inherits_inside(void)
{
    struct board *board = board_get();
    struct server server;
    struct child low, middle, high;

    EXPECT(server_make(&(struct child_needs){0}, served_hold, 2, &server));
    EXPECT(caller_start(&low, &server, LOW, (const uint64_t[5]){ROLE_LOW}, DEADLINE_NEVER));
    EXPECT(board_reaches(HAS + ROLE_LOW, 1));
    EXPECT_OK(child_make(&(struct child_needs){0}, &middle));
    EXPECT(thread_add(&middle, spin, MIDDLE, ROLE_MIDDLE, 0, 0) != 0);
    EXPECT(board_reaches(SPINS, 1));
    EXPECT(caller_start(&high, &server, HIGH, (const uint64_t[5]){ROLE_HIGH}, DEADLINE_NEVER));
    EXPECT(is_parked_soon(&high, 0));
    EXPECT(becomes(&low, 0, HIGH));
    EXPECT(board_reaches(FINISHED + ROLE_HIGH, 1));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    EXPECT(becomes(&low, 0, LOW));
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    EXPECT(board_reaches(FINISHED + ROLE_LOW, 2));
    EXPECT_IS(board->word[STATUS + ROLE_LOW], 1000 + STATUS_OK);
    EXPECT_IS(board->word[STATUS + ROLE_HIGH], 1000 + STATUS_OK);
}

/* A server can't make its caller urgent for longer than the call takes. */
static void loan_ends_when_its_holder_goes_home(void)
{
    struct board *board = board_get();
    struct server server;
    struct child low, high;
    const nsec_t deadline = test_soon(300 * TEST_MS);

    EXPECT(server_make(&(struct child_needs){0}, served_hold, 2, &server));
    EXPECT(caller_start(&low, &server, LOW,
                        (const uint64_t[5]){ROLE_LOW, [DOES_WAIT] = 1, [DOES_KEEP] = 1},
                        DEADLINE_NEVER));
    EXPECT(board_reaches(HAS + ROLE_LOW, 1));
    EXPECT(caller_start(&high, &server, HIGH, (const uint64_t[5]){ROLE_HIGH}, deadline));
    EXPECT(is_parked_soon(&high, 0));
    EXPECT(becomes(&low, 0, HIGH));
    board->word[GATE] = 1;
    EXPECT(board_reaches(FINISHED + ROLE_LOW, 1));
    EXPECT(becomes(&low, 0, LOW));
    EXPECT_IS(thread_at(&high, 0).state, THREAD_STATE_PARKED);
    (void)thread_sleep(deadline);
    EXPECT(board_reaches(FINISHED + ROLE_HIGH, 2));
    EXPECT_IS(board->word[STATUS + ROLE_HIGH], 1000 + STATUS_TIMED_OUT);
}

static void loan_ends_with_either_side(void)
{
    struct board *board = board_get();
    struct child child;

    EXPECT(low_holds(&child, true));
    const handle_t first = thread_add(&child, hold_here, HIGH, ROLE_HIGH, 0, 0);
    EXPECT(is_parked_soon(&child, 1));
    EXPECT(becomes(&child, 0, HIGH));
    EXPECT_OK(thread_set_priority(first, LESS_LOW));
    EXPECT(becomes(&child, 0, LESS_LOW));
    EXPECT_OK(thread_set_priority(first, HIGH));
    EXPECT_OK(thread_destroy(first));
    EXPECT(becomes(&child, 0, LOW));

    /* The holder: who waits goes on waiting, and can end. */
    const handle_t second = thread_add(&child, hold_here, HIGH, ROLE_HIGH, 0, 0);
    EXPECT(is_parked_soon(&child, 1));
    EXPECT(becomes(&child, 0, HIGH));
    EXPECT_OK(thread_destroy(child.thread));
    for (unsigned i = 0; i < 4000 && thread_at(&child, 0).base_priority == LOW; i++)
        (void)thread_sleep(test_soon(TEST_MS / 20));
    EXPECT_IS(thread_at(&child, 0).state, THREAD_STATE_PARKED);
    EXPECT_OK(thread_set_priority(second, LESS_LOW));
    EXPECT_OK(thread_destroy(second));
    EXPECT_IS(board->word[FINISHERS], 0);
}

/* low is in a portal; other waits for its stack, and holds the lock that high waits for. */
static void inheritance_goes_through_locks_and_portals(void)
{
    struct board *board = board_get();
    struct server server;
    struct child low, home;

    EXPECT(server_make(&(struct child_needs){0}, served_work_long, 1, &server));
    EXPECT(caller_start(&low, &server, LOW, (const uint64_t[5]){ROLE_LOW}, DEADLINE_NEVER));
    EXPECT(board_reaches(HAS + ROLE_LOW, 1));
    EXPECT_OK(child_make(&(struct child_needs){0}, &home));
    const handle_t portal = child_give(&home, server.portal, RIGHT_CALL, 0);
    EXPECT(thread_add(&home, hold_here, LESS_LOW, ROLE_OTHER, 0, portal) != 0);
    for (unsigned i = 0; i < 4000 && thread_at(&home, 0).state != THREAD_STATE_WAITING_PORTAL; i++)
        (void)thread_sleep(test_soon(TEST_MS / 20));
    EXPECT(becomes(&low, 0, LESS_LOW));
    EXPECT(thread_add(&home, spin, MIDDLE, ROLE_MIDDLE, 0, 0) != 0);
    EXPECT(thread_add(&home, hold_here, HIGH, ROLE_HIGH, 0, 0) != 0);
    EXPECT(is_parked_soon(&home, 2));
    EXPECT(becomes(&home, 0, HIGH));
    EXPECT(becomes(&low, 0, HIGH));
    EXPECT(board_reaches(FINISHED + ROLE_HIGH, 1));
    EXPECT(board->word[TOOK_NS + ROLE_HIGH] < BOUND_NS);
    EXPECT(becomes(&home, 0, LESS_LOW));
    EXPECT(becomes(&low, 0, LOW));
    EXPECT_IS(board->word[STOP], 0);
    board->word[STOP] = 1;
    EXPECT(board_reaches(FINISHERS, 3));
}

static void most_urgent_sleeper_wakes_first(void)
{
    struct board *board = board_get();
    struct child child;

    EXPECT(low_holds(&child, true));
    EXPECT(thread_add(&child, hold_here, LESS_LOW, ROLE_OTHER, 0, 0) != 0);
    EXPECT(is_parked_soon(&child, 1));
    const handle_t middle = thread_add(&child, hold_here, LESS_LOW, ROLE_MIDDLE, 0, 0);
    EXPECT(is_parked_soon(&child, 2));
    EXPECT(thread_add(&child, hold_here, HIGH, ROLE_HIGH, 0, 0) != 0);
    EXPECT(is_parked_soon(&child, 3));
    EXPECT_OK(thread_set_priority(middle, MIDDLE));
    board->word[GATE] = 1;
    EXPECT(board_reaches(FINISHERS, 4));
    EXPECT_IS(board->word[HAS + ROLE_HIGH], 2);
    EXPECT_IS(board->word[HAS + ROLE_MIDDLE], 3);
    EXPECT_IS(board->word[HAS + ROLE_OTHER], 4);
}

/* Arguments: role, role of the one that it says it waits for, or an address. */
static void lie(const struct birth *birth)
{
    struct board *board = birth->board;
    const uint64_t whom = birth->argument[1];

    stack_name(board, birth->argument[0]);
    while (whom < FINISHED && board->word[STACK + whom] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 20);
    while (thread_park_for((_Atomic uint32_t *)(uintptr_t)&board->word[WORD], 0, DEADLINE_NEVER,
                           whom < FINISHED ? board->word[STACK + whom] : whom)
           == STATUS_WOULD_BLOCK)
        continue; /* interrupted while it looked */
    finish(board, birth->argument[0], 0);
}

static bool liar_start(struct child *child, uint32_t priority, uint64_t role, uint64_t whom)
{
    handle_t thread = 0;
    const uint64_t argument[BIRTH_ARGUMENTS] = {role, whom};

    return child_start_at(child, lie, argument, priority, &thread) == STATUS_OK;
}

/* Arguments: word, how many. */
static void unpark(const struct birth *birth)
{
    (void)thread_unpark((_Atomic uint32_t *)(uintptr_t)birth->argument[0],
                        (uint32_t)birth->argument[1]);
}

/* Two that wait for each other stay at what they inherited, and lose it when they wake. */
static void ring_of_sleepers_breaks_when_one_wakes(void)
{
    struct board *board = board_get();
    struct child child;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT(liar_start(&child, LOW, ROLE_LOW, ROLE_OTHER));
    EXPECT(liar_start(&child, LESS_LOW, ROLE_OTHER, ROLE_LOW));
    EXPECT(is_parked_soon(&child, 0));
    EXPECT(is_parked_soon(&child, 1));
    EXPECT(becomes(&child, 0, LESS_LOW));
    EXPECT(liar_start(&child, HIGH, ROLE_HIGH, ROLE_LOW));
    EXPECT(is_parked_soon(&child, 2));
    EXPECT(becomes(&child, 0, HIGH));
    EXPECT(becomes(&child, 1, HIGH));
    EXPECT(liar_start(&child, MIDDLE, ROLE_MIDDLE, ROLE_MIDDLE)); /* for itself */
    EXPECT(is_parked_soon(&child, 3));
    board->word[WORD] = 1;
    const uint64_t argument[BIRTH_ARGUMENTS] = {syscall_word(&board->word[WORD]), 10};
    handle_t thread = 0;
    EXPECT_OK(child_start_at(&child, unpark, argument, HIGH, &thread));
    EXPECT(board_reaches(FINISHERS, 4));
    EXPECT(becomes(&child, 0, LOW));
    EXPECT(becomes(&child, 1, LESS_LOW));
    EXPECT(becomes(&child, 2, HIGH));
    EXPECT(becomes(&child, 3, MIDDLE));
}

/* Who wakes one has given back what all waited for. */
static void loans_end_with_the_first_who_is_woken(void)
{
    struct board *board = board_get();
    struct child child;
    handle_t thread = 0;
    const uint64_t argument[BIRTH_ARGUMENTS] = {syscall_word(&board->word[WORD]), 1};

    EXPECT(low_holds(&child, true));
    EXPECT(liar_start(&child, MIDDLE, ROLE_MIDDLE, ROLE_LOW));
    EXPECT(is_parked_soon(&child, 1));
    EXPECT(liar_start(&child, HIGH, ROLE_HIGH, ROLE_LOW));
    EXPECT(is_parked_soon(&child, 2));
    EXPECT(becomes(&child, 0, HIGH));
    EXPECT_OK(child_start_at(&child, unpark, argument, HIGH + 1, &thread));
    EXPECT(board_reaches(FINISHED + ROLE_HIGH, 1));
    EXPECT(becomes(&child, 0, LOW));
    EXPECT_IS(thread_at(&child, 1).state, THREAD_STATE_PARKED);
}

/* Whom it says it waits for is looked for in its own domain. */
static void nobody_lends_to_another_domain(void)
{
    static const uint64_t nowhere[] = {UINT64_MAX, UINT64_C(0xffffffff80000000), FINISHED,
                                       UINT64_C(1) << 47};
    struct child child, other;

    EXPECT_OK(child_make(&(struct child_needs){0}, &other));
    EXPECT(liar_start(&other, LOW, ROLE_OTHER, ROLE_OTHER));
    EXPECT(is_parked_soon(&other, 0));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT(liar_start(&child, HIGH, ROLE_HIGH, ROLE_OTHER));
    EXPECT(is_parked_soon(&child, 0));
    EXPECT(becomes(&other, 0, LOW));
    for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        EXPECT(liar_start(&child, HIGH, ROLE_MIDDLE, nowhere[i]));
        EXPECT(is_parked_soon(&child, 1 + i));
    }
    EXPECT(becomes(&other, 0, LOW));
}

static const struct test lock_tests[] = {
    TEST(holder_of_a_lock_is_as_urgent_as_who_waits_for_it),
    TEST(visitor_that_holds_a_lock_inherits_inside),
    TEST(loan_ends_when_its_holder_goes_home),
    TEST(loan_ends_with_either_side),
    TEST(inheritance_goes_through_locks_and_portals),
    TEST(most_urgent_sleeper_wakes_first),
    TEST(ring_of_sleepers_breaks_when_one_wakes),
    TEST(loans_end_with_the_first_who_is_woken),
    TEST(nobody_lends_to_another_domain),
};
TEST_GROUP(lock);

/*
 * Many CPUs: threads run where they may and nowhere else, take with them what is theirs, and what
 * one CPU takes away is gone on all.  With one CPU most of this is true for lack of others.
 */
#include "server.h"

enum {
    READY = 1, /* board words */
    COUNT = 2, /* first of a few */
    STOP = 20,
    WRONG = 21,
    CPUS = 4,
    CALLS = 500,
    MOVES = 200,
    MESSAGES = 1000000,
    RING_HEAD = 100,
    RING_TAIL = 110, /* not in the cache line of the other */
    RING_SLOTS = 128,
};

static unsigned cpus_online(void)
{
    struct info_machine machine;
    uint64_t next;

    if (system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next) != STATUS_OK)
        return 1;
    return machine.cpu_online < CPUS ? machine.cpu_online : CPUS;
}

/* Where the first thread of the child is; UINT32_MAX if that can't be found out. */
static uint32_t cpu_of(const struct child *child)
{
    struct info_thread record;
    uint64_t next;

    if (domain_info(child->domain, INFO_THREADS, 0, &record, sizeof record, &next) != STATUS_OK)
        return UINT32_MAX;
    return record.cpu;
}

/* Arguments: CPU, its count. */
static void spin_on(const struct birth *birth)
{
    if (thread_set_affinity(0, UINT64_C(1) << birth->argument[0]) != STATUS_OK)
        return;
    while (birth->board->word[STOP] == 0)
        birth->board->word[birth->argument[1]]++;
}

static bool spinner_start(struct child *child, uint64_t cpu)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {cpu, COUNT + cpu};

    return child_make(&(struct child_needs){0}, child) == STATUS_OK
           && child_start(child, spin_on, argument) == STATUS_OK;
}

static void affinity_is_obeyed(void)
{
    static struct child child[CPUS];
    struct board *board = board_get();
    const unsigned cpus = cpus_online();

    for (unsigned i = 0; i < cpus; i++)
        EXPECT(spinner_start(&child[i], i));
    for (unsigned round = 0; round < 20; round++) {
        (void)thread_sleep(test_soon(2 * TEST_MS));
        for (unsigned i = 0; i < cpus && round > 2; i++)
            EXPECT_IS(cpu_of(&child[i]), i);
    }
    for (unsigned i = 0; i < cpus; i++)
        EXPECT(board->word[COUNT + i] > 0);
    board->word[STOP] = 1;
    for (unsigned i = 0; i < cpus; i++)
        EXPECT_IS(child_wait(&child[i]), CHILD_DONE);
}

/* A running thread is sent on by another. */
static void running_thread_is_moved(void)
{
    struct board *board = board_get();
    struct child child;
    const unsigned cpus = cpus_online();

    EXPECT(spinner_start(&child, 0));
    for (unsigned round = 0; round < 50; round++) {
        EXPECT_OK(thread_set_affinity(child.thread, UINT64_C(1) << round % cpus));
        const uint64_t before = board->word[COUNT];
        for (unsigned i = 0; i < 1000 && board->word[COUNT] == before; i++)
            (void)thread_sleep(test_soon(TEST_MS / 4));
        EXPECT(board->word[COUNT] != before);
        EXPECT_IS(cpu_of(&child), round % cpus);
    }
    board->word[STOP] = 1;
    EXPECT_IS(child_wait(&child), CHILD_DONE);
}

/* Argument: CPUs.  From one to the next, with values in registers of every kind. */
static void wander(const struct birth *birth)
{
    for (uint64_t i = 0; i < MOVES; i++) {
        uint64_t low, high, local;
        __asm__ volatile(".arch_extension fp\n\tfmov d8, %0\n\tfmov d31, %1\n\tmsr tpidr_el0, %0"
                         :
                         : "r"(i * 3 + 1), "r"(~i)
                         : "v8", "v31");
        if (thread_set_affinity(0, UINT64_C(1) << i % birth->argument[0]) != STATUS_OK)
            birth->board->word[WRONG]++;
        __asm__ volatile(".arch_extension fp\n\tfmov %0, d8\n\tfmov %1, d31\n\tmrs %2, tpidr_el0"
                         : "=r"(low), "=r"(high), "=r"(local));
        if (low != i * 3 + 1 || high != ~i || local != i * 3 + 1)
            birth->board->word[WRONG]++;
        birth->board->word[COUNT]++;
    }
}

static void registers_move_with_their_thread(void)
{
    struct child child[2];
    const uint64_t argument[BIRTH_ARGUMENTS] = {cpus_online()};

    for (unsigned i = 0; i < 2; i++) {
        EXPECT_OK(child_make(&(struct child_needs){0}, &child[i]));
        EXPECT_OK(child_start(&child[i], wander, argument));
    }
    for (unsigned i = 0; i < 2; i++)
        EXPECT_IS(child_wait(&child[i]), CHILD_DONE);
    EXPECT_IS(board_get()->word[COUNT], 2 * MOVES);
    EXPECT_IS(board_get()->word[WRONG], 0);
}

/* Arguments: address.  Writes until that is forbidden. */
static void hammer(const struct birth *birth)
{
    volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)birth->argument[0];

    birth->board->word[READY] = 1;
    for (;;)
        (*word)++;
}

static void revoked_memory_is_out_of_reach_at_once(void)
{
    struct board *board = board_get();

    for (unsigned round = 0; round < 20; round++) {
        struct child child;
        handle_t segment = 0;
        uaddr_t address = 0;
        EXPECT_OK(probe_make(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address));
        const volatile uint64_t *word = (const volatile uint64_t *)(uintptr_t)address;
        const uint64_t argument[BIRTH_ARGUMENTS] = {address};
        board->word[READY] = 0;
        EXPECT_OK(child_make(&(struct child_needs){0}, &child));
        EXPECT_OK(segment_grant(segment, child.domain, RIGHT_READ | RIGHT_WRITE));
        EXPECT_OK(child_start(&child, hammer, argument));
        for (unsigned i = 0; i < 2000 && board->word[READY] == 0; i++)
            (void)thread_sleep(test_soon(TEST_MS / 4));
        EXPECT_IS(board->word[READY], 1);
        EXPECT_OK(segment_revoke(segment, child.domain));
        const uint64_t then = *word;
        EXPECT_IS(child_wait(&child), CHILD_STOPPED);
        EXPECT_IS(*word, then);
        EXPECT_IS(child_fault(&child).address, address);
        child_destroy(&child);
    }
}

/* Arguments: handle, its count. */
static void call_much(const struct birth *birth)
{
    for (uint64_t i = 0; i < CALLS; i++) {
        struct portal_message m = {.word = {i, 0, 0, 0, 0, 0, 0, 7}};
        if (portal_call(birth->argument[0], &m) != STATUS_OK || m.word[0] != i)
            birth->board->word[WRONG]++;
        birth->board->word[birth->argument[1]]++;
    }
}

static void calls_from_all_cpus_share_few_stacks(void)
{
    struct server server;
    static struct child child[CPUS];

    EXPECT(server_make(&(struct child_needs){0}, served_echo, 2, &server));
    for (uint64_t i = 0; i < CPUS; i++) {
        EXPECT_OK(child_make(&(struct child_needs){0}, &child[i]));
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            child_give(&child[i], server.portal, RIGHT_CALL, 0), COUNT + i};
        EXPECT_OK(child_start(&child[i], call_much, argument));
    }
    for (unsigned i = 0; i < CPUS; i++)
        EXPECT_IS(child_wait(&child[i]), CHILD_DONE);
    for (unsigned i = 0; i < CPUS; i++)
        EXPECT_IS(board_get()->word[COUNT + i], CALLS);
    EXPECT_IS(board_get()->word[WRONG], 0);
}

/* Arguments: handle, board; for ever. */
static void call_for_ever(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board)}};

    while (portal_call(birth->argument[0], &m) == STATUS_OK)
        birth->board->word[COUNT]++;
}

/* Callers inside of a server, servers that execute on other CPUs: each end is a clean one. */
static void domain_is_stopped_on_all_cpus(void)
{
    struct board *board = board_get();

    for (unsigned round = 0; round < 20; round++) {
        struct server server;
        static struct child child[CPUS];
        handle_t thread = 0;
        EXPECT(server_make(&(struct child_needs){0}, served_echo, 3, &server));
        for (uint64_t i = 0; i < CPUS; i++) {
            EXPECT_OK(child_make(&(struct child_needs){0}, &child[i]));
            const uint64_t argument[BIRTH_ARGUMENTS] = {
                child_give(&child[i], server.portal, RIGHT_CALL, 0)};
            EXPECT_OK(child_start_at(&child[i], call_for_ever, argument, 20, &thread));
        }
        const uint64_t before = board->word[COUNT];
        for (unsigned i = 0; i < 2000 && board->word[COUNT] < before + 20; i++)
            (void)thread_sleep(test_soon(TEST_MS / 4));
        EXPECT(board->word[COUNT] >= before + 20);
        if (round % 2 == 0)
            EXPECT_OK(domain_stop(server.child.domain));
        for (unsigned i = 0; i < CPUS; i++) {
            if (round % 2 == 0) {
                EXPECT_IS(child_wait(&child[i]), CHILD_DONE);
            } else {
                EXPECT_OK(domain_stop(child[i].domain));
            }
            child_destroy(&child[i]);
        }
        child_destroy(&server.child);
        EXPECT_OK(handle_close(server.portal));
        test_settle();
    }
}

/* A ring in the board: the sender at RING_HEAD, the receiver at RING_TAIL. */
static void ring_send(const struct birth *birth)
{
    struct board *board = birth->board;

    for (uint64_t i = 0; i < birth->argument[0]; i++) {
        while (i - atomic_load_explicit(&board->word[RING_TAIL], memory_order_acquire)
               >= BOARD_WORDS - RING_SLOTS)
            continue;
        atomic_store_explicit(&board->word[RING_SLOTS + i % (BOARD_WORDS - RING_SLOTS)], i * 7,
                              memory_order_relaxed);
        atomic_store_explicit(&board->word[RING_HEAD], i + 1, memory_order_release);
    }
}

static void ring_receive(const struct birth *birth)
{
    struct board *board = birth->board;

    for (uint64_t i = 0; i < birth->argument[0]; i++) {
        while (atomic_load_explicit(&board->word[RING_HEAD], memory_order_acquire) == i)
            continue;
        if (atomic_load_explicit(&board->word[RING_SLOTS + i % (BOARD_WORDS - RING_SLOTS)],
                                 memory_order_relaxed)
            != i * 7)
            board->word[WRONG]++;
        atomic_store_explicit(&board->word[RING_TAIL], i + 1, memory_order_release);
    }
}

static uint64_t switches_of(const struct child *child)
{
    return child_info(child).switches;
}

/* A million messages, and no more dispatches than it takes to begin; with one CPU, by turns. */
static void rings_between_cpus_need_no_kernel(void)
{
    struct board *board = board_get();
    struct child child[2];
    const bool is_apart = cpus_online() >= 3;
    const uint64_t argument[BIRTH_ARGUMENTS] = {is_apart ? MESSAGES : MESSAGES / 1000};

    for (unsigned i = 0; i < 2; i++) {
        EXPECT_OK(child_make(&(struct child_needs){0}, &child[i]));
        EXPECT_OK(child_start(&child[i], i == 0 ? ring_send : ring_receive, argument));
    }
    for (unsigned i = 0; i < 60000 && board->word[RING_TAIL] == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    const uint64_t before = switches_of(&child[0]) + switches_of(&child[1]);
    for (unsigned i = 0; i < 120000 && board->word[RING_TAIL] < argument[0]; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[RING_TAIL], argument[0]);
    EXPECT_IS(board->word[WRONG], 0);
    const uint64_t after = switches_of(&child[0]) + switches_of(&child[1]);
    if (is_apart)
        EXPECT(after - before <= 8);
}

static const struct test smp_tests[] = {
    TEST(affinity_is_obeyed),
    TEST(running_thread_is_moved),
    TEST(registers_move_with_their_thread),
    TEST(revoked_memory_is_out_of_reach_at_once),
    TEST(calls_from_all_cpus_share_few_stacks),
    TEST(domain_is_stopped_on_all_cpus),
    TEST(rings_between_cpus_need_no_kernel),
};
TEST_GROUP(smp);

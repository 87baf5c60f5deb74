/*
 * Many CPUs: threads run where they may and nowhere else, take with them what is theirs, and what
 * one CPU takes away is gone on all.  With one CPU most of this is true for lack of others.
 */
#include "server.h"

#include "rt/ring.h"

enum {
    READY = 1, /* board words */
    COUNT = 2, /* first of a few */
    STOP = 20,
    WRONG = 21,
    CPUS = 4,
    CALLS = 500,
    MOVES = 200,
    MESSAGES = 1000000,
    INSIDE = 22, /* of the portal: the one of low priority */
    GATE = 23,   /* whoever is inside may return */
    LOW_HOME = 24,
    HIGH_HOME = 25,
    LOW = 10, /* priorities */
    MIDDLE = 20,
    HIGH = 30,
    TAKEN = 100,   /* messages out of the ring */
    ENTRIES = 101, /* batches of them during which the kernel was entered */
    BELLS = 102,   /* that were asked for: at most before the other side was there */
    RING_CAPACITY = 128,
    RING_BATCH = 500,
    ENTRIES_MAX = 16, /* of 4,000 */
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
        for (unsigned i = 0; i < 1000 && cpu_of(&child) != round % cpus; i++)
            (void)thread_sleep(test_soon(TEST_MS / 4)); /* its CPU has been told */
        EXPECT_IS(cpu_of(&child), round % cpus);
        const uint64_t before = board->word[COUNT];
        for (unsigned i = 0; i < 1000 && board->word[COUNT] == before; i++)
            (void)thread_sleep(test_soon(TEST_MS / 4));
        EXPECT(board->word[COUNT] != before);
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

/* An exception takes the exclusive mark away, so a thread notices that the kernel was entered. */
static inline void mark_set(uint32_t *mark)
{
    uint32_t value;

    __asm__ volatile("ldxr %w0, [%1]" : "=r"(value) : "r"(mark) : "memory");
}

static inline bool mark_is_lost(uint32_t *mark)
{
    uint32_t failed;

    __asm__ volatile("stxr %w0, wzr, [%1]" : "=&r"(failed) : "r"(mark) : "memory");
    return failed != 0;
}

/* In a child: arguments how many messages, its own area, the peer's. */
static void ring_send(const struct birth *birth)
{
    struct ring_producer_area *own = (struct ring_producer_area *)(uintptr_t)birth->argument[1];
    struct board *board = birth->board;
    struct ring_producer ring;
    uint32_t mark;

    ring_producer_init(&ring, own, (const struct ring_consumer_area *)(uintptr_t)birth->argument[2],
                       (struct ring_message *)(own + 1), RING_CAPACITY);
    for (uint64_t sent = 0; sent < birth->argument[0];) {
        uint64_t bells = 0;
        mark_set(&mark);
        for (unsigned i = 0; i < RING_BATCH; i++, sent++) {
            while (!ring_put(&ring, &(struct ring_message){{sent, sent * 7, ~sent, 1}}))
                continue;
            bells += ring_publish(&ring);
        }
        board->word[ENTRIES] += mark_is_lost(&mark) ? 1 : 0;
        board->word[BELLS] += bells;
    }
}

/* Likewise. */
static void ring_receive(const struct birth *birth)
{
    const struct ring_producer_area *peer =
        (const struct ring_producer_area *)(uintptr_t)birth->argument[2];
    struct board *board = birth->board;
    struct ring_consumer ring;
    uint32_t mark;

    ring_consumer_init(&ring, (struct ring_consumer_area *)(uintptr_t)birth->argument[1], peer,
                       (const struct ring_message *)(peer + 1), RING_CAPACITY);
    for (uint64_t taken = 0; taken < birth->argument[0];) {
        bool is_wrong = false;
        uint64_t bells = 0;
        mark_set(&mark);
        for (unsigned i = 0; i < RING_BATCH; i++, taken++) {
            struct ring_message m;
            while (!ring_take(&ring, &m))
                continue;
            is_wrong |= m.word[0] != taken || m.word[1] != taken * 7 || m.word[2] != ~taken;
            bells += ring_release(&ring);
        }
        board->word[ENTRIES] += mark_is_lost(&mark) ? 1 : 0;
        board->word[WRONG] += is_wrong ? 1 : 0;
        board->word[BELLS] += bells;
        board->word[TAKEN] = taken;
    }
}

static uint64_t switches_of(const struct child *child)
{
    return child_info(child).switches;
}

/* Each side can write only its own area. */
static bool ring_ends_make(struct child child[2], uint64_t argument[2][BIRTH_ARGUMENTS])
{
    for (unsigned i = 0; i < 2; i++) {
        handle_t segment = 0;
        uaddr_t area = 0;
        if (probe_make(2 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &area) != STATUS_OK
            || segment_grant(segment, child[i].domain, RIGHT_READ | RIGHT_WRITE) != STATUS_OK
            || segment_grant(segment, child[1 - i].domain, RIGHT_READ) != STATUS_OK)
            return false;
        argument[i][1] = argument[1 - i][2] = area;
    }
    return true;
}

/*
 * A million messages, and no more kernel entries than it takes to begin, however they are called:
 * of so many batches on each side nearly none is interrupted.  With one CPU, by turns.
 */
static void rings_between_cpus_need_no_kernel(void)
{
    struct board *board = board_get();
    struct child child[2];
    const bool is_apart = cpus_online() >= 3;
    const uint64_t messages = is_apart ? MESSAGES : MESSAGES / 1000;
    uint64_t argument[2][BIRTH_ARGUMENTS] = {{messages}, {messages}};

    for (unsigned i = 0; i < 2; i++)
        EXPECT_OK(child_make(&(struct child_needs){0}, &child[i]));
    EXPECT(ring_ends_make(child, argument));
    for (unsigned i = 0; i < 2; i++)
        EXPECT_OK(child_start(&child[i], i == 0 ? ring_send : ring_receive, argument[i]));
    for (unsigned i = 0; i < 60000 && board->word[TAKEN] == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    const uint64_t before = switches_of(&child[0]) + switches_of(&child[1]);
    for (unsigned i = 0; i < 120000 && board->word[TAKEN] < messages; i++)
        (void)thread_sleep(test_soon(TEST_MS));
    EXPECT_IS(board->word[TAKEN], messages);
    EXPECT_IS(board->word[WRONG], 0);
    EXPECT(board->word[BELLS] <= 2);
    const uint64_t after = switches_of(&child[0]) + switches_of(&child[1]);
    if (is_apart) {
        EXPECT(after - before <= 8);
        EXPECT(board->word[ENTRIES] <= ENTRIES_MAX);
    }
}

static bool spinner_limit(struct child *child, nsec_t budget_ns, nsec_t period_ns)
{
    return spinner_start(child, 0)
           && thread_set_budget(child->thread, budget_ns, period_ns) == STATUS_OK;
}

static bool is_seen_at(const struct child *child, uint32_t priority)
{
    for (unsigned i = 0; i < 40000; i++) {
        if (child_thread(child).priority == priority)
            return true;
        (void)thread_sleep(test_soon(TEST_MS / 20));
    }
    return false;
}

/* It is one, wherever the thread runs: also if it is nowhere for long enough to use it up. */
static void budget_is_one_for_all_cpus(void)
{
    const nsec_t budget_ns = 20 * TEST_MS;
    struct child child;
    const unsigned cpus = cpus_online();
    bool is_used = false;

    EXPECT(spinner_limit(&child, budget_ns, 60 * TEST_S));
    for (unsigned i = 0; i < 1000 && !is_used; i++) {
        EXPECT_OK(thread_set_affinity(child.thread, UINT64_C(1) << i % cpus));
        (void)thread_sleep(test_soon(TEST_MS));
        is_used = child_thread(&child).has_used_budget != 0;
    }
    EXPECT(is_used);
    EXPECT(child_info(&child).cpu_time_ns >= budget_ns - TEST_MS / 10);
    EXPECT(child_info(&child).cpu_time_ns < 10 * budget_ns);
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_OK(thread_set_affinity(child.thread, UINT64_C(1) << i % cpus));
        EXPECT_IS(child_thread(&child).priority, 0);
    }
    /* Given to a thread that runs elsewhere: that CPU's timer has to look after it. */
    EXPECT_OK(thread_set_budget(child.thread, 500 * budget_ns, 60 * TEST_S));
    EXPECT_IS(child_thread(&child).priority, CHILD_PRIORITY);
    EXPECT_OK(thread_set_budget(child.thread, 2 * budget_ns, 60 * TEST_S));
    EXPECT(is_seen_at(&child, 0));
    board_get()->word[STOP] = 1;
    EXPECT_IS(child_wait(&child), CHILD_DONE);
}

/* Used up here, its next period begins there. */
static void budget_comes_back_on_another_cpu(void)
{
    struct child child;
    const unsigned cpus = cpus_online();

    EXPECT(spinner_limit(&child, TEST_MS, 10 * TEST_MS));
    for (unsigned round = 0; round < 40; round++) {
        EXPECT(is_seen_at(&child, 0));
        EXPECT_OK(thread_set_affinity(child.thread, UINT64_C(1) << round % cpus));
        EXPECT(is_seen_at(&child, CHILD_PRIORITY));
    }
    board_get()->word[STOP] = 1;
    EXPECT_IS(child_wait(&child), CHILD_DONE);
}

/* In the server. */
static void served_gate(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];

    board->word[INSIDE] = 1;
    while (board->word[GATE] == 0)
        continue;
}

/* Arguments: CPU, portal, what to say at home. */
static void call_on(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board)}};

    if (thread_set_affinity(0, UINT64_C(1) << birth->argument[0]) != STATUS_OK
        || portal_call(birth->argument[1], &m) != STATUS_OK)
        birth->board->word[WRONG]++;
    birth->board->word[birth->argument[2]] = 1;
}

static bool caller_start(struct child *child, const struct server *server, uint64_t cpu,
                         uint64_t home, uint32_t priority)
{
    if (child_make(&(struct child_needs){0}, child) != STATUS_OK)
        return false;
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        cpu, child_give(child, server->portal, RIGHT_CALL, 0), home};
    return child_start_at(child, call_on, argument, priority, &child->thread) == STATUS_OK;
}

/* The holder starves on one CPU until somebody urgent waits for it on another. */
static void holder_on_another_cpu_inherits(void)
{
    struct board *board = board_get();
    struct server server;
    struct child low, middle, high;
    const uint64_t last = cpus_online() - 1;
    const uint64_t spin[BIRTH_ARGUMENTS] = {last, COUNT};

    EXPECT(server_make(&(struct child_needs){0}, served_gate, 1, &server));
    EXPECT(caller_start(&low, &server, last, LOW_HOME, LOW));
    EXPECT(board_reaches(INSIDE, 1));
    EXPECT_OK(child_make(&(struct child_needs){0}, &middle));
    EXPECT_OK(child_start_at(&middle, spin_on, spin, MIDDLE, &middle.thread));
    for (unsigned i = 0; i < 8000 && board->word[COUNT] == 0; i++)
        (void)thread_sleep(test_soon(TEST_MS / 4));
    EXPECT(board->word[COUNT] > 0);
    board->word[GATE] = 1;
    (void)thread_sleep(test_soon(10 * TEST_MS));
    EXPECT_IS(board->word[LOW_HOME], 0);
    EXPECT(caller_start(&high, &server, 0, HIGH_HOME, HIGH));
    EXPECT(board_reaches(HIGH_HOME, 1));
    EXPECT_IS(board->word[LOW_HOME], 0); /* it is back, and has nothing to be urgent for */
    EXPECT_IS(child_thread(&low).priority, LOW);
    board->word[STOP] = 1;
    EXPECT_IS(child_wait(&low), CHILD_DONE);
    EXPECT_IS(board->word[WRONG], 0);
}

static const struct test smp_tests[] = {
    TEST(affinity_is_obeyed),
    TEST(running_thread_is_moved),
    TEST(registers_move_with_their_thread),
    TEST(revoked_memory_is_out_of_reach_at_once),
    TEST(calls_from_all_cpus_share_few_stacks),
    TEST(domain_is_stopped_on_all_cpus),
    TEST(rings_between_cpus_need_no_kernel),
    TEST(budget_is_one_for_all_cpus),
    TEST(budget_comes_back_on_another_cpu),
    TEST(holder_on_another_cpu_inherits),
};
TEST_GROUP(smp);

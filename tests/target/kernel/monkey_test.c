/*
 * Domains that make random calls with random words, many at once: the kernel and everybody else
 * live on, and nothing is left.
 *
 * Random means: numbers from a seed, so that a failure comes again.
 */
#include "server.h"

enum { MONKEYS = 4, CALLS = 6000, THREADS = 3 };

/* entry.S */
void portal_bounce(void) __attribute__((visibility("hidden")));

/* What an argument may be, beside plain random bits. */
enum kind {
    KIND_SMALL,
    KIND_HANDLE,
    KIND_OLD_HANDLE,
    KIND_ADDRESS,
    KIND_PAGES,
    KIND_RIGHTS,
    KIND_TIME,
    KIND_WILD,
    KIND_COUNT,
};

/* Everything a monkey needs lives on its stack and in its own page. */
struct monkey {
    uint64_t seed;
    uint64_t page; /* readable and writable */
    handle_t segment;
    bool is_reckless;     /* makes the calls that may end it, too */
    handle_t results[16]; /* what calls have given it */
    uint64_t result_next;
};

static inline uint64_t chance(struct monkey *m)
{
    uint64_t z = m->seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t word_of(struct monkey *m)
{
    const uint64_t r = chance(m);

    switch (chance(m) % KIND_COUNT) {
    case KIND_SMALL:
        return r % 70;
    case KIND_HANDLE:
        return UINT64_C(1) << 32 | r % 24;
    case KIND_OLD_HANDLE:
        return m->results[r % 16];
    case KIND_ADDRESS:
        return m->page + r % (2 * PAGE_BYTES);
    case KIND_PAGES:
        return (r % 40) * PAGE_BYTES;
    case KIND_RIGHTS:
        return r % (2 * RIGHT_ALL);
    case KIND_TIME:
        return time_here_ns() + r % (2 * TEST_MS);
    default:
        return r >> r % 64;
    }
}

/* Calls that would end the monkey, or make it sleep for ever, are left to other tests. */
static bool is_fun(const struct monkey *m, uint64_t number)
{
    if (m->is_reckless)
        return number != SYS_LOG_WRITE && number != SYS_LOG_WATCH;
    return number != SYS_THREAD_EXIT && number != SYS_DOMAIN_STOP && number != SYS_DOMAIN_DESTROY
           && number != SYS_LOG_WRITE && number != SYS_DOMAIN_NARROW_MASK
           && number != SYS_THREAD_SET_AFFINITY && number != SYS_THREAD_SET_PRIORITY
           && number != SYS_THREAD_DESTROY && number != SYS_SEGMENT_REVOKE
           && number != SYS_LOG_WATCH;
}

static void call_something(struct monkey *m)
{
    struct svc_words w = {{0}};
    const uint64_t number = chance(m) % (SYS_COUNT + 2);

    for (unsigned i = 0; i < 6; i++)
        w.word[i] = word_of(m);
    if (number == SYS_THREAD_SLEEP || number == SYS_EVENT_WAIT)
        w.word[number == SYS_EVENT_WAIT] = time_here_ns() + chance(m) % TEST_MS;
    if (number == SYS_THREAD_PARK)
        w.word[2] = time_here_ns() + chance(m) % TEST_MS;
    if (!m->is_reckless && number == SYS_THREAD_CREATE)
        w.word[0] = UINT64_MAX;
    if (number == SYS_PORTAL_CREATE) /* where a call that gets there comes back */
        w.word[0] = syscall_word((void *)(uintptr_t)portal_bounce);
    if (is_fun(m, number) && svc_8((enum syscall)number, &w) == STATUS_OK && w.word[1] != 0)
        m->results[m->result_next++ % 16] = w.word[1];
}

static void call_portal(struct monkey *m)
{
    struct portal_message message = {.word = {chance(m)}};

    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        message.handle[i] = chance(m) % 2 == 0 ? 0 : word_of(m) | (chance(m) % 2 << 63);
    if (portal_call_with(word_of(m), &message, time_here_ns() + TEST_MS) != STATUS_OK)
        return;
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (message.handle[i] != 0)
            m->results[m->result_next++ % 16] = message.handle[i];
}

static void play(const struct birth *birth)
{
    struct monkey monkey = {
        .seed = birth->argument[0], .page = birth->argument[1], .segment = birth->argument[2]};

    for (unsigned i = 0; i < CALLS; i++) {
        if (chance(&monkey) % 8 == 0)
            call_portal(&monkey);
        else
            call_something(&monkey);
    }
    birth->board->word[1]++;
}

/* A domain with memory, events, portals to play with, and threads that do. */
static bool monkey_make(struct child *child, uint64_t seed, const struct server *server,
                        bool is_reckless)
{
    const struct child_needs needs = {
        .quota = {.frames = 400, .handles = 100, .threads = 8, .objects = 60},
        .highest_priority = CHILD_PRIORITY};
    static uint64_t words[4];
    handle_t segment = 0, event = 0, thread = 0;
    uaddr_t address = 0;
    enum status s = child_make(&needs, child);

    if (s == STATUS_OK)
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("monkey"),
                           &segment, &address);
    if (s == STATUS_OK)
        s = segment_grant(segment, child->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = test_event(&words[seed % 4], &event);
    if (s != STATUS_OK)
        return false;
    (void)child_give(child, server->portal, RIGHT_ALL, 0);
    (void)child_give(child, server->portal, RIGHT_CALL | RIGHT_TRANSFER, seed);
    (void)child_give(child, child->domain, RIGHT_ALL, 0);
    (void)child_give(child, event, RIGHT_ALL, 0);
    for (unsigned i = 0; i < THREADS && s == STATUS_OK; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            seed * 1000 + i, address, child_give(child, segment, RIGHT_ALL, 0), is_reckless};
        s = child_start_at(child, play, argument, 10 + i, &thread);
    }
    return s == STATUS_OK;
}

static void monkeys_play(uint64_t seed, bool is_cut_short)
{
    struct board *board = board_get();
    struct server server;
    struct child monkey[MONKEYS];

    if (!server_make(&(struct child_needs){0}, served_echo, 2, &server))
        return;
    board->word[1] = 0;
    for (unsigned i = 0; i < MONKEYS; i++)
        EXPECT(monkey_make(&monkey[i], seed + i, &server, false));
    for (unsigned i = 0; i < 2000 && board->word[1] != MONKEYS * THREADS; i++) {
        (void)thread_sleep(test_soon(TEST_MS));
        if (is_cut_short && i == 20)
            break;
    }
    for (unsigned i = 0; i < MONKEYS; i++)
        EXPECT_IS(child_fault(&monkey[i]).reason, FAULT_NONE);
    if (!is_cut_short)
        EXPECT_IS(board->word[1], MONKEYS * THREADS);
    for (unsigned i = 0; i < MONKEYS; i++) {
        EXPECT_OK(domain_destroy(monkey[i].domain));
        const struct info_domain info = child_info(&monkey[i]);
        EXPECT_IS(info.used.frames | info.used.objects | info.used.threads, 0);
    }
    struct portal_message m = {.word = {5}};
    EXPECT_OK(portal_call(server.portal, &m));
    EXPECT_IS(m.word[0], 5);
}

static void random_calls_hurt_nobody(void)
{
    for (uint64_t seed = 1; seed < 5 && !test_has_failed(); seed++)
        monkeys_play(seed * 100, false);
}

static void random_calls_may_end_at_any_time(void)
{
    for (uint64_t seed = 1; seed < 9 && !test_has_failed(); seed++)
        monkeys_play(seed * 1000, true);
}

/* Most of them don't live long; the kernel and the server do. */
static void random_calls_without_restraint(void)
{
    struct server server;

    if (!server_make(&(struct child_needs){0}, served_echo, 2, &server))
        return;
    for (uint64_t seed = 1; seed < 60 && !test_has_failed(); seed++) {
        struct child monkey[MONKEYS];
        for (unsigned i = 0; i < MONKEYS; i++)
            EXPECT(monkey_make(&monkey[i], seed * 10 + i, &server, true));
        (void)thread_sleep(test_soon((1 + seed % 7) * TEST_MS));
        for (unsigned i = 0; i < MONKEYS; i++)
            child_destroy(&monkey[i]);
        struct portal_message m = {.word = {seed}};
        EXPECT_OK(portal_call(server.portal, &m));
        EXPECT_IS(m.word[0], seed);
    }
}

static const struct test monkey_tests[] = {
    TEST(random_calls_hurt_nobody),
    TEST(random_calls_may_end_at_any_time),
    TEST(random_calls_without_restraint),
};
TEST_GROUP(monkey);

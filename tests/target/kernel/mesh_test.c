/*
 * Servers that call each other at random, to any depth, with and without deadlines, and die in the
 * middle of it: of faults, by their own hand, by ours.  Every caller comes home.
 *
 * Two of them have one stack only.  Callers that each hold one and wait for the other wait until a
 * server dies, so we go on killing until all are home.
 */
#include "server.h"

enum {
    SERVERS = 5,
    CLIENTS = 4,
    CALLS = 400,
    KILLS_MAX = 5000,
    TABLE = 64,           /* board words: the handle of server j in the table of i */
    CLIENT_ROW = SERVERS, /* the clients' domain is one more row */
    ROW = 8,
    STATUS_COUNTS = 16,
    CALLS_DONE = 1,
};

static inline uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Call a server picked by `seed`; words: board, seed, row of the callee. */
static inline enum status call_somebody(struct board *board, uint64_t row, uint64_t seed)
{
    const uint64_t target = seed % SERVERS;
    struct portal_message m = {.word = {syscall_word(board), mix(seed), target}};
    const nsec_t deadline = seed % 3 == 0 ? time_here_ns() + (seed >> 20) % TEST_MS : 0;

    return portal_call_with(board->word[TABLE + row * ROW + target], &m, deadline);
}

/* In a server. */
static void served_wander(uint64_t word[SERVED_WORDS])
{
    struct board *board = (struct board *)(uintptr_t)word[0];
    const uint64_t seed = word[1], row = word[2];

    const uint64_t what = seed >> 32 & 255;

    if (what == 0)
        served_fault(word);
    if (what < 4)
        thread_exit();
    if (what < 12) {
        (void)thread_sleep(time_here_ns() + (seed >> 40) % TEST_MS);
    } else if (what < 20) {
        __asm__ volatile(".arch_extension fp\n\tfmov d8, #1.0" : : : "v8");
        thread_yield();
    } else if (what < 24) {
        (void)handle_close(board->word[TABLE + row * ROW + (seed >> 50) % SERVERS]);
    } else if (what < 160) {
        for (unsigned i = 0; i <= (seed >> 45) % 3; i++)
            (void)call_somebody(board, row, mix(seed + i));
    }
}

/* In the clients' domain: arguments seed, and where to say that it is done. */
static void wander(const struct birth *birth)
{
    for (unsigned i = 0; i < CALLS; i++) {
        const enum status s =
            call_somebody(birth->board, CLIENT_ROW, mix(birth->argument[0] * 1000 + i));
        birth->board->word[STATUS_COUNTS + s]++;
    }
    birth->board->word[CALLS_DONE]++;
}

static struct server servers[SERVERS];
static struct child client;

static void handle_spread(unsigned of, const struct child *to, unsigned row)
{
    handle_t h = 0;

    if (servers[of].portal == 0)
        return;
    if (domain_give(to->domain, servers[of].portal, RIGHT_CALL, 0, &h) == STATUS_OK)
        board_get()->word[TABLE + row * ROW + of] = h;
}

static bool server_renew(unsigned i)
{
    const struct child_needs needs = {.quota = {.handles = 200}};

    if (!server_make(&needs, served_wander, 1 + i % 3, &servers[i]))
        return false;
    for (unsigned k = 0; k < SERVERS; k++) {
        handle_spread(i, &servers[k].child, k);
        handle_spread(k, &servers[i].child, i);
    }
    handle_spread(i, &client, CLIENT_ROW);
    return true;
}

static void server_end(unsigned i, bool gently)
{
    enum status s = STATUS_OK;

    if (gently)
        s = domain_stop(servers[i].child.domain);
    s = handle_revoke(servers[i].portal);
    s = handle_close(servers[i].portal);
    servers[i].portal = 0;
    child_destroy(&servers[i].child);
    (void)s;
}

static void mesh_run(uint64_t seed)
{
    struct board *board = board_get();
    handle_t thread = 0;

    for (unsigned i = 0; i < SERVERS; i++)
        servers[i].portal = 0;
    EXPECT_OK(child_make(&(struct child_needs){0}, &client));
    client.done = 0; /* nobody waits for that, and its word may be another's by then */
    for (unsigned i = 0; i < SERVERS; i++)
        EXPECT(server_renew(i));
    for (uint64_t i = 0; i < CLIENTS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {seed * CLIENTS + i};
        EXPECT_OK(child_start_at(&client, wander, argument, 20 + (uint32_t)i % 2, &thread));
    }
    for (unsigned kill = 0; kill < KILLS_MAX && board->word[CALLS_DONE] != CLIENTS; kill++) {
        seed = mix(seed);
        (void)thread_sleep(test_soon(seed % TEST_MS));
        const unsigned victim = (unsigned)(seed >> 32) % SERVERS;
        server_end(victim, seed % 2 == 0);
        EXPECT(server_renew(victim));
    }
    if (board->word[CALLS_DONE] != CLIENTS)
        test_say_threads();
    EXPECT_IS(board->word[CALLS_DONE], CLIENTS);
    EXPECT_IS(child_info(&client).state, DOMAIN_STATE_RUNNING);
    EXPECT_IS(child_info(&client).faults, 0);
    EXPECT(board->word[STATUS_COUNTS + STATUS_OK] > 0);
    for (unsigned i = 0; i < SERVERS; i++)
        server_end(i, false);
    child_destroy(&client);
    board->word[CALLS_DONE] = 0;
}

static void every_caller_comes_home(void)
{
    struct info_machine machine = {.cpu_online = 1};
    uint64_t next;

    EXPECT_OK(system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next));
    /* On many CPUs no two runs are the same anyway, and the stress goes on where this ends. */
    const uint64_t rounds = machine.cpu_online > 1 ? 1 : 5;
    for (uint64_t seed = 1; seed <= rounds && !test_has_failed(); seed++)
        mesh_run(seed);
}

static const struct test mesh_tests[] = {
    TEST(every_caller_comes_home),
};
TEST_GROUP(mesh);

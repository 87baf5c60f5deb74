/*
 * Everything at once: portal calls of all kinds, grants and revokes, domains and threads that come
 * and go, messages, affinities; in servers that die all the time.  Afterwards every counter is
 * back, and the servers' stacks are all there.
 *
 * Who does what: workers (worker.c) in the domains of three crews, makers in this domain, two ends
 * of a ring, and this thread, which kills servers, makes new ones and watches everybody's steps.
 *
 * The kernel's command line may say how long, and from which seed: stress.ms=20000 stress.seed=7.
 */
#include "maker.h"

#include "rt/log.h"

#include <string.h>

#define RW ((rights_t)(RIGHT_READ | RIGHT_WRITE))

enum {
    MS_DEFAULT = 2000,
    KEEPER_STACKS = 3,
    SKIP_STACKS = 16, /* more than there are workers that may fault */
    FEW = 20,         /* of these, none may have gone well */
    HANG_S = 20,
    TALK_PRIORITY = 25,
};

static const char *const deed_names[DEED_COUNT] = {
    [DEED_CALL] = "calls",
    [DEED_NEST] = "nested calls",
    [DEED_PASS] = "handles passed",
    [DEED_DEADLINE] = "calls with deadline",
    [DEED_GRANT] = "grants",
    [DEED_SEGMENT] = "segments",
    [DEED_THREAD] = "threads",
    [DEED_KILL] = "threads killed",
    [DEED_AFFINITY] = "affinities",
    [DEED_PRIORITY] = "priorities",
    [DEED_BUDGET] = "budgets",
    [DEED_EVENT] = "events",
    [DEED_SIGNAL] = "signals",
    [DEED_PARK] = "parks",
    [DEED_YIELD] = "yields",
    [DEED_SLEEP] = "sleeps",
    [DEED_FP] = "FP registers",
    [DEED_FAULT] = "faults",
    [DEED_MESSAGE] = "messages",
    [DEED_DOMAIN] = "domains",
    [DEED_SERVER] = "servers killed",
};

static struct server servers[SERVERS];
static struct server keeper, skipper;
static struct child crews[CREWS];
static handle_t ring_event[2];
static uint64_t bell_word;

/* ---- setting up ---- */

static uint64_t cpus_online(void)
{
    struct info_machine machine;
    uint64_t next;

    if (system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next) != STATUS_OK)
        return 1;
    return (UINT64_C(2) << (machine.cpu_online - 1)) - 1;
}

static void handle_spread(const struct server *server, unsigned of, handle_t to, unsigned row)
{
    handle_t h = 0;

    if (server->portal != 0 && domain_give(to, server->portal, RIGHT_CALL, 0, &h) == STATUS_OK)
        field->row[row].portal[of] = h;
}

static bool server_renew(unsigned i)
{
    static const unsigned stacks[SERVERS] = {1, 2, 3, 1};
    const struct child_needs needs = {.quota = {.handles = 200}};

    if (!server_make(&needs, served_stress, stacks[i], &servers[i])
        || segment_grant(field_handle, servers[i].child.domain, RW) != STATUS_OK)
        return false;
    field->deed[DEED_SERVER].tried++;
    server_portal[i] = servers[i].portal;
    for (unsigned k = 0; k < SERVERS; k++) {
        handle_spread(&servers[i], i, servers[k].child.domain, k);
        handle_spread(&servers[k], k, servers[i].child.domain, i);
    }
    for (unsigned k = 0; k < CREWS; k++)
        handle_spread(&servers[i], i, crews[k].domain, ROW_CREW + k);
    return true;
}

static void server_end(unsigned i, unsigned how)
{
    enum status s = STATUS_OK;

    server_portal[i] = 0;
    if (how % 2 == 0)
        s = domain_stop(servers[i].child.domain);
    if (how % 3 != 0) /* else those derived from it stay, and name a dead one */
        s = handle_revoke(servers[i].portal);
    s = handle_close(servers[i].portal);
    servers[i].portal = 0;
    child_destroy(&servers[i].child);
    (void)s;
    field->deed[DEED_SERVER].well++;
}

static void crew_make(unsigned i, uint64_t seed)
{
    struct row *row = &field->row[ROW_CREW + i];
    handle_t thread = 0, event = 0;

    crews[i].done = 0; /* nobody waits for that, and its word may be another's by then */
    EXPECT_OK(segment_grant(field_handle, crews[i].domain, RW));
    row->field = child_give(&crews[i], field_handle, RIGHT_ALL, 0);
    row->peer = child_give(&crews[i], crews[(i + 1) % CREWS].domain, RIGHT_ALL, 0);
    EXPECT_OK(test_event(&bell_word, &event));
    row->bell = child_give(&crews[i], event, RIGHT_ALL, 0);
    EXPECT_OK(domain_set_fault_portal(crews[i].domain, skipper.portal));
    row->has_handler = 1;
    handle_spread(&keeper, KEEPER, crews[i].domain, ROW_CREW + i);
    for (unsigned k = 0; k < CREW; k++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            field_mix(seed + i * CREW + k), syscall_word(field), ROW_CREW + i, i * CREW + k};
        EXPECT_OK(child_start_at(&crews[i], work, argument, WORK_PRIORITY, &thread));
    }
}

static void ring_make(void)
{
    for (unsigned end = 0; end < 2; end++) {
        const uint64_t offset = field_offset(field, &field->ring_pending[end]);
        EXPECT_OK(event_create(field_handle, offset, &ring_event[end]));
    }
    for (unsigned end = 0; end < 2; end++) {
        handle_t thread = 0;
        const uint64_t argument[BIRTH_ARGUMENTS] = {
            syscall_word(field), child_give(&crews[end], ring_event[end], RIGHT_ALL, 0),
            child_give(&crews[end], ring_event[1 - end], RIGHT_ALL, 0)};
        EXPECT_OK(child_start_at(&crews[end], end == 0 ? talk : listen, argument, TALK_PRIORITY,
                                 &thread));
    }
}

static bool setting_make(uint64_t seed)
{
    handle_t segment = 0;
    uaddr_t address = 0;
    const uint64_t bytes = (sizeof(struct field) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

    if (probe_make(bytes, RW, &segment, &address) != STATUS_OK)
        return false;
    field = (struct field *)(uintptr_t)address;
    field_handle = segment;
    field->cpus = cpus_online();
    if (!server_make(&(struct child_needs){0}, served_keep, KEEPER_STACKS, &keeper)
        || !server_make(&(struct child_needs){0}, served_skip, SKIP_STACKS, &skipper)
        || segment_grant(segment, keeper.child.domain, RW) != STATUS_OK)
        return false;
    for (unsigned i = 0; i < CREWS; i++)
        if (child_make(&(struct child_needs){0}, &crews[i]) != STATUS_OK)
            return false;
    for (unsigned i = 0; i < SERVERS; i++)
        if (!server_renew(i))
            return false;
    for (unsigned i = 0; i < CREWS && !test_has_failed(); i++)
        crew_make(i, seed);
    if (!test_has_failed())
        ring_make();
    for (unsigned i = 0; i < MAKERS && !test_has_failed(); i++)
        maker_start(i, seed, crews[i % CREWS].domain, keeper.portal);
    return !test_has_failed();
}

/* ---- watching ---- */

static bool all_are_done(void)
{
    for (unsigned i = 0; i < SEATS; i++)
        if (field->seat[i].is_done == 0)
            return false;
    return true;
}

static void hang_say(unsigned seat)
{
    log_line("stress: seat %u does \"%s\" and gets no further; %llu steps", seat,
             deed_names[field->seat[seat].doing], (unsigned long long)field->seat[seat].steps);
    for (unsigned i = 0; i < SERVERS; i++)
        log_line("stress: server %u is domain %u", i, servers[i].child.id);
    test_say_threads();
}

/* Whether everybody who isn't done has made a step since the last look but HANG_S ago. */
static bool all_get_on(void)
{
    static uint64_t steps[SEATS];
    static nsec_t since[SEATS];
    const nsec_t now = time_here_ns();

    for (unsigned i = 0; i < SEATS; i++) {
        if (steps[i] != field->seat[i].steps || since[i] == 0 || field->seat[i].is_done != 0) {
            steps[i] = field->seat[i].steps;
            since[i] = now;
        }
        if (now - since[i] < HANG_S * TEST_S)
            continue;
        hang_say(i);
        return false;
    }
    return true;
}

static void kill_until(nsec_t end, uint64_t seed)
{
    while (time_here_ns() < end && !all_are_done()) {
        seed = field_mix(seed);
        (void)thread_sleep(time_here_ns() + seed % (8 * TEST_MS));
        const unsigned victim = (unsigned)(seed >> 32) % SERVERS;
        server_end(victim, (unsigned)(seed >> 40));
        EXPECT(server_renew(victim));
        EXPECT_IS(field->wrong, 0);
        EXPECT(all_get_on());
    }
}

/* ---- the end ---- */

static struct info_domain domain_now(void)
{
    struct info_domain record = {0};
    uint64_t next;

    if (domain_info(0, INFO_DOMAIN, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "domain", 0, 1);
    return record;
}

static struct info_memory memory_now(void)
{
    struct info_memory record = {0};
    uint64_t next;

    if (system_info(INFO_MEMORY, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "memory", 0, 1);
    return record;
}

/* As many calls as the keeper has stacks get in, and none is left behind. */
static void stacks_are_all_there(void)
{
    struct board *board = board_get();
    struct child caller;
    handle_t thread = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &caller));
    EXPECT_OK(segment_grant(field_handle, caller.domain, RW));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&caller, keeper.portal, RIGHT_CALL, 0),
                                                syscall_word(field)};
    board->word[1] = board->word[2] = 0;
    for (unsigned i = 0; i < KEEPER_STACKS; i++)
        EXPECT_OK(child_start_at(&caller, call_and_stay, argument, 20, &thread));
    for (unsigned i = 0; i < 2000 && board->word[1] < KEEPER_STACKS; i++)
        (void)thread_sleep(time_here_ns() + TEST_MS);
    if (board->word[1] < KEEPER_STACKS)
        test_say_threads();
    EXPECT_IS(child_fault(&keeper.child).reason, FAULT_NONE);
    EXPECT_IS(child_fault(&caller).reason, FAULT_NONE);
    EXPECT_IS(board->word[4], STATUS_OK);
    EXPECT_IS(board->word[1], KEEPER_STACKS);
    board->word[2] = 1;
    for (unsigned i = 0; i < 2000 && board->word[3] < KEEPER_STACKS; i++)
        (void)thread_sleep(time_here_ns() + TEST_MS);
    EXPECT_IS(board->word[3], KEEPER_STACKS);
    child_destroy(&caller);
}

static void crews_end(void)
{
    uint64_t faults = 0;

    for (unsigned i = 0; i < CREWS; i++)
        faults += child_info(&crews[i]).faults;
    EXPECT_IS(faults, field->deed[DEED_FAULT].well); /* nobody skips what he didn't mean to */
    for (unsigned i = 0; i < CREWS; i++) {
        EXPECT_IS(child_fault(&crews[i]).reason, FAULT_NONE);
        EXPECT_OK(domain_destroy(crews[i].domain));
        const struct info_domain info = child_info(&crews[i]);
        EXPECT_IS(info.used.frames | info.used.objects | info.used.threads, 0);
        EXPECT_IS(info.asid, 0);
        child_destroy(&crews[i]);
    }
}

static void counts_say(void)
{
    for (unsigned i = 0; i < DEED_COUNT; i++)
        log_line("stress: %-20s %10llu tried, %10llu well", deed_names[i],
                 (unsigned long long)field->deed[i].tried, (unsigned long long)field->deed[i].well);
}

static void everything_at_once_leaves_nothing(void)
{
    const uint64_t ms = test_option("stress.ms=", MS_DEFAULT);
    const uint64_t seed = test_option("stress.seed=", 1);
    const struct info_domain before = domain_now();
    const struct info_memory memory = memory_now();

    EXPECT(board_get() != NULL);
    EXPECT(setting_make(seed));
    kill_until(test_soon(ms * TEST_MS), seed);
    field->stop = 1;
    if (!test_has_failed())
        kill_until(test_soon(2 * HANG_S * TEST_S), seed + 1);
    counts_say();
    if (test_has_failed())
        return;
    EXPECT(all_are_done());
    for (unsigned i = 0; i < DEED_COUNT; i++)
        EXPECT(field->deed[i].well > 0 || field->deed[i].tried < FEW);
    EXPECT_IS(field->deed[DEED_MESSAGE].tried, field->deed[DEED_MESSAGE].well);
    stacks_are_all_there();
    makers_end();
    crews_end();
    for (unsigned i = 0; i < SERVERS; i++)
        server_end(i, 1);
    test_clean_up();
    const struct info_domain after = domain_now();
    EXPECT_IS(after.used.frames, before.used.frames);
    EXPECT_IS(after.used.handles, before.used.handles);
    EXPECT_IS(after.used.threads, before.used.threads);
    EXPECT_IS(after.used.objects, before.used.objects);
    const struct info_memory then = memory_now();
    EXPECT_IS(then.segment_frames, memory.segment_frames);
    EXPECT_IS(then.table_frames, memory.table_frames);
    EXPECT_IS(then.object_frames, memory.object_frames);
    EXPECT_IS(then.free_frames, memory.free_frames);
}

static const struct test stress_tests[] = {
    TEST(everything_at_once_leaves_nothing),
};
TEST_GROUP(stress);

/*
 * The register contract of every svc (abi/syscall.h): what is kept, and what nobody sees.
 */
#include "registers.h"
#include "server.h"

#include <string.h>

#define CALLER  UINT64_C(0xca11e40000000000)
#define CALLEE  UINT64_C(0xca11ee0000000000)
#define OTHER   UINT64_C(0x07e4000000000000)
#define ANOTHER UINT64_C(0xa07e400000000000)

#define FPSR_SOME UINT64_C(0x0800001f)
#define FPCR_SOME UINT64_C(0x00c00000)

static struct registers mine;

static void registers_pattern(struct registers *r, uint64_t base)
{
    for (unsigned i = 0; i < 31; i++)
        r->x[i] = base + i;
    for (unsigned i = 0; i < 32; i++) {
        r->q[i][0] = base + 0x1000 + i;
        r->q[i][1] = base + 0x2000 + i;
    }
    r->nzcv = 0xf0000000;
    r->fpsr = FPSR_SOME;
    r->fpcr = FPCR_SOME;
}

/* SIMD, its status and its control; `base` 0: all zero. */
static bool simd_is(const struct registers *r, uint64_t base)
{
    for (unsigned i = 0; i < 32; i++) {
        const uint64_t low = base == 0 ? 0 : base + 0x1000 + i;
        const uint64_t high = base == 0 ? 0 : base + 0x2000 + i;
        if (r->q[i][0] != low || r->q[i][1] != high)
            return false;
    }
    return r->fpsr == (base == 0 ? 0 : FPSR_SOME) && r->fpcr == (base == 0 ? 0 : FPCR_SOME);
}

static bool general_are_zero(const struct registers *r, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        if (r->x[i] != 0)
            return false;
    return true;
}

static bool general_are(const struct registers *r, unsigned first, unsigned last, uint64_t base)
{
    for (unsigned i = first; i <= last; i++)
        if (r->x[i] != base + i)
            return false;
    return true;
}

/* Cleared, or never touched: nothing of anybody else's. */
static bool general_are_zero_or(const struct registers *r, unsigned first, unsigned last,
                                uint64_t base)
{
    for (unsigned i = first; i <= last; i++)
        if (r->x[i] != 0 && r->x[i] != base + i)
            return false;
    return true;
}

/* Whether anything at all in there is of the pattern `base`. */
static bool holds_any(const struct registers *r, uint64_t base)
{
    const uint64_t *word = (const uint64_t *)r;

    for (unsigned i = 0; i < sizeof *r / sizeof *word; i++)
        if (word[i] >> 40 == base >> 40)
            return true;
    return false;
}

/* In the child: make a portal with a raw entry, and send it. */
static void serve_raw(const struct birth *birth)
{
    struct portal_message m = {.word = {0}};
    enum status s = portal_create(birth->argument[0], birth->argument[1], 0, 1, birth->argument[2],
                                  &m.handle[0]);

    m.word[0] = m.handle[0];
    if (s == STATUS_OK)
        s = portal_call_with(birth->argument[3], &m, DEADLINE_NEVER);
    birth->board->word[0] = s;
}

static handle_t raw_portal;

static void on_raw(uint64_t word[SERVED_WORDS])
{
    raw_portal = word[SERVED_HANDLE];
    word[SERVED_HANDLE] = 0;
}

/* A child whose portal starts at `entry`; `*shared` is its cookie, in both views. */
static bool raw_make(struct child *child, void (*entry)(void), struct registers **shared)
{
    handle_t segment = 0, here = 0;
    uaddr_t address = 0;
    enum status s = child_make(&(struct child_needs){0}, child);

    if (s == STATUS_OK)
        s = probe_make(2 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address);
    if (s == STATUS_OK)
        s = segment_grant(segment, child->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = portal_here(on_raw, 1, &here);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        syscall_word((void *)(uintptr_t)entry), address + 2 * PAGE_BYTES, address,
        s == STATUS_OK ? child_give(child, here, RIGHT_CALL, 0) : 0};
    if (s == STATUS_OK)
        s = child_start(child, serve_raw, argument);
    if (s != STATUS_OK || child_wait(child) != CHILD_DONE) {
        test_fail(__FILE__, __LINE__, "raw_make", s, STATUS_OK);
        return false;
    }
    *shared = (struct registers *)(uintptr_t)address;
    registers_pattern(&(*shared)[1], CALLEE);
    return true;
}

static void crossing_shows(void (*call)(struct registers *r))
{
    struct child child;
    struct registers *shared = NULL;
    handle_t badged = 0;

    if (!raw_make(&child, registers_entry, &shared))
        return;
    EXPECT_OK(handle_duplicate(raw_portal, RIGHT_CALL, 0x55, &badged));
    for (unsigned round = 0; round < 3; round++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = badged;
        if (call == registers_call_with)
            for (unsigned i = 9; i < 14; i++)
                mine.x[i] = 0; /* no handles, no deadline */
        call(&mine);
        /* What the callee found. */
        EXPECT(general_are(shared, 0, 7, CALLER));
        EXPECT_IS(shared->x[8], 0x55);
        EXPECT(general_are_zero(shared, 9, 12));
        EXPECT_IS(shared->x[13], syscall_word(shared));
        EXPECT(general_are_zero(shared, 14, 17));
        EXPECT_IS(shared->nzcv, 0);
        EXPECT(simd_is(shared, 0));
        /* What came back. */
        EXPECT(general_are(&mine, 0, 7, CALLEE));
        EXPECT(general_are_zero(&mine, 8, 17));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(simd_is(&mine, 0));
    }
}

static void call_shows_words_and_nothing_else(void)
{
    crossing_shows(registers_call);
}

static void call_with_shows_words_and_nothing_else(void)
{
    crossing_shows(registers_call_with);
}

/* The first call leaves what SIMD registers the thread may have; those that follow are short. */
static void passing_shows_the_handle_and_nothing_else(void)
{
    struct child child;
    struct registers *shared = NULL;
    handle_t badged = 0, event = 0;
    static uint64_t word;

    if (!raw_make(&child, registers_entry_pass, &shared))
        return;
    EXPECT_OK(handle_duplicate(raw_portal, RIGHT_CALL, 0x55, &badged));
    EXPECT_OK(test_event(&word, &event));
    for (unsigned round = 0; round < 3; round++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = badged;
        for (unsigned i = 9; i < 14; i++)
            mine.x[i] = i == 9 ? event : 0;
        registers_pass(&mine);
        EXPECT(general_are(shared, 0, 7, CALLER));
        EXPECT_IS(shared->x[8], 0x55);
        EXPECT(shared->x[9] != 0);
        EXPECT(general_are_zero(shared, 10, 12));
        EXPECT_IS(shared->x[13], syscall_word(shared));
        EXPECT(general_are_zero(shared, 14, 17));
        EXPECT(general_are_zero_or(shared, 18, 30, CALLER));
        EXPECT_IS(shared->nzcv, 0);
        EXPECT(general_are(&mine, 0, 7, CALLEE));
        EXPECT(general_are_zero(&mine, 8, 17));
        EXPECT(general_are_zero_or(&mine, 18, 30, CALLEE));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT_OK(handle_revoke(event));
    }
}

/* The same; the callee isn't entered, though its stack is taken first. */
static void passing_that_fails_shows_the_error_and_nothing_else(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry_pass, &shared))
        return;
    for (unsigned round = 0; round < 4; round++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = raw_portal;
        for (unsigned i = 9; i < 14; i++)
            mine.x[i] = i == 9 && round > 0 ? test_factory() : 0;
        registers_pass(&mine);
        if (round == 0) {
            EXPECT_IS(mine.x[8], STATUS_OK);
            memset(shared, 0, sizeof *shared);
            continue;
        }
        EXPECT_IS(mine.x[8], STATUS_NO_RIGHT);
        EXPECT(general_are_zero(&mine, 0, 7));
        EXPECT(general_are_zero(&mine, 9, 30));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(!holds_any(shared, CALLER));
    }
}

static void call_that_fails_shows_nothing_of_the_callee(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry_fault, &shared))
        return;
    registers_pattern(&mine, CALLER);
    mine.x[8] = raw_portal;
    registers_call(&mine);
    EXPECT_IS(mine.x[8], STATUS_PEER_DEAD);
    EXPECT(!holds_any(&mine, CALLEE));
    EXPECT(general_are_zero(&mine, 9, 17));
    EXPECT(simd_is(&mine, 0));
}

/* A call that has ended badly: its status, and nothing else. */
static bool shows_only(enum status status)
{
    return mine.x[8] == status && general_are_zero(&mine, 0, 7) && general_are_zero(&mine, 9, 30)
           && mine.nzcv == 0 && !holds_any(&mine, CALLEE);
}

static void call_with_deadline(handle_t portal, nsec_t deadline_ns)
{
    registers_pattern(&mine, CALLER);
    mine.x[8] = portal;
    for (unsigned i = 9; i < 13; i++)
        mine.x[i] = 0;
    mine.x[13] = deadline_ns;
    registers_call_with(&mine);
}

static void deadline_of_one_that_works_shows_nothing_of_it(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry_spin, &shared))
        return;
    call_with_deadline(raw_portal, test_soon(TEST_MS));
    EXPECT(shows_only(STATUS_TIMED_OUT));
    EXPECT(simd_is(&mine, 0));
}

/* Its registers have been saved, and are not to come back. */
static void deadline_of_one_that_waits_shows_nothing_of_it(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry_system, &shared))
        return;
    shared[1].x[8] = SYS_THREAD_SLEEP;
    shared[1].x[0] = test_soon(100 * TEST_S);
    for (unsigned round = 0; round < 3; round++) {
        call_with_deadline(raw_portal, test_soon(TEST_MS));
        EXPECT(shows_only(STATUS_TIMED_OUT));
        EXPECT(simd_is(&mine, 0));
    }
}

/* The caller's own SIMD may stay. */
static void refused_call_shows_its_status_and_nothing_else(void)
{
    registers_pattern(&mine, CALLER);
    mine.x[8] = 12345;
    registers_call(&mine);
    EXPECT(shows_only(STATUS_BAD_HANDLE));
    EXPECT(simd_is(&mine, CALLER) || simd_is(&mine, 0));
}

static void handles_that_can_t_be_passed_show_nothing(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry, &shared))
        return;
    for (unsigned handles = 1; handles <= PORTAL_HANDLES; handles++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = raw_portal;
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            mine.x[9 + i] = i < handles ? 12345 : 0;
        mine.x[13] = DEADLINE_NEVER;
        registers_call_with(&mine);
        EXPECT(shows_only(STATUS_BAD_HANDLE));
        EXPECT(simd_is(&mine, CALLER) || simd_is(&mine, 0));
    }
    EXPECT(general_are_zero(shared, 0, 30)); /* nobody came in */
}

static void handles_come_in_alone(void)
{
    struct child child;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry, &shared))
        return;
    for (unsigned handles = 1; handles <= PORTAL_HANDLES; handles++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = raw_portal;
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            mine.x[9 + i] = i < handles ? test_data() : 0;
        mine.x[13] = DEADLINE_NEVER;
        registers_call_with(&mine);
        EXPECT(general_are(shared, 0, 7, CALLER));
        for (unsigned i = 0; i < handles; i++)
            EXPECT(shared->x[9 + i] != 0);
        EXPECT(general_are_zero(shared, 9 + handles, 12));
        EXPECT_IS(shared->x[13], syscall_word(shared));
        EXPECT(general_are_zero(shared, 14, 17));
        EXPECT_IS(shared->nzcv, 0);
        EXPECT(simd_is(shared, 0));
        EXPECT(general_are(&mine, 0, 7, CALLEE));
        EXPECT(general_are_zero(&mine, 8, 17));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(simd_is(&mine, 0));
    }
}

/* Each of three sees what the next one gives it, and nothing of the one behind that. */
static void nested_calls_show_the_neighbour_alone(void)
{
    struct child middle, end;
    struct registers *of_middle = NULL, *of_end = NULL;

    if (!raw_make(&end, registers_entry, &of_end))
        return;
    const handle_t to_end = raw_portal;
    if (!raw_make(&middle, registers_entry_nested, &of_middle))
        return;
    for (unsigned round = 0; round < 3; round++) {
        registers_pattern(&of_middle[1], OTHER);
        of_middle[1].x[8] = child_give(&middle, to_end, RIGHT_CALL, 0x77);
        registers_pattern(&of_middle[3], ANOTHER);
        registers_pattern(&mine, CALLER);
        mine.x[8] = raw_portal;
        registers_call(&mine);
        EXPECT(general_are(of_middle, 0, 7, CALLER));
        EXPECT(general_are(of_end, 0, 7, OTHER));
        EXPECT_IS(of_end->x[8], 0x77);
        EXPECT(!holds_any(of_end, CALLER));
        EXPECT(general_are_zero(of_end, 9, 12));
        EXPECT(general_are_zero(of_end, 14, 17));
        EXPECT_IS(of_end->nzcv, 0);
        EXPECT(simd_is(of_end, 0));
        EXPECT(general_are(&of_middle[2], 0, 7, CALLEE));
        EXPECT(general_are_zero(&of_middle[2], 8, 17));
        EXPECT(!holds_any(&of_middle[2], CALLER));
        EXPECT_IS(of_middle[2].nzcv, 0);
        EXPECT(simd_is(&of_middle[2], 0));
        EXPECT(general_are(&mine, 0, 7, ANOTHER));
        EXPECT(general_are_zero(&mine, 8, 17));
        EXPECT(!holds_any(&mine, CALLEE) && !holds_any(&mine, OTHER));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(simd_is(&mine, 0));
    }
}

static void call_for_a_while(const struct birth *birth)
{
    struct portal_message m = {.word = {0}};

    birth->board->word[1] = 1000 + portal_call(birth->argument[0], &m);
}

/* It is on its way; on a busy machine with many CPUs it may be home again by now. */
static bool is_still_outside(const struct child *child)
{
    struct info_thread record;
    uint64_t next;

    return domain_info(child->domain, INFO_THREADS, 0, &record, sizeof record, &next) == STATUS_OK
           && record.depth == 0;
}

/* It came in by the slow path, on a stack that another call has just left. */
static void call_that_waited_for_a_stack_shows_the_same(void)
{
    struct child child, other;
    struct registers *shared = NULL;

    if (!raw_make(&child, registers_entry_slow, &shared))
        return;
    EXPECT_OK(child_make(&(struct child_needs){0}, &other));
    const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&other, raw_portal, RIGHT_CALL, 0)};
    EXPECT_OK(child_start(&other, call_for_a_while, argument));
    for (unsigned i = 0; i < 1000 && is_still_outside(&other); i++)
        (void)thread_sleep(test_soon(TEST_MS / 20));
    registers_pattern(&mine, CALLER);
    mine.x[8] = raw_portal;
    registers_call(&mine);
    EXPECT_IS(child_wait(&other), CHILD_DONE);
    EXPECT_IS(board_get()->word[1], 1000 + STATUS_OK);
    EXPECT(general_are(shared, 0, 7, CALLER));
    EXPECT(general_are_zero(shared, 8, 12));
    EXPECT(general_are_zero(shared, 14, 17));
    EXPECT_IS(shared->nzcv, 0);
    EXPECT(simd_is(shared, 0));
    EXPECT(general_are(&mine, 0, 7, CALLEE));
    EXPECT(general_are_zero(&mine, 8, 17));
    EXPECT_IS(mine.nzcv, 0);
    EXPECT(simd_is(&mine, 0));
}

static void system_call_keeps_what_it_says(void)
{
    registers_pattern(&mine, CALLER);
    mine.x[8] = SYS_NULL;
    registers_system(&mine);
    EXPECT_IS(mine.x[0], STATUS_OK);
    EXPECT(general_are_zero_or(&mine, 1, 17, CALLER));
    EXPECT(general_are(&mine, 18, 30, CALLER));
    EXPECT(simd_is(&mine, CALLER));
}

static void refused_calls_keep_what_they_say(void)
{
    static const uint64_t numbers[] = {SYS_COUNT, 63, 64, 255, UINT64_C(1) << 32, UINT64_MAX};

    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = numbers[i];
        registers_system(&mine);
        EXPECT_IS(mine.x[0], STATUS_BAD_CALL);
        EXPECT(general_are_zero(&mine, 1, 7));
        EXPECT(general_are_zero(&mine, 9, 17));
        EXPECT(general_are(&mine, 18, 30, CALLER));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(simd_is(&mine, CALLER));
    }
}

/* Calls that block, that restart, that give several results, that fail in the middle. */
static void slow_system_calls_keep_what_they_say(void)
{
    const uint64_t calls[][6] = {
        {SYS_THREAD_SLEEP, test_soon(TEST_MS)},
        {SYS_THREAD_YIELD},
        {SYS_SEGMENT_CREATE, 100 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, 0},
        {SYS_SEGMENT_INFO, test_data()},
        {SYS_SYSTEM_INFO, INFO_MEMORY, 0, 8, 4096},
        {SYS_SYSTEM_INFO, INFO_MEMORY, 0, UINT64_C(0xffff000040000000), 4096},
        {SYS_THREAD_PARK, 1, 1, 1},
        {SYS_HANDLE_CLOSE, 12345},
    };

    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        registers_pattern(&mine, CALLER);
        mine.x[8] = calls[i][0];
        memcpy(mine.x, &calls[i][1], 5 * sizeof(uint64_t));
        registers_system(&mine);
        EXPECT(general_are_zero(&mine, 8, 17));
        EXPECT(general_are(&mine, 18, 30, CALLER));
        EXPECT_IS(mine.nzcv, 0);
        EXPECT(simd_is(&mine, CALLER));
    }
}

/* ---- threads that take turns ---- */

static void spin_and_compare(const struct birth *birth)
{
    struct registers *r = (struct registers *)(uintptr_t)birth->argument[0];
    const uint64_t base = birth->argument[1];

    for (unsigned round = 0; round < 4; round++) {
        registers_pattern(r, base);
        r->x[0] = 2000000;
        registers_spin(r);
        if (!general_are(r, 1, 30, base) || !simd_is(r, base) || r->nzcv != 0xf0000000)
            birth->board->word[1]++;
    }
    birth->board->word[2]++;
}

static void preemption_changes_no_register(void)
{
    struct child child;
    struct board *board = board_get();
    handle_t thread = 0, segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(probe_make(4 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address));
    EXPECT_OK(segment_grant(segment, child.domain, RIGHT_READ | RIGHT_WRITE));
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {address + i * PAGE_BYTES,
                                                    OTHER + (uint64_t)i * 0x100000000};
        EXPECT_OK(child_start_at(&child, spin_and_compare, argument, 20 + i / 2, &thread));
    }
    for (unsigned i = 0; i < 1000 && board->word[2] != 4; i++)
        (void)thread_sleep(test_soon(TEST_MS / 3));
    EXPECT_IS(board->word[2], 4);
    EXPECT_IS(board->word[1], 0);
}

/* ---- a thread that uses FP in a portal and is thrown out ---- */

static void served_fp_sleep(uint64_t word[SERVED_WORDS])
{
    __asm__ volatile(".arch_extension fp\n\tfmov d9, #1.0" : : : "v9");
    served_sleep(word);
}

static void call_and_end(const struct birth *birth)
{
    struct portal_message m = {.word = {syscall_word(birth->board)}};
    const enum status s = portal_call(birth->argument[0], &m);

    birth->board->word[32] = s;
    birth->board->word[8]++;
}

static bool fp_caller_make(struct server *server, struct child *client)
{
    if (!server_make(&(struct child_needs){0}, served_fp_sleep, 1, server))
        return false;
    enum status s = child_make(&(struct child_needs){0}, client);
    const uint64_t argument[BIRTH_ARGUMENTS] = {
        s == STATUS_OK ? child_give(client, server->portal, RIGHT_CALL, 0) : 0};
    if (s == STATUS_OK)
        s = child_start(client, call_and_end, argument);
    (void)thread_sleep(test_soon(5 * TEST_MS));
    return s == STATUS_OK && board_get()->word[1] == 1;
}

static void unwinding_another_keeps_one_s_own_simd(void)
{
    struct server server;
    struct child client;

    EXPECT(fp_caller_make(&server, &client));
    registers_pattern(&mine, CALLER);
    mine.x[8] = SYS_DOMAIN_STOP;
    mine.x[0] = server.child.domain;
    registers_system(&mine);
    EXPECT_IS(mine.x[0], STATUS_OK);
    EXPECT(general_are(&mine, 18, 30, CALLER));
    EXPECT(simd_is(&mine, CALLER));
    EXPECT_IS(child_wait(&client), CHILD_DONE);
    EXPECT_IS(board_get()->word[32], STATUS_PEER_DEAD);
}

static const struct test register_tests[] = {
    TEST(call_shows_words_and_nothing_else),
    TEST(call_with_shows_words_and_nothing_else),
    TEST(passing_shows_the_handle_and_nothing_else),
    TEST(passing_that_fails_shows_the_error_and_nothing_else),
    TEST(call_that_fails_shows_nothing_of_the_callee),
    TEST(deadline_of_one_that_works_shows_nothing_of_it),
    TEST(deadline_of_one_that_waits_shows_nothing_of_it),
    TEST(refused_call_shows_its_status_and_nothing_else),
    TEST(handles_that_can_t_be_passed_show_nothing),
    TEST(handles_come_in_alone),
    TEST(nested_calls_show_the_neighbour_alone),
    TEST(call_that_waited_for_a_stack_shows_the_same),
    TEST(system_call_keeps_what_it_says),
    TEST(refused_calls_keep_what_they_say),
    TEST(slow_system_calls_keep_what_they_say),
    TEST(preemption_changes_no_register),
    TEST(unwinding_another_keeps_one_s_own_simd),
};
TEST_GROUP(register);

/*
 * Random system calls from domains that have a handle of every kind that can be had: the kernel
 * lives on, nothing is left, and no call outside of a mask is ever made.
 *
 * A call's arguments follow a grammar, so that many calls get far; one in 32 is any word.  Masks
 * are random too: a call outside of one must answer DENIED, and be counted.  Most deny what would
 * end the caller, so that those live long, and all deny writing to the log and watching it, which
 * keeps an event as long as its owner lives.  The domains come in waves, each with a victim: a
 * domain that they may manage.
 *
 * The kernel's command line may say how many and from which seed: random.calls=100 random.seed=7.
 */
#include "server.h"

#include "rt/log.h"

enum {
    CALLS_DEFAULT = 50000,
    CALLERS = 4, /* domains at a time */
    THREADS = 2,
    SLOTS = CALLERS * THREADS,
    CALLS_EACH = 2000, /* at most, of a thread */
    LOOK_NS = TEST_MS / 2,
    STUCK_LOOKS = 200, /* so many without a call: they have stopped, or wait for each other */
    LOOKS_MAX = 60000,
    SETTLES = 200,
    INTERRUPT = 120, /* of no device */
    QUARTER = 512,   /* of a page: where what they name lies */
    HANDLES = 8,     /* of each kind that a caller remembers */
    WORD_DONE = 1,
    WORD_CALLS = 16, /* of each thread: how many, how many denied, what went wrong */
    WORD_DENIED = 32,
    WORD_WRONG = 48,
};

/* What such a call may end is the caller itself. */
static const uint64_t deadly = UINT64_C(1) << SYS_THREAD_DESTROY | UINT64_C(1) << SYS_DOMAIN_STOP
                               | UINT64_C(1) << SYS_DOMAIN_DESTROY
                               | UINT64_C(1) << SYS_SEGMENT_REVOKE
                               | UINT64_C(1) << SYS_DOMAIN_NARROW_MASK;

/* entry.S */
void portal_bounce(void) __attribute__((visibility("hidden")));
void thread_leave(void) __attribute__((visibility("hidden")));

/*
 * What a call's arguments are, one letter each:
 *   h any handle; D domain, T thread, P portal, E event, S segment, I interrupt, C clock, F factory
 *   r rights, b badge or bits, l length, g guard stride, f flags, a address, o offset, z size
 *   w deadline, e where a portal starts, x where a thread starts, k stack, y priority, m mask
 *   i kind of record, n small number
 */
static const char grammar[SYS_COUNT][9] = {
    [SYS_NULL] = "",
    [SYS_HANDLE_CLOSE] = "h",
    [SYS_HANDLE_DUPLICATE] = "hrb",
    [SYS_HANDLE_REVOKE] = "h",
    [SYS_HANDLE_INFO] = "h",
    [SYS_SEGMENT_CREATE] = "lrfgnn",
    [SYS_SEGMENT_GRANT] = "SDr",
    [SYS_SEGMENT_REVOKE] = "SD",
    [SYS_SEGMENT_INFO] = "S",
    [SYS_SEGMENT_DMA_ADDRESS] = "So",
    [SYS_SEGMENT_CREATE_DEVICE] = "Falnn",
    [SYS_SEGMENT_CREATE_ALIAS] = "FSolllnn",
    [SYS_SEGMENT_CREATE_BEHIND] = "FSolnn",
    [SYS_SEGMENT_OPEN] = "Fa",
    [SYS_DOMAIN_CREATE] = "Fa",
    [SYS_DOMAIN_GIVE] = "Dhrb",
    [SYS_DOMAIN_STOP] = "D",
    [SYS_DOMAIN_DESTROY] = "D",
    [SYS_DOMAIN_WATCH] = "hEb",
    [SYS_DOMAIN_INFO] = "Dinaz",
    [SYS_DOMAIN_SET_FAULT_PORTAL] = "DP",
    [SYS_DOMAIN_NARROW_MASK] = "Dm",
    [SYS_THREAD_CREATE] = "Dxkny",
    [SYS_THREAD_EXIT] = "",
    [SYS_THREAD_DESTROY] = "T",
    [SYS_THREAD_YIELD] = "",
    [SYS_THREAD_SLEEP] = "w",
    [SYS_THREAD_PARK] = "anwk",
    [SYS_THREAD_UNPARK] = "an",
    [SYS_THREAD_SET_PRIORITY] = "Ty",
    [SYS_PORTAL_CREATE] = "ekznn",
    [SYS_EVENT_CREATE] = "So",
    [SYS_EVENT_SIGNAL] = "Eb",
    [SYS_EVENT_WAIT] = "Ew",
    [SYS_INTERRUPT_CREATE] = "Fnf",
    [SYS_INTERRUPT_BIND] = "IEb",
    [SYS_INTERRUPT_ACK] = "I",
    [SYS_CLOCK_CREATE] = "Eb",
    [SYS_CLOCK_SET] = "Cw",
    [SYS_LOG_WRITE] = "az",
    [SYS_LOG_READ] = "oaz",
    [SYS_LOG_WATCH] = "Eb",
    [SYS_SYSTEM_CONTROL] = "Fn",
    [SYS_SYSTEM_INFO] = "inaz",
    [SYS_HANDLE_NARROW] = "hr",
    [SYS_SEGMENT_ASSIGN] = "SD",
    [SYS_THREAD_SET_AFFINITY] = "Tb",
    [SYS_THREAD_SET_BUDGET] = "Tzz",
};

/* Of each kind, the last few handles that it was given or has got. */
struct caller {
    uint64_t seed, page, mask;
    handle_t factory; /* somebody else's */
    handle_t handle[OBJECT_TYPE_COUNT][HANDLES];
    unsigned next;
};

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t chance(struct caller *c)
{
    return c->seed = mix(c->seed);
}

static handle_t handle_any(struct caller *c, enum object_type type)
{
    const uint64_t r = chance(c);

    if (r % 16 == 0)
        return UINT64_C(1) << 32 | (r >> 8) % 24; /* a guess */
    return c
        ->handle[type == OBJECT_NONE ? (r >> 8) % OBJECT_TYPE_COUNT : type][(r >> 16) % HANDLES];
}

static uint64_t argument_of(struct caller *c, char letter)
{
    const uint64_t r = chance(c);

    switch (letter) {
    case 'h':
        return handle_any(c, OBJECT_NONE);
    case 'D':
        return r % 4 == 0 ? 0 : handle_any(c, OBJECT_DOMAIN);
    case 'T':
        return r % 4 == 0 ? 0 : handle_any(c, OBJECT_THREAD);
    case 'P':
        return handle_any(c, OBJECT_PORTAL);
    case 'E':
        return handle_any(c, OBJECT_EVENT);
    case 'S':
        return handle_any(c, OBJECT_SEGMENT);
    case 'I':
        return handle_any(c, OBJECT_INTERRUPT);
    case 'C':
        return handle_any(c, OBJECT_CLOCK);
    case 'F':
        return r % 2 == 0 ? c->factory : handle_any(c, OBJECT_NONE);
    case 'r':
        return r % 4 == 0 ? r >> 8 & RIGHT_ALL : RIGHT_READ | (r >> 8 & RIGHT_WRITE);
    case 'l':
        return ((r % 16 == 0 ? r >> 8 & 1023 : r >> 8 & 15) + 1) * PAGE_BYTES;
    case 'g':
        return r % 4 == 0 ? (r >> 8 & 3) * PAGE_BYTES : 0;
    case 'f':
        return r % 8 == 0;
    case 'a':
        return c->page + (r & (4 * QUARTER - 8));
    case 'o':
        return r & (PAGE_BYTES - 8);
    case 'z':
        return r & (PAGE_BYTES - 16);
    case 'w':
        return time_here_ns() + r % (TEST_MS / 4);
    case 'e':
        return syscall_word((void *)(uintptr_t)portal_bounce);
    case 'x':
        return syscall_word((void *)(uintptr_t)thread_leave);
    case 'k':
        return c->page + PAGE_BYTES - (r & 3 * QUARTER);
    case 'y':
        return r % (CHILD_PRIORITY + 2);
    case 'm':
        return r | mix(r);
    case 'i':
        return r % 20;
    default:
        return r % 8;
    }
}

static void words_choose(struct caller *c, uint64_t number, struct svc_words *w)
{
    const char *letters = number < SYS_COUNT ? grammar[number] : "";

    for (unsigned i = 0, end = 0; i < 8; i++) {
        end = end != 0 || letters[i] == '\0';
        w->word[i] = end != 0 ? 0 : argument_of(c, letters[i]);
        if (chance(c) % 32 == 0)
            w->word[i] = chance(c) >> chance(c) % 64;
    }
    /* Nobody sleeps for ever, and a thread or a portal starts where there is code for it. */
    if (number == SYS_THREAD_SLEEP || number == SYS_EVENT_WAIT || number == SYS_THREAD_PARK)
        w->word[number == SYS_THREAD_SLEEP ? 0
                : number == SYS_EVENT_WAIT ? 1
                                           : 2] = argument_of(c, 'w');
    if (number == SYS_PORTAL_CREATE)
        w->word[0] = argument_of(c, 'e');
    if (number == SYS_THREAD_CREATE)
        w->word[1] = argument_of(c, 'x');
}

static void handle_remember(struct caller *c, handle_t h)
{
    struct handle_info info;

    if ((c->mask >> SYS_HANDLE_INFO & 1) != 0 && handle_info(h, &info) == STATUS_OK)
        c->handle[info.type][c->next++ % HANDLES] = h;
}

static void call_system(struct caller *c, const struct birth *birth)
{
    const uint64_t slot = birth->argument[1];
    const bool is_bold = (c->mask & deadly) == deadly;
    const uint64_t any = chance(c) % (SYS_COUNT + 2);
    const uint64_t number = any == SYS_THREAD_EXIT && !is_bold ? (uint64_t)SYS_NULL : any;
    const bool is_allowed = number >= SYS_COUNT || (c->mask >> number & 1) != 0;
    struct svc_words w;

    words_choose(c, number, &w);
    const enum status s = svc_8((enum syscall)number, &w);
    if (!is_allowed) {
        birth->board->word[WORD_DENIED + slot]++;
        if (s != STATUS_DENIED)
            birth->board->word[WORD_WRONG + slot] = number + 1;
    }
    if (number >= SYS_COUNT && s != STATUS_BAD_CALL)
        birth->board->word[WORD_WRONG + slot] = number + 1;
    if (s == STATUS_OK && w.word[1] != 0 && number != SYS_NULL)
        handle_remember(c, w.word[1]);
}

static void call_portal(struct caller *c)
{
    struct portal_message m = {.word = {chance(c)}};

    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (chance(c) % 2 == 0)
            m.handle[i] = handle_any(c, OBJECT_NONE) | chance(c) << 63;
    if (portal_call_with(handle_any(c, OBJECT_PORTAL), &m, time_here_ns() + TEST_MS) != STATUS_OK)
        return;
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (m.handle[i] != 0)
            handle_remember(c, m.handle[i]);
}

/* Arguments: seed, slot, page, mask, factory. */
static void call_on(const struct birth *birth)
{
    struct caller caller = {.seed = birth->argument[0],
                            .page = birth->argument[2],
                            .mask = birth->argument[3],
                            .factory = birth->argument[4]};

    for (uint64_t i = 1; i < 24; i++) /* what it was born with */
        handle_remember(&caller, UINT64_C(1) << 32 | i);
    for (unsigned i = 0; i < CALLS_EACH; i++) {
        if (chance(&caller) % 8 == 0)
            call_portal(&caller);
        else
            call_system(&caller, birth);
        birth->board->word[WORD_CALLS + birth->argument[1]]++;
    }
    birth->board->word[WORD_DONE]++;
}

/* ---- a wave ---- */

struct wave {
    struct server server;
    struct child victim;
    struct child caller[CALLERS];
    uint64_t mask[CALLERS];
    handle_t interrupt;
};

static uint64_t seed;
static uint64_t words[CALLERS];
static uint64_t made, denied, ended, survived; /* in all: calls, of these; callers, of these */

static uint64_t any_mask(uint64_t r)
{
    uint64_t lacks = mix(r) & mix(r + 1) & mix(r + 2);

    if (r % 8 != 0) /* what reaches the log takes the console's time */
        lacks |= UINT64_C(1) << SYS_LOG_WRITE | UINT64_C(1) << SYS_LOG_WATCH;
    if (r % 4 != 0)
        lacks |= deadly;
    return ~lacks | UINT64_C(1) << SYS_THREAD_EXIT; /* or a thread that is through would spin */
}

/* A handle of each kind, and threads that use them. */
static bool caller_make(struct wave *wave, unsigned i)
{
    struct child *child = &wave->caller[i];
    handle_t segment = 0, event = 0, clock = 0;
    uaddr_t address = 0;

    seed = mix(seed);
    wave->mask[i] = any_mask(seed);
    const struct child_needs needs = {
        .denied_calls = ~wave->mask[i],
        .quota = {.frames = 400, .handles = 100, .threads = 8, .objects = 60},
        .highest_priority = CHILD_PRIORITY};
    enum status s = child_make(&needs, child);

    if (s == STATUS_OK)
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE | RIGHT_DMA, 0, 0,
                           name_from("caller"), &segment, &address);
    if (s == STATUS_OK)
        s = segment_grant(segment, child->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = test_event(&words[i], &event);
    if (s == STATUS_OK)
        s = clock_create(event, 1, &clock);
    if (s != STATUS_OK)
        return false;
    (void)child_give(child, wave->server.portal, RIGHT_ALL, 0);
    (void)child_give(child, wave->server.portal, RIGHT_CALL | RIGHT_TRANSFER, seed | 1);
    (void)child_give(child, child->domain, RIGHT_ALL, 0);
    (void)child_give(child, wave->victim.domain, RIGHT_ALL, 0);
    (void)child_give(child, event, RIGHT_ALL, 0);
    (void)child_give(child, clock, RIGHT_ALL, 0);
    (void)child_give(child, segment, RIGHT_ALL, 0);
    (void)child_give(child, wave->interrupt, RIGHT_ALL, 0);
    for (unsigned k = 0; k < THREADS && s == STATUS_OK; k++) {
        handle_t thread = 0;
        const uint64_t argument[BIRTH_ARGUMENTS] = {mix(seed + k), i * THREADS + k, address,
                                                    wave->mask[i], test_factory()};
        s = child_start_at(child, call_on, argument, 10 + k, &thread);
        if (s == STATUS_OK)
            (void)!domain_give(child->domain, thread, RIGHT_ALL, 0, &thread);
    }
    /* The first thread may have ended it all before the second began. */
    return s == STATUS_OK || child_info(child).state >= DOMAIN_STATE_STOPPED;
}

static uint64_t calls_now(const struct board *board)
{
    uint64_t calls = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        calls += board->word[WORD_CALLS + i];
    return calls;
}

/* Until all are through, or nobody gets any further: some have ended, some wait for those. */
static void wave_await(const struct board *board)
{
    uint64_t before = 0;

    for (unsigned looks = 0, stuck = 0; looks < LOOKS_MAX && stuck < STUCK_LOOKS; looks++) {
        const uint64_t now = calls_now(board);
        stuck = now == before ? stuck + 1 : 0;
        before = now;
        if (board->word[WORD_DONE] == SLOTS)
            return;
        (void)thread_sleep(test_soon(LOOK_NS));
    }
}

static void caller_judge(const struct wave *wave, unsigned i, const struct board *board)
{
    uint64_t counted = 0, through = 0;

    for (unsigned k = i * THREADS; k < (i + 1) * THREADS; k++) {
        EXPECT_IS(board->word[WORD_WRONG + k], 0);
        counted += board->word[WORD_DENIED + k];
        through += board->word[WORD_CALLS + k] == CALLS_EACH;
    }
    /* Behind the counts, and the kernel counts first: who isn't through goes on meanwhile. */
    const struct info_domain info = child_info(&wave->caller[i]);
    denied += counted;
    ended++;
    survived += through == THREADS;
    EXPECT(info.denied_calls >= counted);
    EXPECT_IS(info.syscall_mask & ~wave->mask[i], 0);
    if (through == THREADS && (wave->mask[i] >> SYS_DOMAIN_NARROW_MASK & 1) == 0)
        EXPECT(info.denied_calls <= counted + THREADS); /* each may signal at its end (entry.S) */
}

static void wave_do(handle_t interrupt)
{
    static struct wave wave;
    struct board *board = board_get();

    wave.interrupt = interrupt;
    if (!server_make(&(struct child_needs){0}, served_echo, 2, &wave.server))
        return;
    for (unsigned i = 0; i < BOARD_WORDS; i++)
        board->word[i] = 0;
    EXPECT_OK(child_make(&(struct child_needs){.quota = {400, 400, 8, 60, 0}}, &wave.victim));
    for (unsigned i = 0; i < CALLERS; i++)
        EXPECT(caller_make(&wave, i));
    wave_await(board);
    made += calls_now(board);
    for (unsigned i = 0; i < CALLERS && !test_has_failed(); i++)
        caller_judge(&wave, i, board);
    for (unsigned i = 0; i <= CALLERS; i++) {
        const struct child *child = i < CALLERS ? &wave.caller[i] : &wave.victim;
        EXPECT_OK(domain_destroy(child->domain));
        const struct info_domain info = child_info(child);
        EXPECT_IS(info.used.frames | info.used.objects | info.used.threads, 0);
    }
    struct portal_message m = {.word = {made}};
    EXPECT_OK(portal_call(wave.server.portal, &m));
    EXPECT_IS(m.word[0], made);
}

/* What this domain and the machine use. */
struct usage {
    uint64_t frames_free;
    struct quota used;
};

static struct usage usage_now(void)
{
    struct info_memory memory = {.free_frames = 0};
    struct info_domain self = {.id = 0};
    uint64_t next;

    test_settle();
    if (system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) != STATUS_OK
        || domain_info(0, INFO_DOMAIN, 0, &self, sizeof self, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "usage", 0, 1);
    return (struct usage){memory.free_frames, self.used};
}

/* What another CPU is about to give back may take a while. */
static void nothing_is_left(const struct usage *before)
{
    struct usage now = usage_now();

    for (unsigned i = 0; i < SETTLES && now.frames_free != before->frames_free; i++)
        now = usage_now();
    EXPECT_IS(now.frames_free, before->frames_free);
    EXPECT_IS(now.used.frames, before->used.frames);
    EXPECT_IS(now.used.handles, before->used.handles);
    EXPECT_IS(now.used.threads, before->used.threads);
    EXPECT_IS(now.used.objects, before->used.objects);
}

static void random_calls_leave_nothing_and_obey_masks(void)
{
    const uint64_t calls = test_option("random.calls=", CALLS_DEFAULT);
    uint64_t waves = 0;

    seed = test_option("random.seed=", 1);
    made = denied = ended = survived = 0;
    const struct usage before = usage_now();
    for (; made < calls && !test_has_failed(); waves++) {
        handle_t interrupt = 0;
        EXPECT_OK(interrupt_create(test_factory(), INTERRUPT, INTERRUPT_EDGE, &interrupt));
        wave_do(interrupt);
        if (!test_has_failed())
            test_clean_up();
        nothing_is_left(&before);
    }
    log_line("random: %llu calls, %llu of them denied, by %llu domains, of which %llu lived to the "
             "end, in %llu waves",
             (unsigned long long)made, (unsigned long long)denied, (unsigned long long)ended,
             (unsigned long long)survived, (unsigned long long)waves);
    EXPECT(denied > made / 100);
    EXPECT(survived > 0);
}

static const struct test random_tests[] = {
    TEST(random_calls_leave_nothing_and_obey_masks),
};
TEST_GROUP(random);

/*
 * A tree of a hundred thousand handles in eight domains, wide, deep and across tables, is taken
 * back by one call: when it returns none is left, and while it goes on a more urgent thread wakes
 * as if nothing was.
 *
 * On one CPU time counts instructions, a nanosecond each, so the bound is one for the kernel.  With
 * several, each a thread of the host, wake-ups are counted and not judged.
 */
#include "child.h"

#include "rt/log.h"

enum {
    HOLDERS = 8,
    HANDLES = 100000,
    EACH = HANDLES / HOLDERS,
    QUOTA = 60000,
    KEPT = 16,      /* handles that each holder remembers */
    WORD_KEPT = 64, /* on the board, KEPT for each */
    WORD_GOES_ON = 1,
    WORD_WAKES,
    WORD_LATEST,
    WORD_ALIVE,
    WORD_MADE,
    URGENT_PRIORITY = 58, /* above this program's */
    REVOKE_PRIORITY = 30,
    NAP_LEAST_NS = 1500,
    NAP_SPREAD_NS = 4096,
    LATE_LIMIT_NS = 4000, /* idle it is 500, and no stretch with interrupts off has 3,000 */
    FEW_WAKES = 500,
    GROWERS = 3,
    GROW_FIRST = 2000,
};

static uint64_t word;

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/*
 * In a holder.  Arguments: a handle to begin with, the next holder's domain, which of them this is.
 * Children of the first, of the last, of any of those remembered; and in the next holder.
 */
static void grow(const struct birth *birth)
{
    _Atomic uint64_t *kept = &birth->board->word[WORD_KEPT + birth->argument[2] * KEPT];
    handle_t last = birth->argument[0], out = 0;
    uint64_t seed = birth->argument[2];

    for (unsigned i = 0; i < KEPT; i++)
        kept[i] = last;
    for (unsigned i = 0; i < EACH; i++) {
        const uint64_t r = seed = mix(seed);
        const handle_t from = r % 3 == 0   ? birth->argument[0]
                              : r % 3 == 1 ? last
                                           : kept[(r >> 8) % KEPT];
        const enum status s = r % 16 == 15
                                  ? domain_give(birth->argument[1], last, RIGHT_ALL, 0, &out)
                                  : handle_duplicate(from, RIGHT_ALL, 0, &out);
        if (s != STATUS_OK)
            return;
        birth->board->word[WORD_MADE]++;
        if (r % 16 != 15)
            kept[(r >> 16) % KEPT] = last = out;
    }
}

/* In a holder: none of what it remembers names anything. */
static void try_all(const struct birth *birth)
{
    struct handle_info info;

    for (unsigned i = 0; i < KEPT; i++) {
        const handle_t h = birth->board->word[WORD_KEPT + birth->argument[2] * KEPT + i];
        if (handle_info(h, &info) != STATUS_BAD_HANDLE)
            birth->board->word[WORD_ALIVE]++;
    }
}

/* More urgent than who revokes: sleeps for a few microseconds, and sees how late it wakes. */
static void wake(const struct birth *birth)
{
    struct board *board = birth->board;
    uint64_t seed = 1;

    while (board->word[WORD_GOES_ON] == 0)
        (void)thread_sleep(time_here_ns() + TEST_MS / 100);
    while (board->word[WORD_GOES_ON] == 1) {
        seed = mix(seed);
        const nsec_t deadline = time_here_ns() + NAP_LEAST_NS + seed % NAP_SPREAD_NS;
        (void)thread_sleep(deadline);
        const uint64_t late = time_here_ns() - deadline;
        board->word[WORD_WAKES]++;
        if (late > board->word[WORD_LATEST])
            board->word[WORD_LATEST] = late;
    }
}

static uint32_t own_priority(void)
{
    struct info_thread self = {0};
    uint64_t next;

    if (domain_info(0, INFO_THREADS, 0, &self, sizeof self, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "own thread", 0, 1);
    return self.base_priority;
}

static bool has_one_cpu(void)
{
    struct info_machine machine = {.cpu_online = 0};
    uint64_t next;

    return system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next) == STATUS_OK
           && machine.cpu_online == 1;
}

/* `run` in each holder; all have ended when it returns. */
static void in_all(struct child *holder, child_function *run, const handle_t *first,
                   const handle_t *next)
{
    handle_t thread = 0;

    for (unsigned i = 0; i < HOLDERS; i++) {
        const uint64_t argument[BIRTH_ARGUMENTS] = {first[i], next[i], i};
        EXPECT_OK(child_start_at(&holder[i], run, argument, CHILD_PRIORITY, &thread));
    }
    for (unsigned i = 0; i < HOLDERS; i++)
        EXPECT_IS(child_wait_long(&holder[i]), CHILD_DONE);
}

/* Less urgent than the one that wakes beside it.  Returns how long it took. */
static nsec_t revoke_beside(struct child *waker, handle_t root)
{
    struct board *board = board_get();
    handle_t thread = 0;
    const nsec_t start = test_soon(0);

    if (child_start_at(waker, wake, NULL, URGENT_PRIORITY, &thread) != STATUS_OK
        || thread_set_priority(0, REVOKE_PRIORITY) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "waker", 0, 1);
    board->word[WORD_GOES_ON] = 1;
    const enum status s = handle_revoke(root);
    board->word[WORD_GOES_ON] = 2;
    const nsec_t took = test_soon(0) - start;
    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "handle_revoke", s, STATUS_OK);
    return took;
}

static void a_hundred_thousand_go_at_once(void)
{
    static struct child holder[HOLDERS];
    const struct child_needs needs = {.quota = {.handles = QUOTA}};
    struct board *board = board_get();
    const uint32_t priority = own_priority();
    handle_t root = 0, first[HOLDERS] = {0}, next[HOLDERS] = {0};
    uint32_t before[HOLDERS] = {0};
    struct child waker;

    EXPECT_OK(test_event(&word, &root));
    EXPECT_OK(child_make(&(struct child_needs){0}, &waker));
    for (unsigned i = 0; i < HOLDERS; i++)
        EXPECT_OK(child_make(&needs, &holder[i]));
    for (unsigned i = 0; i < HOLDERS; i++)
        next[i] = child_give(&holder[i], holder[(i + 1) % HOLDERS].domain, RIGHT_ALL, 0);
    for (unsigned i = 0; i < HOLDERS; i++)
        before[i] = child_info(&holder[i]).used.handles;
    for (unsigned i = 0; i < HOLDERS; i++)
        first[i] = child_give(&holder[i], root, RIGHT_ALL, 0);
    in_all(holder, grow, first, next);
    EXPECT_IS(board->word[WORD_MADE], HANDLES);
    uint64_t frames[HOLDERS];
    for (unsigned i = 0; i < HOLDERS; i++)
        frames[i] = child_info(&holder[i]).used.frames;

    const nsec_t took = revoke_beside(&waker, root);
    for (unsigned i = 0; i < HOLDERS; i++)
        EXPECT_IS(child_info(&holder[i]).used.handles, before[i]);
    EXPECT_OK(thread_set_priority(0, priority));
    EXPECT_IS(child_wait_long(&waker), CHILD_DONE);
    log_line("tree: %u handles in %u domains revoked in %llu us, beside which a more urgent thread "
             "woke %llu times, %llu ns late at most",
             (unsigned)HANDLES, (unsigned)HOLDERS, (unsigned long long)took / 1000,
             (unsigned long long)board->word[WORD_WAKES],
             (unsigned long long)board->word[WORD_LATEST]);
    if (has_one_cpu()) {
        EXPECT(board->word[WORD_WAKES] > FEW_WAKES);
        EXPECT(board->word[WORD_LATEST] < LATE_LIMIT_NS);
    }
    in_all(holder, try_all, first, next);
    EXPECT_IS(board->word[WORD_ALIVE], 0);
    EXPECT_OK(event_signal(root, 1));
    for (unsigned i = 0; i < HOLDERS; i++) {
        EXPECT_IS(child_info(&holder[i]).used.frames, frames[i]);
        EXPECT_OK(domain_destroy(holder[i].domain));
        const struct info_domain info = child_info(&holder[i]);
        EXPECT_IS(info.used.frames | info.used.handles | info.used.objects | info.used.threads, 0);
    }
}

/* ---- against resistance ---- */

/* In a holder: makes more of whatever it still has, until nothing is left.  Argument: the first. */
static void grow_on(const struct birth *birth)
{
    handle_t kept[KEPT], out = 0;
    unsigned at = 0, refused = 0;
    uint64_t made = 0;

    for (unsigned i = 0; i < KEPT; i++)
        kept[i] = birth->argument[0];
    while (refused < KEPT) {
        const enum status s = handle_duplicate(kept[at % KEPT], RIGHT_ALL, 0, &out);
        refused = s == STATUS_BAD_HANDLE ? refused + 1 : 0;
        if (s == STATUS_OK)
            kept[(at + made) % KEPT] = out;
        at++;
        if (s == STATUS_OK && ++made == GROW_FIRST)
            birth->board->word[WORD_MADE]++;
    }
}

static void a_tree_that_goes_on_growing_goes_too(void)
{
    static struct child grower[GROWERS];
    const struct child_needs needs = {.quota = {.handles = QUOTA}};
    struct board *board = board_get();
    const uint32_t priority = own_priority();
    uint32_t before[GROWERS] = {0};
    handle_t root = 0, thread = 0;

    EXPECT_OK(test_event(&word, &root));
    for (unsigned i = 0; i < GROWERS; i++) {
        EXPECT_OK(child_make(&needs, &grower[i]));
        before[i] = child_info(&grower[i]).used.handles;
        const uint64_t argument[BIRTH_ARGUMENTS] = {child_give(&grower[i], root, RIGHT_ALL, 0)};
        EXPECT_OK(child_start_at(&grower[i], grow_on, argument, CHILD_PRIORITY, &thread));
    }
    const nsec_t deadline = test_soon(40 * TEST_S);
    while (board->word[WORD_MADE] < GROWERS && test_soon(0) < deadline)
        (void)thread_sleep(test_soon(TEST_MS / 10));
    EXPECT_IS(board->word[WORD_MADE], GROWERS);
    EXPECT_OK(thread_set_priority(0, CHILD_PRIORITY)); /* they have their turns meanwhile */
    EXPECT_OK(handle_revoke(root));
    EXPECT_OK(thread_set_priority(0, priority));
    for (unsigned i = 0; i < GROWERS; i++)
        EXPECT_IS(child_info(&grower[i]).used.handles, before[i]);
    for (unsigned i = 0; i < GROWERS; i++)
        EXPECT_IS(child_wait_long(&grower[i]), CHILD_DONE);
}

static const struct test tree_tests[] = {
    TEST(a_hundred_thousand_go_at_once),
    TEST(a_tree_that_goes_on_growing_goes_too),
};
TEST_GROUP(tree);

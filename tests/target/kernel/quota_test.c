/*
 * Quotas and masks: who has used up his own is refused, and nobody else.
 */
#include "server.h"

#include <string.h>

enum { MANY = 3000 };

/* In a child: take until it is refused; board word 1: how many, word 2: the refusal. */
static void take_handles(const struct birth *birth)
{
    enum status s = STATUS_OK;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = handle_duplicate(birth->argument[0], RIGHT_ALL, 0, &h);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

static void take_segments(const struct birth *birth)
{
    enum status s = STATUS_OK;
    uaddr_t address = 0;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = segment_create(birth->argument[0], RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("take"),
                           &h, &address);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

/* Into one's own view: tables are charged too. */
static void take_views(const struct birth *birth)
{
    enum status s = STATUS_OK;
    uaddr_t address = 0;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("take"), &h,
                           &address);
        if (s == STATUS_OK)
            s = segment_grant(h, 0, RIGHT_READ | RIGHT_WRITE);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

/* In a child: what it would get for nothing; board word 1 and on: the refusals. */
static void ask_for_addresses(const struct birth *birth)
{
    const rights_t rw = RIGHT_READ | RIGHT_WRITE;
    uaddr_t address = 0;
    handle_t h = 0;

    birth->board->word[1] = segment_create((UINT64_C(8) << 20) + PAGE_BYTES, rw, 0, PAGE_BYTES,
                                           name_from("holes"), &h, &address);
    birth->board->word[2] =
        segment_create(UINT64_C(64) << 30, rw, 0, 0, name_from("wide"), &h, &address);
}

static void take_portals(const struct birth *birth)
{
    enum status s = STATUS_OK;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = portal_create(PAGE_BYTES, PAGE_BYTES, PAGE_BYTES, 3, 0, &h);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

static void take_clocks(const struct birth *birth)
{
    enum status s = STATUS_OK;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = clock_create(birth->argument[0], 1, &h);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

/* Threads that fault nowhere: they never get a turn, being less urgent. */
static void take_threads(const struct birth *birth)
{
    enum status s = STATUS_OK;
    handle_t h = 0;

    for (birth->board->word[1] = 0; birth->board->word[1] < MANY; birth->board->word[1]++) {
        s = thread_create(0, PAGE_BYTES, PAGE_BYTES, 0, 0, &h);
        if (s != STATUS_OK)
            break;
    }
    birth->board->word[2] = s;
}

/* A child with `quota` that takes; it is refused after `least` to `most`, and gives all back. */
static void refused_after(child_function *take, struct quota quota, uint64_t argument,
                          uint64_t least, uint64_t most)
{
    const struct child_needs needs = {.quota = quota};
    struct board *board = board_get();
    static uint64_t word;
    struct child child, other;
    handle_t event = 0;

    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(child_make(&needs, &child));
    const handle_t given = child_give(&child, event, RIGHT_ALL, 0);
    const uint64_t arguments[BIRTH_ARGUMENTS] = {argument != 0 ? argument : given};
    EXPECT_OK(child_start(&child, take, arguments));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board->word[2], STATUS_OUT_OF_QUOTA);
    EXPECT(board->word[1] >= least && board->word[1] <= most);
    const struct info_domain info = child_info(&child);
    EXPECT(info.used.frames <= info.limit.frames && info.used.handles <= info.limit.handles);
    EXPECT(info.used.objects <= info.limit.objects && info.used.threads <= info.limit.threads);
    /* Somebody else is not refused anything. */
    board->word[1] = 0;
    const uint64_t page[BIRTH_ARGUMENTS] = {PAGE_BYTES};
    EXPECT_OK(child_make(&(struct child_needs){.quota = {.objects = 50}}, &other));
    EXPECT_OK(child_start(&other, take_segments, page));
    EXPECT_IS(child_wait(&other), CHILD_DONE);
    EXPECT(board->word[1] >= 40);
    EXPECT_OK(domain_destroy(child.domain));
    const struct info_domain after = child_info(&child);
    EXPECT_IS(after.used.frames, 0);
    EXPECT_IS(after.used.objects, 0);
    EXPECT_IS(after.used.threads, 0);
    EXPECT_IS(after.used.handles, 0);
}

static void handles_run_out(void)
{
    refused_after(take_handles, (struct quota){.handles = 300}, 0, 290, 300);
}

static void frames_run_out(void)
{
    refused_after(take_segments, (struct quota){.frames = 200}, PAGE_BYTES, 50, 200);
    refused_after(take_segments, (struct quota){.frames = 1200}, 100 * PAGE_BYTES, 5, 12);
    refused_after(take_segments, (struct quota){.frames = 500}, 512 * PAGE_BYTES, 0, 0);
}

static void tables_are_charged(void)
{
    refused_after(take_views, (struct quota){.frames = 100}, PAGE_BYTES, 20, 100);
}

static void objects_run_out(void)
{
    refused_after(take_segments, (struct quota){.objects = 70}, PAGE_BYTES, 60, 70);
    refused_after(take_portals, (struct quota){.objects = 70}, 1, 15, 18);
    refused_after(take_clocks, (struct quota){.objects = 70}, 0, 60, 70);
}

static void threads_run_out(void)
{
    refused_after(take_threads, (struct quota){.threads = 20}, 1, 18, 20);
}

/* As much as there may be, and then the last one anew, again and again. */
static void take_the_last_one_again(const struct birth *birth)
{
    enum status s = STATUS_OK;
    handle_t last = 0, h = 0;
    uaddr_t address;

    for (unsigned i = 0; i < MANY && s == STATUS_OK; i++) {
        last = h;
        s = segment_create(birth->argument[0], RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("again"),
                           &h, &address);
    }
    birth->board->word[2] = s;
    for (unsigned i = 0; i < MANY && last != 0; i++) {
        s = handle_close(last);
        last = 0;
        if (s == STATUS_OK)
            s = segment_create(birth->argument[0], RIGHT_READ | RIGHT_WRITE, 0, 0,
                               name_from("again"), &last, &address);
        if (s == STATUS_OK)
            birth->board->word[1]++;
    }
    birth->board->word[3] = s;
}

/* What is given back can be had at once, though a segment is taken apart later. */
static void what_is_closed_can_be_had_again_at_once(void)
{
    static const struct quota quotas[] = {{.frames = 100}, {.objects = 20}};
    struct board *board = board_get();

    for (unsigned i = 0; i < 2; i++) {
        const struct child_needs needs = {.quota = quotas[i]};
        struct child child;
        board->word[1] = 0;
        EXPECT_OK(child_make(&needs, &child));
        const uint64_t argument[BIRTH_ARGUMENTS] = {8 * PAGE_BYTES};
        EXPECT_OK(child_start(&child, take_the_last_one_again, argument));
        EXPECT_IS(child_wait(&child), CHILD_DONE);
        EXPECT_IS(board->word[2], STATUS_OUT_OF_QUOTA);
        EXPECT_IS(board->word[3], STATUS_OK);
        EXPECT_IS(board->word[1], MANY);
        child_destroy(&child);
    }
}

/* Half a segment that failed gives back what it had. */
static void segment_that_fails_half_way_costs_nothing(void)
{
    struct child child;
    const struct child_needs needs = {.quota = {.frames = 600}};
    const uint64_t argument[BIRTH_ARGUMENTS] = {700 * PAGE_BYTES};

    EXPECT_OK(child_make(&needs, &child));
    const uint32_t before = child_info(&child).used.frames;
    EXPECT_OK(child_start(&child, take_segments, argument));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[2], STATUS_OUT_OF_QUOTA);
    EXPECT_IS(board_get()->word[1], 0);
    test_settle();
    EXPECT_IS(child_info(&child).used.frames, before);
    EXPECT_IS(child_info(&child).used.objects, 0);
}

/* ---- masks ---- */

/* In a child: make every call with nothing, and count what each answers. */
static void call_everything(const struct birth *birth)
{
    for (uint64_t number = 0; number < 64; number++) {
        const bool ends = number == SYS_THREAD_EXIT || number == SYS_EVENT_SIGNAL;
        struct svc_words w = {{UINT64_MAX, 1, 1}};
        if (!ends)
            birth->board->word[64 + number] = 1000 + svc_8((enum syscall)number, &w);
    }
}

static void mask_denies_and_counts(void)
{
    const uint64_t needed = UINT64_C(1) << SYS_THREAD_EXIT | UINT64_C(1) << SYS_EVENT_SIGNAL;
    const struct child_needs needs = {.denied_calls = ~needed};
    struct board *board = board_get();
    struct child child;
    uint64_t denied = 0;

    EXPECT_OK(child_make(&needs, &child));
    EXPECT_OK(child_start(&child, call_everything, NULL));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    for (uint64_t number = 0; number < 64; number++) {
        if ((needed >> number & 1) != 0)
            continue;
        const bool exists = number < SYS_COUNT;
        EXPECT_IS(board->word[64 + number], 1000 + (exists ? STATUS_DENIED : STATUS_BAD_CALL));
        denied += exists;
    }
    EXPECT_IS(child_info(&child).denied_calls, denied);
    EXPECT_IS(child_info(&child).syscall_mask, needed);
    EXPECT_IS(child_info(&child).state, DOMAIN_STATE_RUNNING);
}

/* In a child: two calls that it may not make, the first of them twice. */
static void call_what_is_denied(const struct birth *birth)
{
    birth->board->word[1] = clock_set(0, 0);
    birth->board->word[2] = clock_set(0, 0);
    birth->board->word[3] = interrupt_ack(0);
}

/* The log from `cursor` on, as text; `*end` is where it ends. */
static void log_since(uint64_t cursor, char *text, size_t bytes, uint64_t *end)
{
    struct log_chunk chunk = {.next_cursor = cursor};
    size_t length = 0;

    do {
        if (length + 1 >= bytes)
            length = 0; /* only what comes last matters, where there is more */
        EXPECT_OK(log_read(chunk.next_cursor, text + length, bytes - length - 1, &chunk));
        length += chunk.bytes;
    } while (chunk.bytes > 0);
    text[length] = '\0';
    *end = chunk.next_cursor;
}

/* Of which there are 511 GiB for everybody, and no quota: memory has to come with them. */
static void addresses_are_not_for_nothing(void)
{
    struct child child;
    const struct child_needs needs = {.quota = {.frames = 256}};

    EXPECT_OK(child_make(&needs, &child));
    const uint32_t objects = child_info(&child).used.objects;
    EXPECT_OK(child_start(&child, ask_for_addresses, NULL));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    EXPECT_IS(board_get()->word[1], STATUS_BAD_ARGUMENT);
    EXPECT_IS(board_get()->word[2], STATUS_OUT_OF_QUOTA);
    EXPECT_IS(child_info(&child).used.objects, objects);
}

static void each_denied_call_is_named_once_in_the_log(void)
{
    const struct child_needs needs = {.denied_calls = UINT64_C(1) << SYS_CLOCK_SET
                                                      | UINT64_C(1) << SYS_INTERRUPT_ACK};
    static char text[4096];
    struct board *board = board_get();
    struct child child;
    uint64_t end = 0;

    log_since(0, text, sizeof text, &end);
    EXPECT_OK(child_make(&needs, &child));
    EXPECT_OK(child_start(&child, call_what_is_denied, NULL));
    EXPECT_IS(child_wait(&child), CHILD_DONE);
    for (unsigned i = 1; i <= 3; i++)
        EXPECT_IS(board->word[i], STATUS_DENIED);
    EXPECT_IS(child_info(&child).denied_calls, 3);
    log_since(end, text, sizeof text, &end);
    const char *line = strstr(text, "child: system call clock_set is outside its mask\n");
    EXPECT(line != NULL);
    line = strstr(line + 1, "child: system call ");
    EXPECT(line != NULL); /* not clock_set again: it could fill the log */
    EXPECT(line == strstr(text, "child: system call interrupt_ack is outside its mask\n"));
    EXPECT(strstr(line + 1, "child: system call ") == NULL);
}

static void call_null_twice(const struct birth *birth)
{
    birth->board->word[1] = system_null();
    birth->board->word[2] = domain_narrow_mask(0, ~UINT64_C(1));
    birth->board->word[3] = system_null();
    birth->board->word[4] = domain_narrow_mask(0, ~UINT64_C(0));
    birth->board->word[5] = system_null();
}

static void mask_only_shrinks(void)
{
    struct board *board = board_get();
    struct child child;

    EXPECT_IS(child_does(&child, call_null_twice, 0, 0, 0), CHILD_DONE);
    EXPECT_IS(board->word[1], STATUS_OK);
    EXPECT_IS(board->word[2], STATUS_OK);
    EXPECT_IS(board->word[3], STATUS_DENIED);
    EXPECT_IS(board->word[4], STATUS_OK);
    EXPECT_IS(board->word[5], STATUS_DENIED);
}

/* In a child: write until that is refused, wait, and write again. */
static void fill_the_log(const struct birth *birth)
{
    static const char line[] = "0123456789012345678901234567890123456789012345678901234567890\n";
    struct board *board = birth->board;
    enum status s;

    /* From the start of a window on, so that all of it is in one. */
    (void)thread_sleep((time_here_ns() / LOG_WINDOW_NS + 1) * LOG_WINDOW_NS);
    while ((s = log_write(line, sizeof line - 1)) == STATUS_OK)
        board->word[1] += sizeof line - 1;
    board->word[2] = s;
    board->word[3] = log_write(line, 1); /* that was the last one */
    (void)thread_sleep((time_here_ns() / LOG_WINDOW_NS + 1) * LOG_WINDOW_NS);
    board->word[4] = log_write(line, sizeof line - 1);
}

/* Lines that take more of the log than of the child. */
static void fill_the_log_with_little(const struct birth *birth)
{
    static const char lines[] = "a\na\na\na\na\na\na\na\n\x01\x01\x01\x01\x01\x01\x01\x01\n";
    struct board *board = birth->board;

    (void)thread_sleep((time_here_ns() / LOG_WINDOW_NS + 1) * LOG_WINDOW_NS);
    while (log_write(lines, sizeof lines - 1) == STATUS_OK)
        board->word[1]++;
}

static uint64_t log_end_now(void)
{
    struct log_chunk chunk = {0};
    char text[8];
    const enum status s = log_read(UINT64_C(1) << 62, text, sizeof text, &chunk);

    return s == STATUS_OK ? chunk.next_cursor : 0;
}

/* Time, name and what is said of bytes that can't be shown count, too. */
static void what_the_log_gets_is_charged(void)
{
    enum { LIMIT = 16384, LINE = 256 };
    const struct child_needs needs = {.quota = {.log_bytes = LIMIT}};
    struct child child;

    EXPECT_OK(child_make(&needs, &child));
    const uint64_t before = log_end_now();
    EXPECT_OK(child_start(&child, fill_the_log_with_little, NULL));
    EXPECT_IS(child_wait_long(&child), CHILD_DONE);
    const uint64_t grown = log_end_now() - before;
    EXPECT(grown >= LIMIT && grown < LIMIT + LINE);
    EXPECT(board_get()->word[1] > 10);
}

static void log_takes_so_much_in_a_second(void)
{
    enum { LINE_LEAST = 62 + 20, LINE_MOST = 62 + 40 }; /* with time and name */
    const struct child_needs needs = {.quota = {.log_bytes = 1000}};
    struct board *board = board_get();
    struct child child;

    EXPECT_OK(child_make(&needs, &child));
    EXPECT_OK(child_start(&child, fill_the_log, NULL));
    EXPECT_IS(child_wait_long(&child), CHILD_DONE);
    EXPECT(board->word[1] / 62 * LINE_LEAST < 1000 + LINE_LEAST);
    EXPECT(board->word[1] / 62 * LINE_MOST >= 1000);
    EXPECT_IS(board->word[2], STATUS_OUT_OF_QUOTA);
    EXPECT_IS(board->word[3], STATUS_OUT_OF_QUOTA);
    EXPECT_IS(board->word[4], STATUS_OK);
    EXPECT_IS(child_info(&child).limit.log_bytes, 1000);
    const uint32_t line = child_info(&child).used.log_bytes;
    EXPECT(line >= LINE_LEAST && line <= LINE_MOST);
    EXPECT_OK(log_write("nobody else is kept from it\n", 28));
}

static const struct test quota_tests[] = {
    TEST(handles_run_out),
    TEST(frames_run_out),
    TEST(tables_are_charged),
    TEST(objects_run_out),
    TEST(threads_run_out),
    TEST(what_is_closed_can_be_had_again_at_once),
    TEST(segment_that_fails_half_way_costs_nothing),
    TEST(mask_denies_and_counts),
    TEST(mask_only_shrinks),
    TEST(addresses_are_not_for_nothing),
    TEST(each_denied_call_is_named_once_in_the_log),
    TEST(log_takes_so_much_in_a_second),
    TEST(what_the_log_gets_is_charged),
};
TEST_GROUP(quota);

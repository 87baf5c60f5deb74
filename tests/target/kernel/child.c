/*
 * Child: putting a domain together by hand.
 */
#include "child.h"

#include <string.h>

enum {
    EVENTS_MAX = 128,
    ENOUGH = 4096,
    HIGHEST_PRIORITY = 60,
    WAITS_LONG = 20,
};

/* Words of events may not move, and outlive nobody: they are handed out in turn. */
static uint64_t words[EVENTS_MAX];
static unsigned word_next;

static handle_t board_handle;
static struct board *board;

struct board *board_get(void)
{
    uaddr_t address = 0;

    if (board_handle != 0 && segment_info(board_handle, &(struct segment_info){0}) == STATUS_OK)
        return board;
    board_handle = 0;
    if (probe_make(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &board_handle, &address) != STATUS_OK) {
        test_fail(__FILE__, __LINE__, "a board", 0, 1);
        return NULL;
    }
    board = (struct board *)(uintptr_t)address;
    return board;
}

handle_t board_segment(void)
{
    (void)board_get();
    return board_handle;
}

bool board_reaches(unsigned index, uint64_t value)
{
    enum { LOOKS_IN_A_MS = 20, LOOKS_MAX = 5000 * LOOKS_IN_A_MS };

    for (unsigned i = 0; i < LOOKS_MAX && board_get()->word[index] != value; i++)
        (void)thread_sleep(test_soon(TEST_MS / LOOKS_IN_A_MS));
    return board_get()->word[index] == value;
}

enum status probe_make(uint64_t bytes, rights_t rights, handle_t *segment, uaddr_t *address)
{
    enum status s = segment_create(bytes, rights, 0, 0, name_from("probe"), segment, address);

    if (s == STATUS_OK)
        s = segment_grant(*segment, 0, rights & (rights_t)RIGHTS_MEMORY);
    return s;
}

handle_t child_give(const struct child *child, handle_t h, rights_t rights, uint64_t badge)
{
    handle_t out = 0;
    const enum status s = domain_give(child->domain, h, rights, badge, &out);

    if (s != STATUS_OK)
        test_fail(__FILE__, __LINE__, "child_give", s, STATUS_OK);
    return out;
}

static struct quota quota_or_plenty(struct quota wanted)
{
    if (wanted.frames == 0)
        wanted.frames = ENOUGH;
    if (wanted.handles == 0)
        wanted.handles = ENOUGH;
    if (wanted.threads == 0)
        wanted.threads = ENOUGH;
    if (wanted.objects == 0)
        wanted.objects = ENOUGH;
    if (wanted.log_bytes == 0)
        wanted.log_bytes = ENOUGH;
    return wanted;
}

static enum status stack_make(struct child *child, handle_t *segment, uaddr_t *address)
{
    const uint64_t bytes = PAGE_BYTES + CHILD_STACK_BYTES;
    enum status s = segment_create(bytes, RIGHT_READ | RIGHT_WRITE, 0, bytes,
                                   name_from("child stack"), segment, address);

    if (s == STATUS_OK)
        s = segment_grant(*segment, child->domain, RIGHT_READ | RIGHT_WRITE);
    return s;
}

enum status child_make(const struct child_needs *needs, struct child *out)
{
    struct info_domain info;
    uint64_t next;

    memset(out, 0, sizeof *out);
    out->word = &words[word_next++ % EVENTS_MAX];
    enum status s = test_event(out->word, &out->event);
    const struct domain_attributes attributes = {
        .name = name_from("child"),
        .syscall_mask = ~needs->denied_calls,
        .quota = quota_or_plenty(needs->quota),
        .highest_priority =
            needs->highest_priority != 0 ? needs->highest_priority : (uint32_t)HIGHEST_PRIORITY,
        .flags = needs->flags,
        .event = out->event,
        .event_bits = CHILD_STOPPED,
        .budget_ns = needs->budget_ns,
        .period_ns = needs->period_ns,
    };
    if (s == STATUS_OK)
        s = domain_create(test_factory(), &attributes, &out->domain);
    if (s == STATUS_OK)
        s = domain_info(out->domain, INFO_DOMAIN, 0, &info, sizeof info, &next);
    if (s != STATUS_OK || needs->no_text)
        return s;
    out->id = info.id;
    s = segment_grant(test_text(), out->domain, RIGHT_READ | RIGHT_EXECUTE);
    if (s == STATUS_OK)
        s = segment_grant(board_segment(), out->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = domain_give(out->domain, out->event, RIGHT_SIGNAL, CHILD_DONE, &out->done);
    out->stack_bytes = PAGE_BYTES + CHILD_STACK_BYTES;
    if (s == STATUS_OK)
        s = stack_make(out, &out->stack_segment, &out->stack);
    return s;
}

/* The record lies at the top of the stack, which this domain sees only while it writes it. */
static enum status birth_write(const struct child *child, handle_t stack, uaddr_t at,
                               child_function *run, const uint64_t argument[BIRTH_ARGUMENTS])
{
    struct birth *birth = (struct birth *)(uintptr_t)at;
    enum status s = segment_grant(stack, 0, RIGHT_READ | RIGHT_WRITE);

    if (s != STATUS_OK)
        return s;
    *birth = (struct birth){.run = run, .board = board_get(), .done = child->done};
    for (unsigned i = 0; i < BIRTH_ARGUMENTS && argument != NULL; i++)
        birth->argument[i] = argument[i];
    return segment_revoke(stack, 0);
}

static enum status start_on(struct child *child, handle_t stack, uaddr_t address,
                            child_function *run, const uint64_t argument[BIRTH_ARGUMENTS],
                            uint32_t priority, handle_t *thread)
{
    const uaddr_t top = address + child->stack_bytes - (sizeof(struct birth) + 15) / 16 * 16;
    const enum status s = birth_write(child, stack, top, run, argument);

    if (s != STATUS_OK)
        return s;
    return thread_create(child->domain, syscall_word((void *)(uintptr_t)child_entry), top, top,
                         priority, thread);
}

enum status child_start(struct child *child, child_function *run,
                        const uint64_t argument[BIRTH_ARGUMENTS])
{
    return start_on(child, child->stack_segment, child->stack, run, argument, CHILD_PRIORITY,
                    &child->thread);
}

enum status child_start_at(struct child *child, child_function *run,
                           const uint64_t argument[BIRTH_ARGUMENTS], uint32_t priority,
                           handle_t *thread)
{
    handle_t stack = 0;
    uaddr_t address = 0;
    const enum status s = stack_make(child, &stack, &address);

    return s == STATUS_OK ? start_on(child, stack, address, run, argument, priority, thread) : s;
}

uint64_t child_wait(struct child *child)
{
    const nsec_t deadline = test_soon(2 * TEST_S);

    if (event_wait(child->event, deadline) != STATUS_OK)
        return 0;
    const uint64_t bits = __atomic_exchange_n(child->word, 0, __ATOMIC_ACQ_REL);
    return (bits & CHILD_DONE) != 0 ? CHILD_DONE : bits & CHILD_STOPPED;
}

uint64_t child_wait_long(struct child *child)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < WAITS_LONG && bits == 0; i++)
        bits = child_wait(child);
    return bits;
}

uint64_t child_does(struct child *child, child_function *run, uint64_t a0, uint64_t a1, uint64_t a2)
{
    const uint64_t argument[BIRTH_ARGUMENTS] = {a0, a1, a2};
    enum status s = child_make(&(struct child_needs){0}, child);

    if (s == STATUS_OK)
        s = child_start(child, run, argument);
    if (s != STATUS_OK) {
        test_fail(__FILE__, __LINE__, "child_does", s, STATUS_OK);
        return 0;
    }
    return child_wait(child);
}

struct fault_record child_fault(const struct child *child)
{
    struct fault_record record = {0};
    uint64_t next;

    if (domain_info(child->domain, INFO_FAULT, 0, &record, sizeof record, &next) != STATUS_OK)
        record.reason = FAULT_NONE;
    return record;
}

struct info_domain child_info(const struct child *child)
{
    struct info_domain record = {0};
    uint64_t next;

    if (domain_info(child->domain, INFO_DOMAIN, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "child_info", 0, 1);
    return record;
}

struct info_thread child_thread(const struct child *child)
{
    struct info_thread record = {0};
    uint64_t next;

    if (domain_info(child->domain, INFO_THREADS, 0, &record, sizeof record, &next) != STATUS_OK)
        test_fail(__FILE__, __LINE__, "child_thread", 0, 1);
    return record;
}

void child_destroy(struct child *child)
{
    enum status s = domain_destroy(child->domain);

    s = handle_close(child->domain);
    if (child->stack_segment != 0)
        s = handle_close(child->stack_segment);
    if (child->thread != 0)
        s = handle_close(child->thread);
    s = handle_close(child->event);
    (void)s;
}

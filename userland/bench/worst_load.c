#include "worst_load.h"

#include "bench.h"
#include "doorbell.h"

#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"
#include "rt/time.h"

#include <stdatomic.h>

enum {
    ROUNDS = 48,
    STACKS = 16,     /* as many as a portal can have */
    CROWD = 96,      /* threads in line, or asleep */
    PRIORITIES = 47, /* less urgent, by a class of deadlines, than the alarm */
    SPARE_HANDLES = 400,
    HANDLES_BEFORE = 100,    /* slots, in front of most that are free */
    INTERRUPTS_BEFORE = 119, /* numbers, in front of 900 that nobody has */
    LINES = 4,
    BELOW = 2,                      /* the priority of the one that measures */
    INSIDE_STACKS_AT = 0x10000,     /* nobody uses them */
    GATHER_NS = 2 * (int)NS_PER_MS, /* until all threads are where they are to be */
    GATHER_MORE_NS = 2300,          /* by so much longer in each round: other moments are hit */
};

struct worst_call {
    handle_t portal;
    nsec_t deadline_ns;
};

struct worst_sleep {
    _Atomic uint32_t *word;
    uaddr_t owner;
};

void entry_worst_call(void);
void entry_worst_sleep(void);
void entry_worst_inside(void);

static _Atomic uint32_t inside_word, crowd_words[CROWD], one_word;
static nsec_t gather_ns;
static _Atomic int result; /* enum status, or -1 while it goes on */

static enum status start(void (*entry)(void), const void *argument, uint32_t priority,
                         handle_t *out)
{
    handle_t thread = 0;
    const enum status s = thread_create(0, syscall_word((void *)(uintptr_t)entry), INSIDE_STACKS_AT,
                                        syscall_word(argument), priority, &thread);

    if (s != STATUS_OK || out == NULL)
        return s == STATUS_OK ? handle_close(thread) : s;
    *out = thread;
    return STATUS_OK;
}

static enum status threads_now(uint32_t *count)
{
    struct info_domain info;
    uint64_t next;
    const enum status s = domain_info(0, INFO_DOMAIN, 0, &info, sizeof info, &next);

    *count = info.used.threads;
    return s;
}

/* All that were started have ended. */
static enum status await_end(uint32_t count)
{
    const nsec_t give_up_ns = time_after_ns(NS_PER_S);
    uint32_t now = 0;
    enum status s;

    do {
        (void)thread_sleep(time_after_ns(NS_PER_MS));
        s = threads_now(&now);
    } while (s == STATUS_OK && now > count && time_now_ns() < give_up_ns);
    return s == STATUS_OK && now > count ? STATUS_TIMED_OUT : s;
}

/* With all deadlines at nearly the same moment, those of the least urgent first; or with none. */
static enum status fill_line(bool ends_by_deadline)
{
    static struct worst_call holders, waiters[CROWD];
    handle_t portal;
    enum status s =
        portal_create(syscall_word((void *)(uintptr_t)entry_worst_inside), INSIDE_STACKS_AT, 16,
                      STACKS, syscall_word(&inside_word), &portal);

    if (s != STATUS_OK)
        return s;
    holders = (struct worst_call){portal, time_after_ns(3 * gather_ns)};
    for (unsigned i = 0; i < CROWD; i++)
        waiters[i] = (struct worst_call){
            portal, ends_by_deadline ? holders.deadline_ns + i % PRIORITIES : DEADLINE_NEVER};
    for (unsigned i = 0; i < STACKS && s == STATUS_OK; i++)
        s = start(entry_worst_call, &holders, 1 + i % PRIORITIES, NULL);
    (void)thread_sleep(time_after_ns(gather_ns));
    for (unsigned i = 0; i < CROWD && s == STATUS_OK; i++)
        s = start(entry_worst_call, &waiters[i], 1 + i % PRIORITIES, NULL);
    (void)thread_sleep(time_after_ns((ends_by_deadline ? 3 : 1) * gather_ns));
    const enum status closed = handle_close(portal);
    return s == STATUS_OK ? closed : s;
}

static enum status sleep_for(struct worst_sleep *sleeps, uaddr_t owner)
{
    enum status s = STATUS_OK;

    for (unsigned i = 0; i < CROWD && s == STATUS_OK; i++) {
        sleeps[i] = (struct worst_sleep){owner == 0 ? &crowd_words[i] : &one_word, owner};
        s = start(entry_worst_sleep, &sleeps[i], 1 + i % PRIORITIES, NULL);
    }
    (void)thread_sleep(time_after_ns(gather_ns));
    return s;
}

/* One among many, that nobody waits for; then each. */
static enum status wake_many(void)
{
    static struct worst_sleep sleeps[CROWD];
    const enum status s = sleep_for(sleeps, 0);

    thread_unpark(&one_word, 1);
    for (unsigned i = CROWD; i > 0; i--)
        thread_unpark(&crowd_words[i - 1], 1);
    return s;
}

/* The one that all wait for ends, and they learn of it. */
static enum status end_debtor(void)
{
    static struct worst_sleep debtor, sleeps[CROWD];
    handle_t thread;
    enum status s;

    debtor = (struct worst_sleep){&inside_word, 0};
    s = start(entry_worst_sleep, &debtor, 1, &thread);
    if (s != STATUS_OK)
        return s;
    s = sleep_for(sleeps, INSIDE_STACKS_AT - 16);
    const enum status ended = thread_destroy(thread);
    (void)thread_sleep(time_after_ns(gather_ns));
    thread_unpark(&one_word, CROWD);
    const enum status closed = handle_close(thread);
    return s != STATUS_OK ? s : ended != STATUS_OK ? ended : closed;
}

static enum status look(void)
{
    union {
        struct info_domain domain;
        struct info_thread thread;
        struct info_handle handle;
        struct info_view view;
        struct info_interrupt interrupt;
    } record;
    uint64_t next;
    enum status s = domain_info(0, INFO_DOMAIN, 0, &record, sizeof record, &next);

    if (s == STATUS_OK)
        s = domain_info(0, INFO_VIEW, 0, &record, sizeof record, &next);
    if (s != STATUS_OK)
        return s;
    /* Behind the last thread, among free slots, and behind the last interrupt that somebody has. */
    s = domain_info(0, INFO_THREADS, UINT32_MAX, &record, sizeof record, &next);
    if (s == STATUS_NOT_FOUND)
        s = domain_info(0, INFO_HANDLES, HANDLES_BEFORE, &record, sizeof record, &next);
    if (s == STATUS_OK || s == STATUS_NOT_FOUND)
        s = system_info(INFO_INTERRUPTS, INTERRUPTS_BEFORE, &record, sizeof record, &next);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}

/* A line as long as one can be, of text and of bytes that take four each; and the log's oldest. */
static enum status talk(void)
{
    enum { LINE_BYTES = 400 };
    static char text[LINE_BYTES];
    struct log_chunk chunk;
    enum status s = STATUS_OK;

    for (unsigned escaped = 0; escaped < 3 && s == STATUS_OK; escaped++) {
        for (unsigned i = 0; i < LINE_BYTES; i++)
            text[i] = i % 3 < escaped ? '\x7f' : 'w';
        s = log_write(text, LINE_BYTES);
    }
    return s == STATUS_OK ? log_read(0, text, LINE_BYTES, &chunk) : s;
}

/* So many slots of the handle table have been in use, and most are free again. */
static enum status handles_spread(handle_t h)
{
    static handle_t spare[SPARE_HANDLES];
    enum status s = STATUS_OK;
    unsigned count = 0;

    while (count < SPARE_HANDLES && s == STATUS_OK) {
        s = handle_duplicate(h, RIGHT_SIGNAL, 0, &spare[count]);
        count += s == STATUS_OK;
    }
    for (unsigned i = 0; i < count; i++) {
        const enum status closed = handle_close(spare[i]);
        s = s == STATUS_OK ? closed : s;
    }
    return s;
}

static enum status worst_round(uint32_t threads)
{
    enum status s = fill_line(false);

    if (s == STATUS_OK)
        s = look();
    for (unsigned i = 0; i < LINES && s == STATUS_OK; i++)
        s = talk();
    if (s == STATUS_OK)
        s = await_end(threads);
    if (s == STATUS_OK)
        s = fill_line(true);
    if (s == STATUS_OK)
        s = await_end(threads);
    if (s == STATUS_OK)
        s = wake_many();
    if (s == STATUS_OK)
        s = await_end(threads);
    if (s == STATUS_OK)
        s = end_debtor();
    return s == STATUS_OK ? await_end(threads) : s;
}

static void run(void *context)
{
    struct doorbell bell;
    uint32_t threads = 0;
    enum status s = doorbell_create(&bell);

    (void)context;
    if (s == STATUS_OK)
        s = handles_spread(bell.event);
    if (s == STATUS_OK)
        s = threads_now(&threads);
    for (unsigned i = 0; i < ROUNDS && s == STATUS_OK; i++) {
        gather_ns = GATHER_NS + i * GATHER_MORE_NS;
        s = worst_round(threads);
    }
    atomic_store(&result, (int)s);
}

enum status worst_start(void)
{
    enum { STACK_BYTES = 16384 };

    atomic_store(&result, -1);
    return thread_start(run, NULL, STACK_BYTES, startup_get()->priority - BELOW, NULL);
}

bool worst_is_done(enum status *s)
{
    const int now = atomic_load(&result);

    if (now < 0)
        return false;
    *s = (enum status)now;
    return true;
}

/*
 * Test: running the groups, and cleaning up behind each test.
 */
#include "test.h"

#include "startup_from.h"

#include "rt/log.h"
#include "rt/startup.h"
#include "rt/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HANDLES_KEPT_MAX = 64,
    REASON_BYTES = 160,
    SETTLE_ROUNDS = 1000,
    SETTLE_QUIET = 4, /* a CPU of a busy host may do nothing for a while */
    HANDLES_GROWN = 2500,
};

static char reason[REASON_BYTES]; /* empty while the running test holds */
static handle_t kept[HANDLES_KEPT_MAX];
static unsigned kept_count;
static uint64_t grow_word;

extern const unsigned char text_start[] __asm__("__text_start");

void test_fail(const char *file, int line, const char *claim, uint64_t is, uint64_t wanted)
{
    const char *base = strrchr(file, '/');

    if (reason[0] != '\0')
        return;
    (void)snprintf(reason, sizeof reason, "%s:%d: %s: is 0x%llx, should be 0x%llx",
                   base == NULL ? file : base + 1, line, claim, (unsigned long long)is,
                   (unsigned long long)wanted);
}

bool test_has_failed(void)
{
    return reason[0] != '\0';
}

handle_t test_factory(void)
{
    return startup_boot_record()->factory;
}

handle_t test_data(void)
{
    return startup_get()->data.handle;
}

uint64_t test_data_offset(const void *object)
{
    return syscall_word(object) - startup_get()->data.address;
}

enum status test_event(uint64_t *word, handle_t *out)
{
    *word = 0;
    return event_create(test_data(), test_data_offset(word), out);
}

nsec_t test_soon(nsec_t ns)
{
    return time_after_ns(ns);
}

/* What stands behind `key` among the devicetree's strings, wherever that is; NULL if it doesn't. */
static const char *option_text(const char *key)
{
    const struct boot_record *boot = startup_boot_record();
    const char *text = (const char *)(uintptr_t)boot->devicetree_address;
    const size_t length = strlen(key);

    for (uint64_t i = 0; i + length < boot->devicetree_bytes; i++)
        if (memcmp(&text[i], key, length) == 0)
            return &text[i + length];
    return NULL;
}

uint64_t test_option(const char *key, uint64_t otherwise)
{
    const char *text = option_text(key);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

/* The kernel gave this domain a handle to its text and told nobody: look for it. */
handle_t test_text(void)
{
    struct info_handle record;

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(0, INFO_HANDLES, index, &record, sizeof record, &next) != STATUS_OK)
            return 0;
        if (record.type == OBJECT_SEGMENT && record.detail == syscall_word(text_start)
            && (record.rights & RIGHT_EXECUTE) != 0)
            return record.handle;
    }
    return 0;
}

static uint64_t frames_free(void)
{
    struct info_memory memory;
    uint64_t next;

    if (system_info(INFO_MEMORY, 0, &memory, sizeof memory, &next) != STATUS_OK)
        return 0;
    return memory.free_frames;
}

/* Teardown goes on while nobody is ready; so sleep until nothing changes any more. */
void test_settle(void)
{
    uint64_t before = UINT64_MAX; /* not 0: that is what a machine without a frame left has */
    unsigned quiet = 0;

    for (unsigned i = 0; i < SETTLE_ROUNDS && quiet < SETTLE_QUIET; i++) {
        const uint64_t now = frames_free();
        quiet = now == before ? quiet + 1 : 0;
        before = now;
        (void)thread_sleep(test_soon(TEST_MS / 2));
    }
}

/* ---- what a test leaves behind ---- */

static void handles_keep(void)
{
    struct info_handle record;

    kept_count = 0;
    for (uint64_t index = 0, next = 1; next != 0 && kept_count < HANDLES_KEPT_MAX; index = next) {
        if (domain_info(0, INFO_HANDLES, index, &record, sizeof record, &next) != STATUS_OK)
            return;
        kept[kept_count++] = record.handle;
    }
}

static bool is_kept(handle_t h)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (kept[i] == h)
            return true;
    return false;
}

/* The first handle of `type` (OBJECT_NONE: any) that the test made; 0 when there is none. */
static handle_t left_over(enum object_type type)
{
    struct info_handle record;

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(0, INFO_HANDLES, index, &record, sizeof record, &next) != STATUS_OK)
            return 0;
        if (!is_kept(record.handle) && (type == OBJECT_NONE || record.type == type))
            return record.handle;
    }
    return 0;
}

static void give_up(handle_t h)
{
    struct handle_info info;
    enum status s = handle_info(h, &info);

    if (s == STATUS_OK && info.type == OBJECT_SEGMENT)
        s = segment_revoke(h, 0);
    else if (s == STATUS_OK && info.type == OBJECT_THREAD)
        s = thread_destroy(h);
    s = handle_revoke(h);
    s = handle_close(h);
    (void)s;
}

void test_clean_up(void)
{
    handle_t h;

    while ((h = left_over(OBJECT_DOMAIN)) != 0) {
        enum status s = domain_destroy(h);
        s = handle_close(h);
        (void)s;
    }
    while ((h = left_over(OBJECT_NONE)) != 0)
        give_up(h);
    test_settle();
}

/* A handle table keeps the memory that it grew to: let this domain's grow before the first test. */
static void handles_grow(void)
{
    handle_t event = 0, h = 0;

    if (test_event(&grow_word, &event) != STATUS_OK)
        return;
    for (unsigned i = 0; i < HANDLES_GROWN; i++)
        if (handle_duplicate(event, RIGHT_ALL, 0, &h) != STATUS_OK)
            break;
    give_up(event);
}

/* ---- what everybody is doing ---- */

static const char *const state_texts[] = {
    [THREAD_STATE_READY] = "ready",
    [THREAD_STATE_RUNNING] = "running",
    [THREAD_STATE_WAITING_EVENT] = "waits for an event",
    [THREAD_STATE_WAITING_PORTAL] = "waits for a stack",
    [THREAD_STATE_PARKED] = "parked",
    [THREAD_STATE_SLEEPING] = "sleeps",
    [THREAD_STATE_STOPPED] = "stopped",
};

static void threads_say(handle_t domain)
{
    struct info_thread t;

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(domain, INFO_THREADS, index, &t, sizeof t, &next) != STATUS_OK)
            return;
        log_line("  thread %u of domain %u %s, at 0x%llx in domain %u, %u calls deep, priority %u, "
                 "CPU %u of 0x%llx, %llu us, %llu switches, waits for a stack of domain %u",
                 t.id, t.home_domain_id, state_texts[t.state], (unsigned long long)t.pc,
                 t.current_domain_id, t.depth, t.priority, t.cpu, (unsigned long long)t.affinity,
                 (unsigned long long)t.cpu_time_ns / 1000, (unsigned long long)t.switches,
                 t.callee_domain_id);
    }
}

void test_say_threads(void)
{
    struct info_handle record; /* of this domain's own handle as well */

    for (uint64_t index = 0, next = 1; next != 0; index = next) {
        if (domain_info(0, INFO_HANDLES, index, &record, sizeof record, &next) != STATUS_OK)
            return;
        if (record.type == OBJECT_DOMAIN)
            threads_say(record.handle);
    }
}

/* ---- running ---- */

/*
 * Most tests say in which order threads run, or count what a CPU does: they and all whom they make
 * have one CPU.  Those about many have them all.
 */
static uint64_t cpus_for(const char *group, const char *test)
{
    static const char *const on_all[] = {"smp",   "ending", "mesh",  "stress",
                                         "model", "tree",   "random"};

    for (unsigned i = 0; i < sizeof on_all / sizeof on_all[0]; i++)
        if (strcmp(group, on_all[i]) == 0)
            return UINT64_MAX;
    return strcmp(test, "random_calls_may_end_at_any_time") == 0 ? UINT64_MAX : 1;
}

static bool test_run(const char *group, const struct test *test)
{
    reason[0] = '\0';
    if (thread_set_affinity(0, cpus_for(group, test->name)) != STATUS_OK)
        return false;
    test_settle();
    handles_keep();
    const uint64_t before = frames_free();
    test->run();
    test_clean_up();
    const uint64_t after = frames_free();
    if (reason[0] == '\0' && after != before)
        (void)snprintf(reason, sizeof reason, "free frames were %llu and are %llu",
                       (unsigned long long)before, (unsigned long long)after);
    if (reason[0] == '\0')
        log_line("test %s.%s ... ok", group, test->name);
    else
        log_line("test %s.%s ... FAILED: %s", group, test->name, reason);
    return reason[0] == '\0';
}

/* All, but if the command line says test.group=NAME. */
static bool group_is_wanted(const struct test_group *group)
{
    const char *only = option_text("test.group=");
    const size_t length = strlen(group->name);

    return only == NULL
           || (strncmp(only, group->name, length) == 0 && strchr(" ", only[length]) != NULL);
}

int main(void)
{
    unsigned passed = 0;
    unsigned failed = 0;

    handles_grow();
    for (unsigned g = 0; g < test_group_count; g++)
        for (unsigned i = 0; group_is_wanted(test_groups[g]) && i < test_groups[g]->count; i++) {
            if (test_run(test_groups[g]->name, &test_groups[g]->tests[i]))
                passed++;
            else
                failed++;
        }
    log_line("kernel tests: %u passed, %u failed", passed, failed);
    const enum status s = system_control(test_factory(), SYSTEM_POWEROFF);
    log_line("cannot power off: %s", status_text(s));
    return 1;
}

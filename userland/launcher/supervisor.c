/*
 * Supervisor: the state machine of a child.
 *
 * Every end of a life goes through child_end(), which takes the domain apart; what
 * comes next is the policy's decision or somebody's wish.
 */
#include "supervisor.h"

#include "audit_log.h"
#include "boot_arguments.h"
#include "crash.h"
#include "grants.h"
#include "handle.h"
#include "origin.h"
#include "policy.h"
#include "pulse.h"
#include "services.h"
#include "voice.h"

#include "rt/app.h"
#include "rt/log.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <stdio.h>
#include <string.h>

static const struct manifest_domain self = {
    .name = "app:App",
    .program = "launcher",
    .argument = "",
    .priority = MANIFEST_LAUNCHER_PRIORITY,
    .highest_priority = MANIFEST_LAUNCHER_PRIORITY,
    .quota_connections = UINT32_MAX,
};

static struct child children[CHILDREN_MAX];
static unsigned child_count;
static handle_t app_portal;
static unsigned stop_bit; /* of the loop's event: some domain has stopped */

unsigned supervisor_count(void)
{
    return child_count;
}

struct child *supervisor_child(unsigned index)
{
    return &children[index];
}

struct child *supervisor_find(const char *name)
{
    for (unsigned i = 0; i < child_count; i++) {
        if (strcmp(children[i].domain->name, name) == 0)
            return &children[i];
    }
    return NULL;
}

/* A badge says which child, and which of its lives, so a handle can't outlive its meaning. */
uint64_t supervisor_badge(const struct child *child)
{
    return (uint64_t)child->starts << 8 | child->index;
}
_Static_assert(CHILDREN_MAX <= 256, "an index fits the low byte of a badge");

uint32_t supervisor_badge_index(uint64_t badge)
{
    const uint32_t index = badge & 0xff;

    return index < child_count ? index : 0;
}

struct child *supervisor_by_badge(uint64_t badge)
{
    const unsigned index = badge & 0xff;

    if (index == 0 || index >= child_count || children[index].state != INSPECT_RUNNING
        || supervisor_badge(&children[index]) != badge)
        return NULL;
    return &children[index];
}

struct child *supervisor_by_id(uint32_t domain_id)
{
    for (unsigned i = 0; i < child_count; i++) {
        if (children[i].state == INSPECT_RUNNING && children[i].loaded.domain_id == domain_id)
            return &children[i];
    }
    return NULL;
}

/* ---- its argument ---- */

static void child_set_argument(struct child *child, const char *argument)
{
    (void)snprintf(child->argument, sizeof child->argument, "%s", argument);
}

/* What the manifest says, and behind it what the machine's owner does. */
static void child_set_first_argument(struct child *child)
{
    const char *name = child->domain->name;

    child_set_argument(child, child->domain->argument);
    if (boot_arguments_add(origin_get()->boot_arguments, name, child->argument,
                           sizeof child->argument)
        != STATUS_OK)
        voice_line(name, "boot arguments are not passed on: more than %u bytes",
                   (unsigned)MANIFEST_ARGUMENT_MAX);
}

/* A misspelt name must not go unnoticed. */
static void report_stray_arguments(void)
{
    const char *text = origin_get()->boot_arguments;
    size_t size;

    for (const char *word; (word = boot_arguments_word(text, &size)) != NULL; text = word + size) {
        char name[MANIFEST_NAME_MAX + 1] = "";
        const size_t length = boot_arguments_name(word, size);
        if (length < sizeof name)
            memcpy(name, word, length);
        if (supervisor_find(name) == NULL)
            log_line("boot argument '%.*s' names no domain: ignored", (int)size, word);
    }
}

/* ---- a life ---- */

static enum status child_start(struct child *child)
{
    const struct load_request request = {
        .domain = child->domain,
        .argument = child->argument,
        .app_portal = app_portal,
        .badge = (uint64_t)(child->starts + 1) << 8 | child->index,
        .restarts = child->restarts,
        .is_suspect = child->starts != 0,
        .event = loop_event(),
        .event_bits = UINT64_C(1) << stop_bit,
        .answer_event = pulse_event(),
        .answer_bit = pulse_bit(child),
    };
    const enum status s = loader_load(&request, &child->loaded);

    child->next_start_ns = 0;
    if (s != STATUS_OK) {
        child->state = s == STATUS_NOT_SUPPORTED ? INSPECT_NO_DEVICE : INSPECT_FAILED;
        services_wake_hopeless(child);
        return s;
    }
    child->starts++;
    child->started_ns = time_now_ns();
    child->state = INSPECT_RUNNING;
    child->is_silent = false;
    child->is_killed = false;
    child->storm_per_second = 0;
    grants_begin(child);
    audit_log_begin(child->index);
    pulse_begin(child);
    return STATUS_OK;
}

/* Take the domain apart and tell those who waited for it. */
static void child_end(struct child *child, enum inspect_state state)
{
    loader_stop(&child->loaded); /* before what it reads goes */
    services_withdraw(child);
    pulse_end(child);
    loader_unload(&child->loaded);
    child->state = state;
    if (child->on_end != 0) {
        (void)event_signal(child->on_end, UINT64_MAX);
        handle_drop(child->on_end);
        child->on_end = 0;
    }
}

/* What the manifest wants after an end that nobody wished for; `crash` NULL: it was in order. */
static void child_apply_policy(struct child *child, enum policy_cause cause,
                               struct inspect_crash *crash)
{
    const char *name = child->domain->name;
    const uint64_t uptime_ms = (time_now_ns() - child->started_ns) / NS_PER_MS;
    const struct policy_decision next =
        policy_decide(child->domain, cause, child->failures, uptime_ms);
    const bool in_order = cause >= POLICY_ENDED && !next.is_given_up;
    const enum inspect_state down = in_order ? INSPECT_EXITED : INSPECT_FAILED;

    child->failures = next.failures;
    if (crash != NULL)
        crash_decide(crash, &next, next.restarts ? INSPECT_BACKING_OFF : down);
    if (!next.restarts) {
        child_end(child, down);
        services_wake_hopeless(child);
        if (next.is_given_up)
            voice_line(name, "given up after %u failures in a row; `restart %s` tries again",
                       (unsigned)next.failures, name);
        else if (!in_order)
            voice_line(name, "stays down until somebody launches it");
        return;
    }
    child_end(child, INSPECT_BACKING_OFF);
    child->next_start_ns = time_after_ns(next.delay_ms * NS_PER_MS);
    if (next.delay_ms == 0)
        voice_line(name, "will be started again at once");
    else
        voice_line(name, "will be started again in %u ms (failure %u of %u)",
                   (unsigned)next.delay_ms, (unsigned)next.failures,
                   (unsigned)child->domain->restart_limit);
    loop_timer_start(&child->timer, child->next_start_ns);
}

/* What can't be started now may be later: that is a failure as another. */
static enum status child_try_start(struct child *child)
{
    child->started_ns = time_now_ns();
    const enum status s = child_start(child);

    if (s != STATUS_OK && child->state == INSPECT_FAILED)
        child_apply_policy(child, POLICY_FAILED, NULL);
    return s;
}

/* That it has stopped comes by the event, like every stop. */
static void child_kill(struct child *child)
{
    child->is_killed = true;
    const enum status s = domain_stop(child->loaded.domain);

    if (s != STATUS_OK)
        voice_line(child->domain->name, "can't be killed: %s", status_text(s));
}

/* The pause is over. */
static void on_time(void *context, struct loop_timer *timer)
{
    struct child *child = context;

    (void)timer;
    if (child->state == INSPECT_RUNNING)
        child_kill(child);
    if (child->state != INSPECT_BACKING_OFF)
        return;
    child->restarts++;
    if (child_try_start(child) == STATUS_OK)
        voice_line(child->domain->name, "started again, restart %u since boot",
                   (unsigned)child->restarts);
}

/* ---- the kernel stopped one ---- */

/* Stopped for its silence, or its storm: the record tells where it was. */
static void child_on_stop_silent(struct child *child)
{
    struct fault_record record;
    uint64_t next = 0;
    const enum status s =
        domain_info(child->loaded.domain, INFO_FAULT, 0, &record, sizeof record, &next);

    if (child->storm_per_second != 0) {
        child_apply_policy(child, POLICY_SILENCE,
                           crash_by_storm(child, s == STATUS_OK ? &record : NULL));
        return;
    }
    child_apply_policy(child, POLICY_SILENCE,
                       crash_by_silence(child, HEARTBEAT_RUNS, s == STATUS_OK ? record.pc : 0,
                                        s == STATUS_OK ? &record : NULL));
}

static void child_on_stop(struct child *child)
{
    uint64_t next = 0;

    child->died_ns = time_now_ns();
    if (child->is_silent) {
        child_on_stop_silent(child);
        return;
    }
    const enum status s = domain_info(child->loaded.domain, INFO_FAULT, 0, &child->record,
                                      sizeof child->record, &next);

    if (s != STATUS_OK) {
        const enum inspect_cause cause =
            child->is_killed ? INSPECT_CAUSE_KILLED : INSPECT_CAUSE_QUIT;
        voice_line(child->domain->name, "%s", child->is_killed ? "was killed" : "stopped itself");
        child_apply_policy(child, POLICY_FAILED, crash_by_itself(child, cause, 0));
        return;
    }
    child->has_record = true;
    child->last_fault = child->record.reason;
    child_apply_policy(child, POLICY_FAULT, crash_by_fault(child, &child->record));
}

static void on_stop(void *context)
{
    (void)context;
    for (unsigned i = 1; i < child_count; i++) {
        struct child *child = &children[i];
        struct info_domain info;
        uint64_t next = 0;
        if (child->state != INSPECT_RUNNING)
            continue;
        const enum status s =
            domain_info(child->loaded.domain, INFO_DOMAIN, 0, &info, sizeof info, &next);
        if (s == STATUS_OK && info.state >= DOMAIN_STATE_STOPPED)
            child_on_stop(child);
    }
}

/*
 * Its text is taken from its view: the next instruction that anybody executes there is a fault, and
 * so the kernel takes down registers and backtrace of the very thread that doesn't come round.
 * Where nobody executes, or a look later still nobody has, there is nothing to take down.
 */
void supervisor_on_silence(struct child *child, enum heartbeat_pose pose, uint64_t pc)
{
    if (pose == HEARTBEAT_RUNS && !child->is_silent) {
        child->is_silent = true;
        if (segment_revoke(child->loaded.text.handle, child->loaded.domain) == STATUS_OK)
            return;
    }
    child->died_ns = time_now_ns();
    child_apply_policy(child, POLICY_SILENCE, crash_by_silence(child, pose, pc, NULL));
}

void supervisor_on_damage(struct child *child)
{
    child->died_ns = time_now_ns();
    voice_line(child->domain->name, "its text has changed while it runs");
    child_apply_policy(child, POLICY_FAULT, crash_by_itself(child, INSPECT_CAUSE_DAMAGE, 0));
}

/* The same for who takes too many interrupts; the next one is what it executes for. */
void supervisor_on_storm(struct child *child, uint64_t per_second)
{
    const bool is_first = child->storm_per_second == 0;

    child->storm_per_second = per_second;
    if (is_first) {
        child->is_silent = true;
        if (segment_revoke(child->loaded.text.handle, child->loaded.domain) == STATUS_OK)
            return;
    }
    child->died_ns = time_now_ns();
    child_apply_policy(child, POLICY_SILENCE, crash_by_storm(child, NULL));
}

/* ---- somebody wishes ---- */

/* It is started by hand: what came before is forgiven. */
static void child_forgive(struct child *child)
{
    loop_timer_stop(&child->timer);
    child->failures = 0;
    child->died_ns = 0;
}

enum status supervisor_launch(struct child *child, const char *argument, handle_t on_end)
{
    if (child->index == 0)
        return STATUS_DENIED;
    if (child->state == INSPECT_RUNNING)
        return STATUS_BUSY;
    if (argument != NULL)
        child_set_argument(child, argument);
    else
        child_set_first_argument(child);
    child_forgive(child);
    const enum status s = child_start(child);
    if (s == STATUS_OK)
        child->on_end = on_end;
    return s;
}

enum status supervisor_stop(struct child *child)
{
    if (child->index == 0)
        return STATUS_DENIED;
    if (child->state == INSPECT_RUNNING) {
        child_end(child, INSPECT_STOPPED);
        services_wake_hopeless(child);
        voice_line(child->domain->name, "stopped on request");
        return STATUS_OK;
    }
    if (child->state != INSPECT_BACKING_OFF)
        return STATUS_BAD_STATE;
    loop_timer_stop(&child->timer);
    child->next_start_ns = 0;
    child->died_ns = 0;
    child->state = INSPECT_STOPPED;
    services_wake_hopeless(child);
    return STATUS_OK;
}

enum status supervisor_restart(struct child *child)
{
    if (child->index == 0)
        return STATUS_DENIED;
    if (child->state == INSPECT_RUNNING)
        child_end(child, INSPECT_STOPPED);
    child->restarts++;
    voice_line(child->domain->name, "restarted on request");
    child_forgive(child);
    return child_try_start(child);
}

enum status supervisor_kill(struct child *child, uint64_t delay_ms)
{
    if (child->index == 0)
        return STATUS_DENIED;
    if (child->state != INSPECT_RUNNING)
        return STATUS_BAD_STATE;
    loop_timer_start(&child->timer, time_after_ns(delay_ms * NS_PER_MS));
    return STATUS_OK;
}

void supervisor_on_service(struct child *child)
{
    if (child->died_ns == 0)
        return;
    const nsec_t gone_us = (time_now_ns() - child->died_ns) / NS_PER_US;

    child->died_ns = 0;
    voice_line(child->domain->name, "serves again, %llu.%03llu ms after its end",
               (unsigned long long)(gone_us / 1000), (unsigned long long)(gone_us % 1000));
}

void supervisor_exit(struct child *child, uint64_t code)
{
    const bool in_order = code == 0 || code == APP_EXIT_NO_USE;

    child->died_ns = in_order ? 0 : time_now_ns();
    if (in_order) {
        child_apply_policy(child, code == 0 ? POLICY_ENDED : POLICY_NO_USE, NULL);
        return;
    }
    voice_line(child->domain->name, "ended with code %llu", (unsigned long long)code);
    child_apply_policy(child, POLICY_FAILED,
                       crash_by_itself(child, INSPECT_CAUSE_EXIT, (uint32_t)code));
}

/* ---- at the start ---- */

static void child_init(unsigned index, const struct manifest_domain *domain)
{
    struct child *child = &children[index];

    *child = (struct child){.domain = domain, .index = index, .state = INSPECT_IDLE};
    child->timer.on_time = on_time;
    child->timer.context = child;
    child_set_first_argument(child);
}

/* The launcher's own entry: what the kernel made of it. */
static void child_init_self(void)
{
    const struct boot_record *boot = &origin_get()->boot;
    struct loaded *loaded = &children[0].loaded;
    struct info_domain info;
    uint64_t next = 0;

    child_init(0, &self);
    children[0].state = INSPECT_RUNNING;
    loaded->program = archive_find(&origin_get()->archive, self.program);
    loaded->text.address = origin_text_address();
    if (loaded->program != NULL)
        loaded->text.bytes = loaded->program->text_bytes + loaded->program->rodata_bytes;
    loaded->data.handle = boot->own_data;
    loaded->stack.handle = boot->own_stack;
    if (domain_info(0, INFO_DOMAIN, 0, &info, sizeof info, &next) == STATUS_OK)
        loaded->domain_id = info.id;
}

enum status supervisor_init(handle_t portal)
{
    const struct manifest *manifest = &origin_get()->manifest;

    app_portal = portal;
    child_init_self();
    child_count = 1;
    for (uint32_t i = 0; i < manifest->domain_count; i++)
        child_init(child_count++, &manifest->domains[i]);
    report_stray_arguments();
    const enum status s = loop_bit_allocate(on_stop, NULL, &stop_bit);
    return s == STATUS_OK ? pulse_init() : s;
}

void supervisor_boot(void)
{
    unsigned started = 0;
    unsigned wanted = 0;

    for (unsigned i = 1; i < child_count; i++) {
        if (children[i].domain->start != MANIFEST_START_BOOT)
            continue;
        wanted++;
        if (child_try_start(&children[i]) == STATUS_OK)
            started++;
    }
    log_line("%u of %u domains started, %u more on demand", started, wanted,
             child_count - 1 - wanted);
}

/*
 * Pulse: the looks.
 */
#include "pulse.h"

#include "handle.h"

#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <stdatomic.h>

static _Atomic uint64_t answers; /* the event's word: the kernel sets bits, we clear them */
static handle_t answer_event;
static struct loop_timer look_timer;
static nsec_t looked_ns; /* when; 0: no look is due */

_Static_assert(CHILDREN_MAX <= 64, "each child has a bit of the event");

handle_t pulse_event(void)
{
    return answer_event;
}

uint64_t pulse_bit(const struct child *child)
{
    return UINT64_C(1) << child->index;
}

/* ---- what a look sees ---- */

static bool is_executing(const struct info_thread *thread)
{
    return thread->state == THREAD_STATE_RUNNING || thread->state == THREAD_STATE_READY;
}

static bool thread_next(const struct child *child, uint64_t *cursor, struct info_thread *out)
{
    return domain_info(child->loaded.domain, INFO_THREADS, *cursor, out, sizeof *out, cursor)
           == STATUS_OK;
}

/* One of `home`'s threads that executes in the domain. */
static bool runner_find_of(const struct child *home, uint32_t domain_id, struct info_thread *out)
{
    uint64_t cursor = 0;

    do {
        if (!thread_next(home, &cursor, out))
            return false;
        if (out->current_domain_id == domain_id && is_executing(out))
            return true;
    } while (cursor != 0);
    return false;
}

/* Anybody's thread that executes in the child: while the loop waits, a visitor may be why. */
static bool runner_find(const struct child *child, struct info_thread *out)
{
    for (unsigned i = 1; i < supervisor_count(); i++) {
        const struct child *home = supervisor_child(i);
        if (home->state == INSPECT_RUNNING && runner_find_of(home, child->loaded.domain_id, out))
            return true;
    }
    return false;
}

static enum heartbeat_pose pose_of(const struct info_thread *thread)
{
    if (thread->current_domain_id != thread->home_domain_id
        || thread->state == THREAD_STATE_WAITING_PORTAL)
        return HEARTBEAT_AWAY;
    if (is_executing(thread))
        return HEARTBEAT_RUNS;
    return thread->state == THREAD_STATE_WAITING_EVENT ? HEARTBEAT_SLEEPS : HEARTBEAT_STUCK;
}

/* `*loop` is its first thread.  False: there is none any more. */
static bool child_see(const struct child *child, struct heartbeat_sight *sight,
                      struct info_thread *loop)
{
    struct info_domain domain;
    struct info_thread runner;
    uint64_t cursor = 0;
    uint64_t next = 0;

    sight->has_answered = (atomic_load(&answers) & pulse_bit(child)) != 0;
    if (domain_info(child->loaded.domain, INFO_DOMAIN, 0, &domain, sizeof domain, &next)
            != STATUS_OK
        || !thread_next(child, &cursor, loop))
        return false;
    sight->switches = domain.switches;
    sight->pose = pose_of(loop);
    runner = *loop;
    bool runs = sight->pose == HEARTBEAT_RUNS;
    if (sight->pose == HEARTBEAT_STUCK
        || (sight->pose == HEARTBEAT_SLEEPS && !heartbeat_is_at_rest(&child->heartbeat, sight)))
        runs = runner_find(child, &runner);
    if (!runs)
        return true;
    if (sight->pose == HEARTBEAT_STUCK)
        sight->pose = HEARTBEAT_RUNS;
    sight->runner_id = runner.id;
    sight->runner_cpu_ns = runner.cpu_time_ns;
    return true;
}

/* ---- looking ---- */

static void child_ask(struct child *child)
{
    atomic_fetch_and(&answers, ~pulse_bit(child));
    (void)event_signal(child->heart, UINT64_MAX);
}

/* Of all the devices that it claims; one that it hasn't bound yet has none. */
static uint64_t interrupt_count(const struct child *child)
{
    const struct claim_set *claims = &child->loaded.claims;
    uint64_t count = 0;

    for (uint32_t i = 0; i < claims->count; i++) {
        const struct device *device = &claims->devices[i].device;
        for (uint32_t j = 0; j < device->interrupt_count; j++) {
            struct info_interrupt record;
            uint64_t next = 0;
            const uint32_t number = device->interrupts[j].number;
            if (system_info(INFO_INTERRUPTS, number, &record, sizeof record, &next) == STATUS_OK
                && record.number == number)
                count += record.count;
        }
    }
    return count;
}

/* False: it takes no more interrupts than it may. */
static bool child_storms(struct child *child, nsec_t passed_ns)
{
    struct info_thread loop;
    uint64_t per_second;
    uint64_t cursor = 0;

    if (child->storm_per_second != 0) {
        /* A look ago its text was taken, and it hasn't stumbled over that yet. */
        supervisor_on_storm(child, child->storm_per_second);
        return true;
    }
    if (child->loaded.claims.count == 0 || !thread_next(child, &cursor, &loop)
        || !storm_look(&child->storm, interrupt_count(child), loop.cpu_time_ns, passed_ns,
                       child->domain->interrupts_per_second, &per_second))
        return false;
    supervisor_on_storm(child, per_second);
    return true;
}

static void child_look(struct child *child, nsec_t passed_ns, nsec_t period_ns)
{
    struct heartbeat_sight sight = {0};
    struct info_thread loop;

    if (!child_see(child, &sight, &loop))
        return;
    /* Who may be found to storm at the next look is told so: it says more. */
    if (child->heartbeat.is_owing && sight.has_answered && child->storm.looks_over == 0
        && !loader_text_is_sound(&child->loaded)) {
        supervisor_on_damage(child);
        return;
    }
    switch (heartbeat_look(&child->heartbeat, &sight, passed_ns, period_ns)) {
    case HEARTBEAT_LEAVE:
        break;
    case HEARTBEAT_ASK:
        child_ask(child);
        break;
    case HEARTBEAT_OVER:
        supervisor_on_silence(child, sight.pose, loop.pc);
        break;
    }
}

static bool is_watched(const struct child *child)
{
    return child->state == INSPECT_RUNNING && child->heartbeat.limit_ns != 0;
}

/* As the most impatient of those that run wants it; 0: nobody is to be looked at. */
static nsec_t look_period_ns(void)
{
    nsec_t shortest_ns = 0;

    for (unsigned i = 1; i < supervisor_count(); i++) {
        const struct child *child = supervisor_child(i);
        if (!is_watched(child))
            continue;
        const nsec_t period_ns = heartbeat_period_ns(child->heartbeat.limit_ns);
        if (shortest_ns == 0 || period_ns < shortest_ns)
            shortest_ns = period_ns;
    }
    return shortest_ns;
}

static void on_time(void *context, struct loop_timer *timer)
{
    const nsec_t now_ns = time_now_ns();
    const nsec_t passed_ns = now_ns - looked_ns;
    const nsec_t period_ns = look_period_ns();

    (void)context;
    for (unsigned i = 1; i < supervisor_count(); i++) {
        struct child *child = supervisor_child(i);
        if (is_watched(child) && !child_storms(child, passed_ns))
            child_look(child, passed_ns, period_ns);
    }
    const nsec_t next_ns = look_period_ns();
    looked_ns = next_ns == 0 ? 0 : now_ns;
    if (next_ns != 0)
        loop_timer_start(timer, now_ns + next_ns);
}

/* ---- lives ---- */

void pulse_begin(struct child *child)
{
    heartbeat_begin(&child->heartbeat, child->domain->heartbeat_ms * NS_PER_MS);
    child->storm = (struct storm){0};
    if (child->heartbeat.limit_ns == 0)
        return;
    atomic_fetch_and(&answers, ~pulse_bit(child));
    const nsec_t now_ns = time_now_ns();
    const nsec_t due_ns = now_ns + look_period_ns();
    if (looked_ns != 0 && look_timer.timer.deadline_ns <= due_ns)
        return;
    if (looked_ns == 0)
        looked_ns = now_ns;
    loop_timer_start(&look_timer, due_ns);
}

void pulse_end(struct child *child)
{
    handle_drop(child->heart);
    child->heart = 0;
    child->heartbeat = (struct heartbeat){0};
}

enum status pulse_register(struct child *child, handle_t event)
{
    struct handle_info info;

    if (child->heartbeat.limit_ns == 0 || handle_info(event, &info) != STATUS_OK
        || info.type != OBJECT_EVENT || (info.rights & RIGHT_SIGNAL) == 0) {
        handle_drop(event);
        return child->heartbeat.limit_ns == 0 ? STATUS_BAD_STATE : STATUS_BAD_ARGUMENT;
    }
    handle_drop(child->heart);
    child->heart = event;
    atomic_fetch_or(&answers, pulse_bit(child)); /* its first word */
    return STATUS_OK;
}

enum status pulse_init(void)
{
    const struct startup_segment *data = &startup_get()->data;

    look_timer.on_time = on_time;
    return event_create(data->handle, (uint64_t)(uintptr_t)&answers - data->address, &answer_event);
}

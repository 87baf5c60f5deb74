#include "wake_load.h"

#include "bench.h"
#include "doorbell.h"
#include "peer_client.h"

#include "inspect_client.h"

#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/thread.h"
#include "rt/time.h"

#include <stdatomic.h>

enum {
    STACK_BYTES = 16384,
    BUSY_BELOW = 2, /* priorities under the one that measures */
    SPIN_BELOW = 10,
    SPIN_ABOVE = 1, /* the highest that the one that measures may have; all that the peer may */
    SPIN_BUDGET_NS = 50000,
    SPIN_PERIOD_NS = 1000000,
    BURST = 8,        /* of each kind before a pause */
    PAUSE_NS = 20000, /* the spinner's turn */
    TORN_DOMAINS = 40,
    TORN_HANDLES = 1000,
    TORN_SEGMENTS = 4,
};

static const uint64_t torn_bytes = UINT64_C(1) << 30;

/* ---- traffic ---- */

struct traffic {
    const struct bench *bench;
    struct doorbell own, nobody;
    handle_t partner;
    atomic_bool is_wanted;
    atomic_bool has_ended;
};

static struct traffic traffic;

static enum status burst(const struct traffic *t)
{
    enum status s = STATUS_OK;

    for (unsigned i = 0; i < BURST && s == STATUS_OK; i++) {
        struct portal_message message = {{0}, {0}};
        s = portal_call(t->bench->peer_null, &message);
        if (s == STATUS_OK)
            s = event_signal(t->nobody.event, 1);
        if (s == STATUS_OK)
            s = event_signal(t->partner, 1);
        if (s == STATUS_OK)
            s = doorbell_wait(&t->own);
    }
    return s;
}

static void traffic_run(void *context)
{
    struct traffic *t = context;

    while (atomic_load(&t->is_wanted) && burst(t) == STATUS_OK)
        (void)thread_sleep(time_after_ns(PAUSE_NS));
    atomic_store(&t->has_ended, true);
}

/* The partner stays when the load goes; the next one finds it there. */
static enum status traffic_open(struct traffic *t, const struct bench *bench)
{
    if (t->bench != NULL)
        return STATUS_OK;
    enum status s = doorbell_create(&t->own);
    if (s == STATUS_OK)
        s = doorbell_create(&t->nobody);
    if (s == STATUS_OK)
        s = peer_pong(bench->peer, t->own.signal, bench->priority - BUSY_BELOW, &t->partner);
    if (s == STATUS_OK)
        t->bench = bench;
    return s;
}

enum status traffic_start(struct bench *bench)
{
    enum status s = traffic_open(&traffic, bench);

    if (s == STATUS_OK)
        s = peer_spin(bench->peer, bench->priority - SPIN_BELOW, 0, 0);
    if (s != STATUS_OK)
        return s;
    atomic_store(&traffic.is_wanted, true);
    atomic_store(&traffic.has_ended, false);
    return thread_start(traffic_run, &traffic, STACK_BYTES, bench->priority - BUSY_BELOW, NULL);
}

void traffic_stop(struct bench *bench)
{
    atomic_store(&traffic.is_wanted, false);
    while (!atomic_load(&traffic.has_ended))
        (void)thread_sleep(time_after_ns(NS_PER_MS));
    peer_rest(bench->peer);
}

/* ---- an urgent spinner ---- */

enum status spinner_start(struct bench *bench)
{
    return peer_spin(bench->peer, startup_get()->highest_priority + SPIN_ABOVE, SPIN_BUDGET_NS,
                     SPIN_PERIOD_NS);
}

void spinner_stop(struct bench *bench)
{
    peer_rest(bench->peer);
}

/* ---- teardown ---- */

static _Atomic int torn_result; /* enum status, or -1 while it goes on */

static enum status tear_domains(struct inspect *inspect)
{
    const struct inspect_population burdened = {.domains = 1, .handles = TORN_HANDLES};
    const struct inspect_population nobody = {0};
    const char *program = startup_get()->program;
    enum status s = STATUS_OK;

    for (unsigned i = 0; i < TORN_DOMAINS && s == STATUS_OK; i++) {
        s = inspect_populate(inspect, program, &burdened);
        if (s == STATUS_OK)
            s = inspect_populate(inspect, program, &nobody);
    }
    return s;
}

/* The last one may still be in the reaper's hands, which gets its turn when threads yield. */
static enum status create_when_possible(handle_t *out)
{
    const nsec_t give_up_ns = time_after_ns(NS_PER_S);
    enum status s;
    uaddr_t address;

    do {
        s = segment_create(torn_bytes, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("bench torn"), out,
                           &address);
        if (s != STATUS_OK)
            thread_yield();
    } while (s != STATUS_OK && time_now_ns() < give_up_ns);
    return s;
}

static enum status tear_segments(void)
{
    enum status s = STATUS_OK;
    handle_t segment;

    for (unsigned i = 0; i < TORN_SEGMENTS && s == STATUS_OK; i++) {
        s = create_when_possible(&segment);
        if (s == STATUS_OK)
            s = handle_close(segment);
    }
    return s;
}

static void teardown_run(void *context)
{
    struct inspect inspect;
    enum status s = inspect_open(&inspect);

    (void)context;
    if (s == STATUS_OK) {
        s = tear_domains(&inspect);
        inspect_close(&inspect);
    }
    if (s == STATUS_OK)
        s = tear_segments();
    atomic_store(&torn_result, (int)s);
}

enum status teardown_start(void)
{
    atomic_store(&torn_result, -1);
    return thread_start(teardown_run, NULL, STACK_BYTES, startup_get()->priority - BUSY_BELOW,
                        NULL);
}

bool teardown_is_done(enum status *s)
{
    const int result = atomic_load(&torn_result);

    if (result < 0)
        return false;
    *s = (enum status)result;
    return true;
}

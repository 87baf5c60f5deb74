/*
 * Rows about waking up in time, from a clock's deadline to the first instruction of the thread that
 * waits for it, the most urgent of this program.
 *
 *   wake_idle_*     nothing else to do: out of the kernel's idle loop
 *   wake_loaded_*   beside wake_load.h's traffic
 *   wake_spinner_*  beside wake_load.h's spinner, which is more urgent and has a budget
 *   irq_masked_max    beside wake_load.h's teardown: the latest wake-up, less the median of an idle
 *                     machine; so no stretch with interrupts off is longer, of those that were hit
 *   irq_masked_worst  the same beside worst_load.h's
 *
 * Sleeps are of pseudo-random length, the same ones in each run.
 */
#include "alarm.h"
#include "bench.h"
#include "wake_load.h"
#include "worst_load.h"

#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#define SETTLE_NS (500 * NS_PER_MS) /* what others started before is done by then */

enum {
    WAKE_SAMPLES = 500,
    IDLE_SAMPLES = 64, /* for a median */
    SLEEP_LEAST_TICKS = 200,
    SLEEP_SPREAD_TICKS = 4096, /* a power of two */
    HURRY_LEAST_TICKS = 60,
    HURRY_SPREAD_TICKS = 1024,
    AFTERMATH_SAMPLES = 2000, /* while the reaper ends what the load has left */
};

struct nap {
    uint32_t least, spread;
};

static const struct nap usual = {SLEEP_LEAST_TICKS, SLEEP_SPREAD_TICKS};
static const struct nap hurried = {HURRY_LEAST_TICKS, HURRY_SPREAD_TICKS};

/* Source: the constants are Knuth's for 64 bits, whose high bits are the random ones. */
static uint32_t nap_ticks(const struct nap *nap, uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return nap->least + ((uint32_t)(*seed >> 33) & (nap->spread - 1));
}

static enum status sleep_rounds(struct bench *bench, struct alarm *alarm, uint32_t count)
{
    enum status s = STATUS_OK;
    uint64_t seed = 1, late;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(count) && s == STATUS_OK; i++) {
        s = alarm_sleep(alarm, nap_ticks(&usual, &seed), &late);
        samples_add_value(&bench->samples, late);
    }
    return s;
}

struct distribution {
    const char *p50, *p99, *max;
};

static const struct distribution idle = {"wake_idle_p50", "wake_idle_p99", "wake_idle_max"};
static const struct distribution loaded = {"wake_loaded_p50", "wake_loaded_p99", "wake_loaded_max"};

static const struct distribution beside_spinner = {"wake_spinner_p50", "wake_spinner_p99",
                                                   "wake_spinner_max"};

static bool wants(const struct bench *bench, const struct distribution *ids)
{
    return bench_wants(bench, ids->p50) || bench_wants(bench, ids->p99)
           || bench_wants(bench, ids->max);
}

static void fail(struct bench *bench, const struct distribution *ids, enum status s)
{
    bench_report_failure(bench, ids->p50, status_text(s));
    bench_report_failure(bench, ids->p99, status_text(s));
    bench_report_failure(bench, ids->max, status_text(s));
}

static void report(struct bench *bench, const struct distribution *ids)
{
    bench_report_value(bench, ids->p50, meter_shown(samples_percentile(&bench->samples, 50)));
    bench_report_value(bench, ids->p99, meter_shown(samples_percentile(&bench->samples, 99)));
    bench_report_value(bench, ids->max, meter_shown(samples_percentile(&bench->samples, 100)));
}

static void rows_idle(struct bench *bench, struct alarm *alarm)
{
    if (!wants(bench, &idle))
        return;
    const enum status s = sleep_rounds(bench, alarm, WAKE_SAMPLES);
    if (s == STATUS_OK)
        report(bench, &idle);
    else
        fail(bench, &idle, s);
}

static void rows_beside(struct bench *bench, struct alarm *alarm, const struct distribution *ids,
                        enum status (*start)(struct bench *bench),
                        void (*stop)(struct bench *bench))
{
    if (!wants(bench, ids))
        return;
    enum status s = start(bench);
    if (s == STATUS_OK) {
        s = sleep_rounds(bench, alarm, WAKE_SAMPLES);
        stop(bench);
    }
    if (s == STATUS_OK)
        report(bench, ids);
    else
        fail(bench, ids, s);
}

/* A load that ends by itself. */
struct load {
    const char *id;
    enum status (*start)(void);
    bool (*is_done)(enum status *s);
};

static const struct load loads[] = {
    {"irq_masked_max", teardown_start, teardown_is_done},
    {"irq_masked_worst", worst_start, worst_is_done},
};

enum { LOADS = sizeof loads / sizeof loads[0] };

/* Raise `*latest` to that of the wake-ups beside the load. */
static enum status sleep_beside(const struct load *load, struct alarm *alarm, uint64_t *latest)
{
    uint64_t seed = 2, late;
    enum status ended = STATUS_OK;
    uint32_t aftermath = 0;
    enum status s = load->start();

    while (s == STATUS_OK && aftermath < AFTERMATH_SAMPLES) {
        if (load->is_done(&ended))
            aftermath++;
        s = alarm_sleep(alarm, nap_ticks(&hurried, &seed), &late);
        *latest = late > *latest ? late : *latest;
    }
    return s == STATUS_OK ? ended : s;
}

static void row_masked(struct bench *bench, struct alarm *alarm, const struct load *load)
{
    if (!bench_wants(bench, load->id))
        return;
    enum status s = sleep_rounds(bench, alarm, IDLE_SAMPLES);
    const uint64_t usually = samples_percentile(&bench->samples, 50);
    uint64_t latest = usually;
    if (s == STATUS_OK)
        s = sleep_beside(load, alarm, &latest);
    if (s == STATUS_OK)
        bench_report_value(bench, load->id, meter_shown(latest - usually));
    else
        bench_report_failure(bench, load->id, bench_reason(s));
}

static bool wants_masked(const struct bench *bench)
{
    bool wants = false;

    for (unsigned i = 0; i < LOADS; i++)
        wants = wants || bench_wants(bench, loads[i].id);
    return wants;
}

void rows_of_wakes(struct bench *bench)
{
    static struct alarm alarm;

    if (!wants(bench, &idle) && !wants(bench, &loaded) && !wants(bench, &beside_spinner)
        && !wants_masked(bench))
        return;
    (void)thread_sleep(time_after_ns(SETTLE_NS));
    enum status s = thread_set_priority(0, startup_get()->highest_priority);
    if (s == STATUS_OK)
        s = alarm_open(&alarm);
    if (s != STATUS_OK) {
        fail(bench, &idle, s);
        fail(bench, &loaded, s);
        fail(bench, &beside_spinner, s);
        for (unsigned i = 0; i < LOADS; i++)
            bench_report_failure(bench, loads[i].id, status_text(s));
        return;
    }
    rows_idle(bench, &alarm);
    rows_beside(bench, &alarm, &loaded, traffic_start, traffic_stop);
    rows_beside(bench, &alarm, &beside_spinner, spinner_start, spinner_stop);
    for (unsigned i = 0; i < LOADS; i++)
        row_masked(bench, &alarm, &loads[i]);
    (void)!thread_set_priority(0, bench->priority);
}

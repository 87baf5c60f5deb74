/*
 * Rows about how many domains there are: the portal call of portal_cross_0w, with 10 to 10,000 more
 * domains alive than the system has anyway.
 *
 * Each of them shares this program's text, has run, has an ASID and a thread that waits.  The
 * launcher, which alone can, makes them at this program's request and takes them away again.
 */
#include "bench.h"
#include "entry.h"

#include "inspect_client.h"

#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <stdio.h>

#define PAUSE_NS (500 * NS_PER_MS) /* less urgent programs run, and a person can stop this one */

static const uint32_t sizes[] = {10, 100, 1000, 10000};

enum {
    ID_BYTES = 24,
    AIM_PERCENT = 102, /* of what a call costs among the fewest */
};

static void id_of(char out[ID_BYTES], uint32_t size)
{
    snprintf(out, ID_BYTES, "portal_domains_%u", (unsigned)size);
}

static bool wants_any(const struct bench *bench)
{
    bool wants = false;
    char id[ID_BYTES];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        id_of(id, sizes[i]);
        wants = wants || bench_wants(bench, id);
    }
    return wants;
}

static enum status measure_among(struct bench *bench, struct inspect *inspect, uint32_t size)
{
    const uint64_t entry = (uint64_t)(uintptr_t)entry_thread_parked;
    const struct inspect_population population = {.entry = entry, .domains = size};
    const enum status s = inspect_populate(inspect, startup_get()->program, &population);

    (void)thread_sleep(time_after_ns(PAUSE_NS));
    return s == STATUS_OK ? portal_rounds(bench, bench->peer_null) : s;
}

void rows_of_population(struct bench *bench)
{
    const struct inspect_population nobody = {0};
    struct inspect inspect;
    uint64_t aim = 0;

    if (!wants_any(bench))
        return;
    enum status s = inspect_open(&inspect);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char id[ID_BYTES];
        id_of(id, sizes[i]);
        if (s == STATUS_OK)
            s = measure_among(bench, &inspect, sizes[i]);
        if (s != STATUS_OK) {
            bench_report_failure(bench, id, bench_reason(s));
            continue;
        }
        if (aim == 0)
            aim = samples_percentile(&bench->samples, 50) * AIM_PERCENT / 100;
        bench_report_aimed(bench, id, 1, i == 0 ? 0 : aim);
    }
    if (s == STATUS_OK)
        s = inspect_populate(&inspect, startup_get()->program, &nobody);
    inspect_close(&inspect);
}

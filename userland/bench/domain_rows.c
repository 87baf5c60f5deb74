/*
 * Rows about domains and programs.
 *
 * domain_create and domain_destroy are measured by the launcher, which alone can do them,
 * at the request of this program.  create contains the domain, a stack of one page, the
 * grants of stack and text, the first thread, the switch to it and its way to its first system
 * call; destroy contains taking all of it apart, closing the handles, and the reaper's turn.
 *
 * program_launch is everything: the request to the launcher, the copy of the program's
 * data, its runtime's start, an empty main(), its end, and the word that it has ended.
 */
#include "bench.h"
#include "entry.h"

#include "inspect_client.h"

#include "rt/app.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

enum {
    DOMAIN_ROUNDS = 32,
    LAUNCH_ROUNDS = 16,
};

/* The creations go to the row's own samples. */
static enum status domain_rounds(struct bench *bench, struct samples *destroy)
{
    struct inspect inspect;

    void (*start)(void) = meter.counts_instructions ? entry_thread_counted : entry_thread_timed;

    bench_begin(bench, 2);
    samples_begin(destroy, 2);
    enum status s = inspect_open(&inspect);
    if (s != STATUS_OK)
        return s;
    for (unsigned i = 0; i < DOMAIN_ROUNDS && s == STATUS_OK; i++) {
        uint64_t entry = (uint64_t)(uintptr_t)start;
        struct inspect_records records;
        s = inspect_list(&inspect, INSPECT_MEASURE, startup_get()->program, &entry, &records);
        if (s != STATUS_OK || records.count != 1)
            break;
        const struct inspect_measure *measure = inspect_record(&records, 0);
        samples_add(&bench->samples, 0, measure->create);
        samples_add(destroy, 0, measure->destroy);
    }
    inspect_close(&inspect);
    return s;
}

static void rows_create_destroy(struct bench *bench)
{
    static struct samples destroy;

    if (!bench_wants(bench, "domain_create") && !bench_wants(bench, "domain_destroy"))
        return;
    enum status s = domain_rounds(bench, &destroy);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "domain_create", status_text(s));
        bench_report_failure(bench, "domain_destroy", status_text(s));
        return;
    }
    bench_report(bench, "domain_create", 1);
    bench->samples = destroy;
    bench_report(bench, "domain_destroy", 1);
}

static enum status launch_round(struct samples *samples, unsigned bit, handle_t on_end)
{
    uint32_t begin = meter_read();
    enum status s = app_launch("bench-null", "", on_end, NULL, NULL);

    if (s == STATUS_OK)
        s = loop_wait(bit, time_after_ns(NS_PER_S));
    samples_add(samples, begin, meter_read());
    return s;
}

static void on_nothing(void *context)
{
    (void)context;
}

static void row_launch(struct bench *bench)
{
    handle_t on_end;
    unsigned bit;

    enum status s = loop_bit_allocate(on_nothing, NULL, &bit);
    if (s == STATUS_OK)
        s = loop_signal_handle(bit, &on_end);
    bench_begin(bench, 2);
    for (unsigned i = 0; i < LAUNCH_ROUNDS && s == STATUS_OK; i++)
        s = launch_round(&bench->samples, bit, on_end);
    bench_report_if(bench, "program_launch", s);
}

void rows_of_domains(struct bench *bench)
{
    rows_create_destroy(bench);
    if (bench_wants(bench, "program_launch"))
        row_launch(bench);
}

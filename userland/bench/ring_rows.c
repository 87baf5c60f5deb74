/*
 * Rows about rings: messages to another domain.
 *
 * ring_msg_b* contain, for each wake-up of a reader that is more urgent and asleep: filling and
 * publishing the messages, the bell, the switch to the reader, its taking of all messages, giving
 * the room back, going to sleep, and the switch back.
 *
 * ring_msg_running_b* contain what both sides do when neither sleeps: putting and publishing here,
 * taking and releasing in the peer, each between readings of its own, added up.  A sample counts
 * only if the kernel was entered in neither part.
 */
#include "bench.h"
#include "peer_client.h"
#include "ring_end.h"
#include "undisturbed.h"

#include "rt/syscall.h"

static void row_asleep(struct bench *bench, const char *id, struct ring_end *end, unsigned batch)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = ring_end_send(end, batch);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, id, batch);
    else
        bench_report_failure(bench, id, status_text(s));
}

static void rows_asleep(struct bench *bench)
{
    static struct ring_end end;

    if (!bench_wants(bench, "ring_msg_b1") && !bench_wants(bench, "ring_msg_b32"))
        return;
    const enum status s = ring_end_open(bench->peer, false, &end);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "ring_msg_b1", status_text(s));
        bench_report_failure(bench, "ring_msg_b32", status_text(s));
        return;
    }
    if (bench_wants(bench, "ring_msg_b1"))
        row_asleep(bench, "ring_msg_b1", &end, 1);
    if (bench_wants(bench, "ring_msg_b32"))
        row_asleep(bench, "ring_msg_b32", &end, 32);
}

/* False: the ring is full, or the peer wants a bell. */
__attribute__((noinline)) static bool put_one(struct ring_producer *producer, uint32_t *cost)
{
    const struct ring_message message = {{1, 2, 3, 4}};
    uint32_t begin = meter_read();
    const bool is_put = ring_put(producer, &message);
    const bool wants_bell = ring_publish(producer);
    uint32_t end = meter_read();

    *cost = meter_passed(begin, end);
    return is_put && !wants_bell;
}

/* The same with as many messages in runs. */
__attribute__((noinline)) static bool put_run(struct ring_producer *producer, uint64_t batch,
                                              uint32_t *cost)
{
    const struct ring_message message = {{1, 2, 3, 4}};
    struct ring_message *slot;
    uint64_t left = batch;
    uint32_t begin = meter_read();

    while (left > 0) {
        const uint64_t count = ring_reserve(producer, left, &slot);
        if (count == 0)
            return false;
        for (const struct ring_message *end = slot + count; slot != end; slot++)
            *slot = message;
        ring_commit(producer, count);
        left -= count;
    }
    const bool wants_bell = ring_publish(producer);
    uint32_t end = meter_read();
    *cost = meter_passed(begin, end);
    return !wants_bell;
}

/* One sample, unless something came between.  Errors: BAD_STATE (a bell was wanted), the peer's. */
static enum status running_round(struct bench *bench, struct ring_end *end, unsigned batch)
{
    struct undisturbed undisturbed = {0};
    uint32_t cost_here = 0;
    uint64_t cost_there;
    bool is_undisturbed_there;

    undisturbed_begin(&undisturbed);
    const bool is_put = batch == 1 ? put_one(&end->producer, &cost_here)
                                   : put_run(&end->producer, batch, &cost_here);
    const bool is_undisturbed = undisturbed_end(&undisturbed);
    const enum status s =
        peer_take(bench->peer, end->number, batch, &cost_there, &is_undisturbed_there);
    if (s == STATUS_OK && is_undisturbed && is_undisturbed_there && is_put)
        samples_add_value(&bench->samples, cost_here + cost_there);
    return s;
}

static void row_running(struct bench *bench, const char *id, struct ring_end *end, unsigned batch)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++)
        s = running_round(bench, end, batch);
    if (s != STATUS_OK)
        bench_report_failure(bench, id, status_text(s));
    else if (bench->samples.count < SAMPLES_USUAL / 2)
        bench_report_failure(bench, id, "the kernel was entered in most samples");
    else
        bench_report(bench, id, batch);
}

static void rows_running(struct bench *bench)
{
    static struct ring_end end;

    if (!bench_wants(bench, "ring_msg_running_b1") && !bench_wants(bench, "ring_msg_running_b32"))
        return;
    const enum status s = ring_end_open(bench->peer, true, &end);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "ring_msg_running_b1", status_text(s));
        bench_report_failure(bench, "ring_msg_running_b32", status_text(s));
        return;
    }
    if (bench_wants(bench, "ring_msg_running_b1"))
        row_running(bench, "ring_msg_running_b1", &end, 1);
    if (bench_wants(bench, "ring_msg_running_b32"))
        row_running(bench, "ring_msg_running_b32", &end, 32);
}

void rows_of_rings(struct bench *bench)
{
    rows_asleep(bench);
    rows_running(bench);
}

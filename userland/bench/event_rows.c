/*
 * Rows about events: bits set, waited for, and answered.
 */
#include "bench.h"
#include "doorbell.h"
#include "peer_client.h"

#include "rt/syscall.h"

static void row_signal(struct bench *bench, const char *id, handle_t event)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = event_signal(event, 1);
        samples_add(&bench->samples, begin, meter_read());
    }
    bench_report_if(bench, id, s);
}

/* Contains: the call, and setting the bit in the event's word. */
static void row_signal_nobody(struct bench *bench)
{
    struct doorbell nobody;
    const enum status s = doorbell_create(&nobody);

    if (s == STATUS_OK)
        row_signal(bench, "signal_nobody", nobody.event);
    else
        bench_report_failure(bench, "signal_nobody", status_text(s));
}

/*
 * Contains: two signals, two waits, two takings of the bits and two switches.  Both threads have
 * the same priority, so a signal switches to nobody; the wait behind it does.
 */
static void row_ping_pong(struct bench *bench)
{
    struct doorbell own;
    handle_t partner;

    enum status s = doorbell_create(&own);
    if (s == STATUS_OK)
        s = peer_pong(bench->peer, own.signal, bench->priority, &partner);
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = event_signal(partner, 1);
        if (s == STATUS_OK)
            s = doorbell_wait(&own);
        samples_add(&bench->samples, begin, meter_read());
    }
    bench_report_if(bench, "event_ping_pong", s);
}

/*
 * signal_wake_return contains: the signal, the switch to a thread of the peer that waits, its
 * return from the kernel, its taking of the bits, its next wait, and the switch back.
 */
void rows_of_events(struct bench *bench)
{
    if (bench_wants(bench, "signal_nobody"))
        row_signal_nobody(bench);
    if (bench_wants(bench, "signal_wake_return"))
        row_signal(bench, "signal_wake_return", bench->peer_event);
    if (bench_wants(bench, "event_ping_pong"))
        row_ping_pong(bench);
}

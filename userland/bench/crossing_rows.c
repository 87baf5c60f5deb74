/*
 * Rows about crossing from one domain to another: portals, events, faults.
 */
#include "bench.h"
#include "entry.h"

#include "bench/peer.h"

#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"

/*
 * Contains: the SDK's calling stub with its scrubbing of registers, two crossings, an entry
 * that returns with its first instruction.
 */
static void row_portal_0w(struct bench *bench, const char *id, handle_t portal)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        struct portal_message message = {{0}, {0}};
        uint32_t begin = meter_read();
        s = portal_call(portal, &message);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, id, 1);
    else
        bench_report_failure(bench, id, status_text(s));
}

/* Contains: the same, and loading and storing eight words on the caller's side. */
static void row_portal_8w(struct bench *bench)
{
    struct portal_message message = {{1, 2, 3, 4, 5, 6, 7, 8}, {0}};
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        __asm__ volatile("" : "+m"(message));
        uint32_t begin = meter_read();
        s = portal_call(bench->peer_null, &message);
        __asm__ volatile("" : "+m"(message));
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK && message.word[7] == 8)
        bench_report(bench, "portal_cross_8w", 1);
    else
        bench_report_failure(bench, "portal_cross_8w",
                             s == STATUS_OK ? "the words came back changed" : status_text(s));
}

/* Contains: as without words, and the first FP instruction on each side, which traps. */
static void row_portal_fp(struct bench *bench)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        struct portal_message message = {{0}, {0}};
        uint32_t begin = meter_read();
        entry_fp();
        s = portal_call(bench->peer_fp, &message);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, "portal_cross_fp", 1);
    else
        bench_report_failure(bench, "portal_cross_fp", status_text(s));
}

/* Contains: all of a request to a service written in C: stubs, monitor, handler. */
static void row_portal_request(struct bench *bench)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        struct portal_message message = {{PEER_NOTHING}, {0}};
        uint32_t begin = meter_read();
        s = portal_request(bench->peer, &message);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, "portal_request", 1);
    else
        bench_report_failure(bench, "portal_request", status_text(s));
}

/* Contains: the same with a handle duplicated into the peer's table, and closed there. */
static void row_handle_pass(struct bench *bench, handle_t handle)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        struct portal_message message = {{PEER_NOTHING}, {handle}};
        uint32_t begin = meter_read();
        s = portal_call_with(bench->peer, &message, DEADLINE_NEVER);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, "handle_pass", 1);
    else
        bench_report_failure(bench, "handle_pass", status_text(s));
}

void rows_of_portals(struct bench *bench)
{
    handle_t own;

    if (bench_wants(bench, "portal_cross_0w"))
        row_portal_0w(bench, "portal_cross_0w", bench->peer_null);
    if (bench_wants(bench, "portal_cross_8w"))
        row_portal_8w(bench);
    if (bench_wants(bench, "portal_cross_fp"))
        row_portal_fp(bench);
    if (bench_wants(bench, "portal_request"))
        row_portal_request(bench);

    enum status s = portal_serve_raw(portal_entry_null, 0, PORTAL_STACK_BYTES_MIN, 1, &own);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "portal_same_0w", status_text(s));
        return;
    }
    if (bench_wants(bench, "portal_same_0w"))
        row_portal_0w(bench, "portal_same_0w", own);
    if (bench_wants(bench, "handle_pass"))
        row_handle_pass(bench, own);
}

static void row_signal(struct bench *bench, const char *id, handle_t event)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = event_signal(event, 1);
        samples_add(&bench->samples, begin, meter_read());
    }
    if (s == STATUS_OK)
        bench_report(bench, id, 1);
    else
        bench_report_failure(bench, id, status_text(s));
}

/*
 * signal_nobody contains: the call, and setting the bit in the event's word.
 * signal_wake_return contains: the same, the switch to a thread of the peer that waits, its
 * return from the kernel, its taking of the bits, its next wait, and the switch back.
 */
void rows_of_events(struct bench *bench)
{
    struct memory memory;
    handle_t event = 0;

    if (bench_wants(bench, "signal_wake_return"))
        row_signal(bench, "signal_wake_return", bench->peer_event);
    if (!bench_wants(bench, "signal_nobody"))
        return;

    enum status s = memory_create(PAGE_BYTES, "bench event", 0, &memory);
    if (s == STATUS_OK)
        s = event_create(memory.segment, 0, &event);
    if (s == STATUS_OK)
        row_signal(bench, "signal_nobody", event);
    else
        bench_report_failure(bench, "signal_nobody", status_text(s));
}

/*
 * Contains: a load that faults, the kernel's report to a portal of another domain, its
 * answer "skip", and going on behind the load.
 */
void rows_of_faults(struct bench *bench)
{
    if (!bench_wants(bench, "fault_roundtrip"))
        return;

    handle_t self = startup_get()->own_domain;
    enum status s = domain_set_fault_portal(self, bench->peer_fault);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "fault_roundtrip", status_text(s));
        return;
    }
    /* The first slot of the shared space is never given out. */
    const void *nowhere = (const void *)(uintptr_t)PAGE_BYTES;
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        uint32_t begin = meter_read();
        entry_fault(nowhere);
        samples_add(&bench->samples, begin, meter_read());
    }
    bench_report(bench, "fault_roundtrip", 1);
    (void)!domain_set_fault_portal(self, 0);
}

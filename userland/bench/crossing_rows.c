/*
 * Rows about crossing from one domain to another: portals and faults.
 */
#include "bench.h"
#include "entry.h"

#include "bench/peer.h"

#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#define HOUR_NS (UINT64_C(3600) * NS_PER_S)

/*
 * The two calls that are more than words.  Which stub they go through is decided here.
 */
static inline enum status call_with_handle(handle_t portal, handle_t passed)
{
    struct portal_message message = {{0}, {passed}};

    return portal_call_with(portal, &message, DEADLINE_NEVER);
}

static inline enum status call_with_deadline(handle_t portal, nsec_t deadline_ns)
{
    struct portal_message message = {{0}, {0}};

    return portal_call_with(portal, &message, deadline_ns);
}

/*
 * Contains: the SDK's calling stub with its scrubbing of registers, two crossings, an entry
 * that returns with its first instruction.
 */
enum status portal_rounds(struct bench *bench, handle_t portal)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        struct portal_message message = {{0}, {0}};
        uint32_t begin = meter_read();
        s = portal_call(portal, &message);
        samples_add(&bench->samples, begin, meter_read());
    }
    return s;
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
    bench_report_if(bench, "portal_cross_fp", s);
}

/*
 * Contains: as without words, and a handle duplicated into the peer's table.  The peer returns at
 * once, so they pile up there; revoking the one that was passed takes them away, outside of what is
 * measured.
 */
static void row_portal_handle(struct bench *bench, handle_t passed)
{
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = call_with_handle(bench->peer_null, passed);
        samples_add(&bench->samples, begin, meter_read());
        if (s == STATUS_OK)
            s = handle_revoke(passed);
    }
    bench_report_if(bench, "portal_cross_handle", s);
}

/* Contains: as without words, and a deadline an hour away armed and put away again. */
static void row_portal_timeout(struct bench *bench)
{
    const nsec_t deadline_ns = time_after_ns(HOUR_NS);
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++) {
        uint32_t begin = meter_read();
        s = call_with_deadline(bench->peer_null, deadline_ns);
        samples_add(&bench->samples, begin, meter_read());
    }
    bench_report_if(bench, "portal_cross_timeout", s);
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
    bench_report_if(bench, "portal_request", s);
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
    bench_report_if(bench, "handle_pass", s);
}

/* Rows that need a portal of this domain: to call, or as a handle to pass. */
static void rows_with_own_portal(struct bench *bench)
{
    handle_t own;
    const enum status s = portal_serve_raw(portal_entry_null, 0, PORTAL_STACK_BYTES_MIN, 1, &own);

    if (s != STATUS_OK) {
        bench_report_failure(bench, "portal_same_0w", status_text(s));
        return;
    }
    if (bench_wants(bench, "portal_cross_handle"))
        row_portal_handle(bench, own);
    if (bench_wants(bench, "portal_same_0w"))
        bench_report_if(bench, "portal_same_0w", portal_rounds(bench, own));
    if (bench_wants(bench, "handle_pass"))
        row_handle_pass(bench, own);
}

void rows_of_portals(struct bench *bench)
{
    if (bench_wants(bench, "portal_cross_0w"))
        bench_report_if(bench, "portal_cross_0w", portal_rounds(bench, bench->peer_null));
    if (bench_wants(bench, "portal_cross_8w"))
        row_portal_8w(bench);
    if (bench_wants(bench, "portal_cross_fp"))
        row_portal_fp(bench);
    if (bench_wants(bench, "portal_cross_timeout"))
        row_portal_timeout(bench);
    if (bench_wants(bench, "portal_request"))
        row_portal_request(bench);
    rows_with_own_portal(bench);
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

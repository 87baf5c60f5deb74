/*
 * Rows about segments from 4 KiB to 1 GiB.
 *
 * create contains the frames, their zeroing and the leaf tables.  grant contains putting
 * the segment into the view of the running domain, revoke taking it out, with the TLB
 * maintenance after the first page was touched.  Both are the same whatever the length.
 */
#include "bench.h"

#include "rt/syscall.h"
#include "rt/time.h"

#include <stdio.h>

struct size_of_segment {
    const char *suffix;
    uint64_t bytes;
    uint32_t rounds; /* to create; a GiB takes a while.  0: only granted and revoked */
};

static const struct size_of_segment sizes[] = {
    {"4k", UINT64_C(4) << 10, 64},  {"64k", UINT64_C(64) << 10, 0}, {"2m", UINT64_C(2) << 20, 16},
    {"32m", UINT64_C(32) << 20, 0}, {"1g", UINT64_C(1) << 30, 1},
};

enum { ID_BYTES = 24 };

static void id_of(char out[ID_BYTES], const char *row, const char *suffix)
{
    snprintf(out, ID_BYTES, "segment_%s_%s", row, suffix);
}

static enum status segment_new(uint64_t bytes, handle_t *out, uaddr_t *address)
{
    return segment_create(bytes, RIGHTS_MEMORY & ~(rights_t)RIGHT_EXECUTE, 0, 0,
                          name_from("bench segment"), out, address);
}

/*
 * Closing the last handle gives the segment to the kernel's reaper, which works whenever a call
 * goes through the scheduler; yielding lets it, outside of what is measured.
 */
static enum status create_rounds(struct bench *bench, const struct size_of_segment *size)
{
    uint32_t warm_up = size->rounds > 1 ? 2 : 0;

    bench_begin(bench, warm_up);
    for (uint32_t i = 0; i < size->rounds + warm_up; i++) {
        handle_t segment;
        uaddr_t address;
        uint32_t begin = meter_read();
        enum status s = segment_new(size->bytes, &segment, &address);
        samples_add(&bench->samples, begin, meter_read());
        if (s == STATUS_OK)
            s = handle_close(segment);
        if (s != STATUS_OK)
            return s;
        thread_yield();
    }
    return STATUS_OK;
}

/* The grants go to the row's own samples. */
static enum status grant_rounds(struct bench *bench, struct samples *revokes, handle_t segment,
                                uaddr_t address)
{
    bench_begin(bench, WARM_UP);
    samples_begin(revokes, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        uint32_t begin = meter_read();
        enum status s = segment_grant(segment, 0, RIGHT_READ | RIGHT_WRITE);
        uint32_t end = meter_read();
        if (s != STATUS_OK)
            return s;
        samples_add(&bench->samples, begin, end);
        *(volatile uint64_t *)(uintptr_t)address = i; /* now the TLB has it */

        begin = meter_read();
        s = segment_revoke(segment, 0);
        end = meter_read();
        if (s != STATUS_OK)
            return s;
        samples_add(revokes, begin, end);
    }
    return STATUS_OK;
}

static void row_create(struct bench *bench, const struct size_of_segment *size)
{
    char id[ID_BYTES];

    id_of(id, "create", size->suffix);
    if (size->rounds == 0 || !bench_wants(bench, id))
        return;
    enum status s = create_rounds(bench, size);
    bench_report_if(bench, id, s);
}

static void rows_grant_revoke(struct bench *bench, const struct size_of_segment *size)
{
    static struct samples revokes;
    char grant[ID_BYTES], revoke[ID_BYTES];
    handle_t segment;
    uaddr_t address;

    id_of(grant, "grant", size->suffix);
    id_of(revoke, "revoke", size->suffix);
    if (!bench_wants(bench, grant) && !bench_wants(bench, revoke))
        return;
    enum status s = segment_new(size->bytes, &segment, &address);
    if (s == STATUS_OK) {
        s = grant_rounds(bench, &revokes, segment, address);
        (void)!handle_close(segment);
    }
    if (s != STATUS_OK) {
        bench_report_failure(bench, grant, bench_reason(s));
        bench_report_failure(bench, revoke, bench_reason(s));
        return;
    }
    bench_report(bench, grant, 1);
    bench->samples = revokes;
    bench_report(bench, revoke, 1);
}

/* Contains: all of it for one page: create, grant, touch, revoke, close, and a yield, for that is
 * when the kernel's reaper gets its turn to take the page back. */
static void row_cycle(struct bench *bench)
{
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        handle_t segment;
        uaddr_t address;
        uint32_t begin = meter_read();
        enum status s = segment_new(PAGE_BYTES, &segment, &address);
        if (s == STATUS_OK)
            s = segment_grant(segment, 0, RIGHT_READ | RIGHT_WRITE);
        if (s == STATUS_OK) {
            *(volatile uint64_t *)(uintptr_t)address = i;
            s = segment_revoke(segment, 0);
        }
        if (s == STATUS_OK)
            s = handle_close(segment);
        thread_yield();
        samples_add(&bench->samples, begin, meter_read());
        if (s != STATUS_OK) {
            bench_report_failure(bench, "segment_cycle_4k", status_text(s));
            return;
        }
    }
    bench_report(bench, "segment_cycle_4k", 1);
}

void rows_of_segments(struct bench *bench)
{
    size_t count = sizeof sizes / sizeof sizes[0];

    for (size_t i = 0; i < count; i++)
        row_create(bench, &sizes[i]);
    for (size_t i = 0; i < count; i++)
        rows_grant_revoke(bench, &sizes[i]);
    if (!bench_wants(bench, "segment_cycle_4k"))
        return;
    /* Where a GiB was too much, what there was of it goes back while this thread sleeps. */
    (void)thread_sleep(time_after_ns(NS_PER_S));
    row_cycle(bench);
}

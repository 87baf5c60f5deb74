/*
 * Rows that need no other domain: entering the kernel, threads.
 */
#include "bench.h"
#include "entry.h"

#include "rt/startup.h"
#include "rt/syscall.h"

/* Contains: the svc stub, kernel entry and exit, dispatch. */
static void row_null_syscall(struct bench *bench)
{
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        uint32_t begin = meter_read();
        (void)system_null();
        samples_add(&bench->samples, begin, meter_read());
    }
    bench_report(bench, "null_syscall", 1);
}

/* Contains: the same, and looking up a handle and answering its kind, rights and badge. */
static void row_object_call(struct bench *bench)
{
    struct handle_info info;
    enum status s = STATUS_OK;

    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        uint32_t begin = meter_read();
        s = handle_info(bench->peer_null, &info);
        samples_add(&bench->samples, begin, meter_read());
        if (s != STATUS_OK)
            break;
    }
    bench_report_if(bench, "object_call", s);
}

void rows_of_system_calls(struct bench *bench)
{
    if (bench_wants(bench, "null_syscall"))
        row_null_syscall(bench);
    if (bench_wants(bench, "object_call"))
        row_object_call(bench);
}

/*
 * Contains: creation, the switch to the new thread, which is more urgent, and its way to its first
 * system call.  What follows is not included: that call ends it, and its handle is closed.
 */
static enum status thread_round(uint32_t priority, struct samples *samples)
{
    static _Alignas(16) volatile uint64_t stack[2]; /* the new thread's reading comes first */
    void (*entry)(void) = meter.counts_instructions ? entry_thread_counted : entry_thread_timed;
    handle_t thread;
    uint32_t begin = meter_read();
    enum status s = thread_create(0, (uaddr_t)(uintptr_t)entry, (uaddr_t)(uintptr_t)(stack + 2), 0,
                                  priority, &thread);

    if (s == STATUS_OK)
        s = handle_close(thread);
    samples_add(samples, begin, (uint32_t)stack[0]);
    return s;
}

void rows_of_threads(struct bench *bench)
{
    uint32_t priority = startup_get()->highest_priority;
    enum status s = STATUS_OK;

    if (!bench_wants(bench, "thread_create"))
        return;
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL) && s == STATUS_OK; i++)
        s = thread_round(priority, &bench->samples);
    bench_report_if(bench, "thread_create", s);
}

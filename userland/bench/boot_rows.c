/*
 * Row about booting: what the kernel wrote down when it first left for user code.  The row
 * of the first HTTPS answer needs a host that asks, so it is tools/bench that fills it.
 */
#include "bench.h"

#include "rt/syscall.h"

void rows_of_boot(struct bench *bench)
{
    struct info_machine machine;
    uint64_t next;

    if (!bench_wants(bench, "boot_first_user"))
        return;
    enum status s = system_info(INFO_MACHINE, 0, &machine, sizeof machine, &next);
    if (s != STATUS_OK)
        bench_report_failure(bench, "boot_first_user", status_text(s));
    else if (meter.counts_instructions)
        bench_report_value(bench, "boot_first_user", machine.boot_instructions);
    else
        bench_report_value(bench, "boot_first_user", machine.boot_time_ns);
}

/*
 * bench: what Rotunda's operations cost, in guest instructions, beside seL4 and Linux.
 *
 * Started on demand.  Argument: "[machine] [id]": lines for tools/bench, and only rows
 * whose id starts so.  Instructions need a machine that counts them (QEMU with -icount);
 * elsewhere the same rows come in nanoseconds, which depend on the host.
 */
#include "bench.h"
#include "figures.h"
#include "peer_client.h"

#include "bench/peer.h"

#include "rt/portal.h"
#include "rt/startup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void read_argument(struct bench *bench, const char *argument)
{
    static const char machine[] = "machine";
    size_t length = strlen(machine);

    if (strncmp(argument, machine, length) == 0) {
        bench->is_for_machines = true;
        argument += length;
        while (*argument == ' ')
            argument++;
    }
    bench->wanted = argument;
}

/* A portal call loses them; whether it works is the row's own business. */
void bench_begin(struct bench *bench, uint32_t warm_up)
{
    struct portal_message message = {{0}, {0}};

    samples_begin(&bench->samples, warm_up);
    (void)!portal_call(bench->peer_null, &message);
}

static void print_title(const struct bench *bench)
{
    if (bench->is_for_machines)
        return;
    if (meter.counts_instructions) {
        printf("Instructions for one operation, user and kernel together.\n");
        printf("%-20s %-46s %13s  %9s %-3s  %13s %8s  %13s %8s\n", "id", "what", "instructions",
               "aim", "", "seL4", "", "Linux", "");
    } else {
        printf(
            "This machine counts no instructions (QEMU does with -icount); times depend on it.\n");
        printf("%-20s %-46s %13s\n", "id", "what", "nanoseconds");
    }
}

static void print_end(const struct bench *bench)
{
    unsigned count = bench->failure_count;

    if (bench->is_for_machines)
        printf("bench-end failures=%u\n", count);
    else if (bench->row_count == 0)
        printf("no row's id starts with \"%s\"\n", bench->wanted);
    else if (count > 0)
        printf("%u row%s could not be measured\n", count, count == 1 ? "" : "s");
}

int main(void)
{
    static struct bench bench;
    const struct startup *startup = startup_get();

    bench.priority = startup->priority;
    read_argument(&bench, startup->argument);
    meter_init(startup->has_pmu != 0, startup->counter_frequency_hz);
    enum status s = peer_open(&bench);
    if (s != STATUS_OK) {
        printf("bench: cannot connect to %s: %s\n", BENCH_PEER_SERVICE, status_text(s));
        return 1;
    }

    print_title(&bench);
    rows_of_system_calls(&bench);
    rows_of_portals(&bench);
    rows_of_population(&bench);
    rows_of_lists(&bench);
    rows_of_events(&bench);
    rows_of_rings(&bench);
    rows_of_faults(&bench);
    rows_of_threads(&bench);
    rows_of_domains(&bench);
    rows_of_segments(&bench);
    rows_of_interrupts(&bench);
    rows_of_wakes(&bench);
    rows_of_boot(&bench);

    peer_end(&bench);
    print_end(&bench);
    return bench.failure_count == 0 ? 0 : 1;
}

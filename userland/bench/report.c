/*
 * Results, as a table for people or as lines for tools/bench.
 *
 * A line for machines: "bench-row id=... unit=... median=... mean=... least=... most=...
 * samples=... aim=... sel4=... linux=...", or "bench-row id=... failed=\"why\"".
 */
#include "bench.h"
#include "figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool bench_wants(const struct bench *bench, const char *id)
{
    return strncmp(id, bench->wanted, strlen(bench->wanted)) == 0;
}

static const char *unit_name(void)
{
    return meter.counts_instructions ? "instructions" : "ns";
}

static void grouped(char out[32], uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
}

/* "1,044" and how many times the row's own value that is, or a dash. */
static void print_peer(uint64_t peer, uint64_t value)
{
    char text[32] = "-";
    char ratio[16] = "";

    if (peer != 0) {
        grouped(text, peer);
        if (value != 0)
            snprintf(ratio, sizeof ratio, "%" PRIu64 ".%" PRIu64 "x", peer / value,
                     peer * 10 / value % 10);
    }
    printf("  %13s %8s", text, ratio);
}

/* "96 yes", "96 no" or a dash. */
static void print_aim(uint64_t aim, uint64_t value)
{
    char text[32] = "-";

    if (aim != 0)
        grouped(text, aim);
    printf("  %9s %-3s", text, aim == 0 ? "" : value <= aim ? "yes" : "no");
}

static void print_for_people(const struct figure *figure, const struct summary *summary)
{
    char text[32];

    grouped(text, summary->median);
    printf("%-20s %-46s %13s", figure->id, figure->what, text);
    /* Nobody's instructions compare with nanoseconds. */
    if (meter.counts_instructions) {
        print_aim(figure->aim, summary->median);
        print_peer(figure->sel4, summary->median);
        print_peer(figure->linux_os, summary->median);
    }
    putchar('\n');
}

static void print_for_machines(const struct figure *figure, const struct summary *summary)
{
    printf("bench-row id=%s unit=%s median=%" PRIu64 " mean=%" PRIu64 ".%" PRIu64 " least=%" PRIu64
           " most=%" PRIu64 " samples=%" PRIu32 " aim=%" PRIu64 " sel4=%" PRIu64 " linux=%" PRIu64
           "\n",
           figure->id, unit_name(), summary->median, summary->mean_tenths / 10,
           summary->mean_tenths % 10, summary->least, summary->most, summary->count, figure->aim,
           figure->sel4, figure->linux_os);
}

/* `aim` 0: that of the table. */
static void report(struct bench *bench, const char *id, const struct summary *summary, uint64_t aim)
{
    const struct figure *known = figure_find(id);

    if (known == NULL || summary->count == 0) {
        bench_report_failure(bench, id, "no samples");
        return;
    }
    struct figure figure = *known;
    if (aim != 0)
        figure.aim = aim;
    bench->row_count++;
    if (bench->is_for_machines)
        print_for_machines(&figure, summary);
    else
        print_for_people(&figure, summary);
}

void bench_report(struct bench *bench, const char *id, uint32_t operations)
{
    bench_report_aimed(bench, id, operations, 0);
}

void bench_report_aimed(struct bench *bench, const char *id, uint32_t operations, uint64_t aim)
{
    const struct summary summary = samples_summary(&bench->samples, operations);

    report(bench, id, &summary, aim);
}

void bench_report_value(struct bench *bench, const char *id, uint64_t value)
{
    const struct summary summary = {
        .count = 1, .median = value, .least = value, .most = value, .mean_tenths = value * 10};

    report(bench, id, &summary, 0);
}

void bench_report_if(struct bench *bench, const char *id, enum status s)
{
    if (s == STATUS_OK)
        bench_report(bench, id, 1);
    else
        bench_report_failure(bench, id, bench_reason(s));
}

const char *bench_reason(enum status s)
{
    return s == STATUS_OUT_OF_MEMORY ? "this machine has not enough memory" : status_text(s);
}

void bench_report_failure(struct bench *bench, const char *id, const char *reason)
{
    bench->row_count++;
    bench->failure_count++;
    if (bench->is_for_machines)
        printf("bench-row id=%s failed=\"%s\"\n", id, reason);
    else
        printf("%-20s not measured: %s\n", id, reason);
}

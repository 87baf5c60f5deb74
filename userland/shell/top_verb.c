/*
 * top: who uses the CPUs, from the difference between two looks at every domain.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "terminal.h"
#include "unit.h"
#include "words.h"

#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TOP_DOMAINS = 64, /* more are summed up in one row */
    LONGEST_S = 3600,
};

struct usage {
    uint32_t id;
    struct name name;
    uint64_t cpu_time_ns;
    uint64_t switches;
    uint32_t frames;
    /* since the look before */
    uint64_t cpu_time_delta_ns;
    uint64_t switches_delta;
};

struct look {
    nsec_t time_ns;
    size_t count;
    struct usage usage[TOP_DOMAINS];
};

static const struct usage *usage_find(const struct look *look, uint32_t id)
{
    for (size_t i = 0; i < look->count; i++) {
        if (look->usage[i].id == id)
            return &look->usage[i];
    }
    return NULL;
}

/* A domain that is new since `before` has used everything since then. */
static void usage_take(struct usage *usage, const struct inspect_domain *domain,
                       const struct look *before)
{
    const struct info_domain *kernel = &domain->kernel;
    const struct usage *old = usage_find(before, kernel->id);

    *usage = (struct usage){
        .id = kernel->id,
        .name = domain->name,
        .cpu_time_ns = kernel->cpu_time_ns,
        .switches = kernel->switches,
        .frames = kernel->used.frames,
    };
    usage->cpu_time_delta_ns = usage->cpu_time_ns - (old == NULL ? 0 : old->cpu_time_ns);
    usage->switches_delta = usage->switches - (old == NULL ? 0 : old->switches);
}

static int compare_usage(const void *left, const void *right)
{
    const struct usage *a = left;
    const struct usage *b = right;

    if (a->cpu_time_delta_ns != b->cpu_time_delta_ns)
        return a->cpu_time_delta_ns < b->cpu_time_delta_ns ? 1 : -1;
    return (a->id > b->id) - (a->id < b->id);
}

static void look_take(struct shell *shell, struct look *look, const struct look *before)
{
    struct listing listing;

    look->time_ns = time_now_ns();
    look->count = 0;
    listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;) {
        if (domain->kernel.id != 0 && look->count < TOP_DOMAINS)
            usage_take(&look->usage[look->count++], domain, before);
    }
}

static void look_print(struct look *look, nsec_t span_ns, uint32_t cpu_count)
{
    static const struct table_column columns[] = {
        {"id", true},    {"domain", false},    {"cpu", true},    {"cpu time", true},
        {"total", true}, {"switches/s", true}, {"memory", true},
    };
    struct table table;
    uint64_t used_ns = 0;

    qsort(look->usage, look->count, sizeof look->usage[0], compare_usage);
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < look->count; i++) {
        const struct usage *usage = &look->usage[i];

        used_ns += usage->cpu_time_delta_ns;
        table_cell(&table, "%" PRIu32, usage->id);
        table_cell(&table, "%s", text_of_name(usage->name).text);
        table_cell(&table, "%s", unit_share(usage->cpu_time_delta_ns, span_ns).text);
        table_cell(&table, "%s", unit_span(usage->cpu_time_delta_ns).text);
        table_cell(&table, "%s", unit_span(usage->cpu_time_ns).text);
        table_cell(&table, "%s", unit_count(usage->switches_delta * NS_PER_S / span_ns).text);
        table_cell(&table, "%s", unit_bytes((uint64_t)usage->frames * PAGE_BYTES).text);
    }
    printf("in the last %s: %s of %" PRIu32 " CPU%s used\n", unit_span(span_ns).text,
           unit_share(used_ns, span_ns * cpu_count).text, cpu_count, cpu_count == 1 ? "" : "s");
    table_print(&table);
}

static uint32_t online_cpus(struct shell *shell)
{
    struct inspect *inspect = verb_inspect(shell);
    struct info_machine machine;

    if (inspect == NULL
        || inspect_get(inspect, INSPECT_MACHINE, NULL, &machine, sizeof machine) != STATUS_OK
        || machine.cpu_online == 0)
        return 1;
    return machine.cpu_online;
}

void verb_top(struct shell *shell, int count, char **arguments)
{
    static struct look looks[2];
    uint64_t seconds = 1;
    unsigned now = 0;

    if (count > 0
        && (!words_number(arguments[0], &seconds) || seconds == 0 || seconds > LONGEST_S)) {
        puts("usage: top [seconds], from 1 to 3600");
        return;
    }
    uint32_t cpu_count = online_cpus(shell);
    look_take(shell, &looks[now], &looks[now]);
    if (looks[now].count == 0)
        return;
    puts("(q or Ctrl-C ends it)");
    while (!terminal_wait_quit(time_after_ns(seconds * NS_PER_S))) {
        struct look *before = &looks[now];
        struct look *after = &looks[1 - now];
        look_take(shell, after, before);
        terminal_clear();
        look_print(after, after->time_ns - before->time_ns, cpu_count);
        fflush(stdout);
        now = 1 - now;
    }
}

/*
 * Verbs about domains and their threads.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"

#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>

/* A number that means "none" when it is 0. */
static void number_cell(struct table *table, uint32_t number)
{
    if (number == 0)
        table_cell(table, "-");
    else
        table_cell(table, "%" PRIu32, number);
}

static struct unit_text memory_limit(uint32_t frames)
{
    if (frames == UINT32_MAX)
        return (struct unit_text){"all"};
    return unit_bytes((uint64_t)frames * PAGE_BYTES);
}

static void domain_row(struct table *table, const struct inspect_domain *domain)
{
    const struct info_domain *kernel = &domain->kernel;

    number_cell(table, kernel->id);
    table_cell(table, "%s", text_of_name(domain->name).text);
    table_cell(table, "%s", text_of_inspect_state(domain->state));
    number_cell(table, kernel->asid);
    table_cell(table, "%s", unit_span(kernel->cpu_time_ns).text);
    table_cell(table, "%s", unit_count(kernel->switches).text);
    table_cell(table, "%s", unit_bytes((uint64_t)kernel->used.frames * PAGE_BYTES).text);
    table_cell(table, "%s", memory_limit(kernel->limit.frames).text);
    table_cell(table, "%" PRIu32, domain->restarts);
}

/* The pauses of those that are to come back. */
static void print_pauses(struct shell *shell)
{
    struct listing listing;

    listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;)
        if (domain->state == INSPECT_BACKING_OFF)
            printf("%s starts again %s\n", text_of_name(domain->name).text,
                   unit_until(domain->next_start_ns, time_now_ns()).text);
}

void verb_domains(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"id", true},     {"domain", false},  {"state", false},
        {"asid", true},   {"cpu time", true}, {"switches", true},
        {"memory", true}, {"quota", true},    {"restarts", true},
    };
    struct table table;
    struct listing listing;
    bool has_pauses = false;

    (void)count;
    (void)arguments;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_DOMAINS, NULL);
    for (const struct inspect_domain *domain; (domain = listing_next(&listing)) != NULL;) {
        domain_row(&table, domain);
        has_pauses |= domain->state == INSPECT_BACKING_OFF;
    }
    listing_print(&listing, &table);
    if (has_pauses)
        print_pauses(shell);
}

/* What of which period. */
static void budget_cell(struct table *table, const struct info_thread *thread)
{
    if (thread->budget_ns == 0)
        table_cell(table, "-");
    else
        table_cell(table, "%s/%s", unit_span(thread->budget_ns).text,
                   unit_span(thread->period_ns).text);
}

void verb_threads(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"id", true},       {"domain", false},  {"executes in", false}, {"state", false},
        {"prio", true},     {"base", true},     {"budget", true},       {"depth", true},
        {"cpu time", true}, {"switches", true}, {"pc", true},
    };
    struct table table;
    struct listing listing;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_THREADS, count > 0 ? arguments[0] : NULL);
    for (const struct inspect_thread *thread; (thread = listing_next(&listing)) != NULL;) {
        const struct info_thread *kernel = &thread->kernel;

        table_cell(&table, "%" PRIu32, kernel->id);
        table_cell(&table, "%s", text_of_name(thread->home).text);
        table_cell(&table, "%s", text_of_name(thread->current).text);
        table_cell(&table, "%s", text_of_thread_state(kernel->state));
        table_cell(&table, "%" PRIu32, kernel->priority);
        table_cell(&table, "%" PRIu32, kernel->base_priority);
        budget_cell(&table, kernel);
        table_cell(&table, "%" PRIu32, kernel->depth);
        table_cell(&table, "%s", unit_span(kernel->cpu_time_ns).text);
        table_cell(&table, "%s", unit_count(kernel->switches).text);
        table_cell(&table, "0x%" PRIx64, kernel->pc);
    }
    listing_print(&listing, &table);
}

static void print_backtrace(struct inspect *inspect, const struct fault_record *fault)
{
    uint32_t depth = fault->backtrace_count;

    for (uint32_t i = 0; i < depth && i < FAULT_BACKTRACE_DEPTH; i++) {
        struct inspect_symbol symbol;
        if (inspect_symbol(inspect, fault->backtrace[i], &symbol) != STATUS_OK)
            symbol.text[0] = '\0';
        printf("  #%-2" PRIu32 " 0x%012" PRIx64 "  %.*s\n", i, fault->backtrace[i],
               (int)sizeof symbol.text, symbol.text);
    }
}

static void print_registers(const struct fault_record *fault)
{
    for (unsigned i = 0; i < 31; i++)
        printf("  x%-2u %016" PRIx64 "%s", i, fault->x[i], i % 4 == 3 ? "\n" : "");
    printf("\n  pc  %016" PRIx64 "  sp  %016" PRIx64 "  pstate %08" PRIx64 "\n", fault->pc,
           fault->sp, fault->pstate);
}

void verb_fault(struct shell *shell, int count, char **arguments)
{
    struct inspect *inspect = verb_inspect(shell);
    struct fault_record fault;

    (void)count;
    if (inspect == NULL)
        return;
    enum status s = inspect_get(inspect, INSPECT_FAULT, arguments[0], &fault, sizeof fault);
    if (s == STATUS_NOT_FOUND && listing_find_domain(shell, arguments[0]) == NULL) {
        printf("no domain \"%s\": Tab lists the names\n", arguments[0]);
        return;
    }
    if (s == STATUS_NOT_FOUND) {
        printf("%s has had no fault: crashes %s tells of other ends\n", arguments[0], arguments[0]);
        return;
    }
    if (verb_failed(s, "cannot get the fault record"))
        return;

    printf("%s: %s at address 0x%" PRIx64 "\n", arguments[0],
           fault_reason_text((enum fault_reason)fault.reason), fault.address);
    if (fault.owner_address != 0)
        printf("  that address is in segment \"%s\" at 0x%" PRIx64 ", its view allows %s\n",
               text_of_name(fault.owner_label).text, fault.owner_address,
               text_of_access(fault.owner_rights).text);
    print_registers(&fault);
    print_backtrace(inspect, &fault);
}

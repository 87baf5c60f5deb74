/*
 * Verbs about what connects domains with each other, with devices and with processors.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"

#include <inttypes.h>

/* Down is what comes up by itself, or what somebody took down; what has failed stays so. */
static const char *service_state(const struct inspect_service *service)
{
    if (service->is_up != 0)
        return "up";
    return service->owner_state == INSPECT_FAILED ? "failed" : "down";
}

void verb_services(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"service", false}, {"owner", false},  {"state", false},
        {"clients", true},  {"waiting", true},
    };
    struct table table;
    struct listing listing;

    (void)count;
    (void)arguments;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_SERVICES, NULL);
    for (const struct inspect_service *service; (service = listing_next(&listing)) != NULL;) {
        table_cell(&table, "%s", text_of_name(service->name).text);
        table_cell(&table, "%s", text_of_name(service->owner).text);
        table_cell(&table, "%s", service_state(service));
        table_cell(&table, "%" PRIu32, service->client_count);
        table_cell(&table, "%" PRIu32, service->waiting);
    }
    listing_print(&listing, &table);
}

void verb_rings(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"producer", false}, {"consumer", false}, {"label", false},   {"fill", true},
        {"capacity", true},  {"message", true},   {"messages", true}, {"wake-ups", true},
        {"stalls", true},    {"address", true},
    };
    struct table table;
    struct listing listing;

    (void)count;
    (void)arguments;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_RINGS, NULL);
    for (const struct inspect_ring *ring; (ring = listing_next(&listing)) != NULL;) {
        table_cell(&table, "%s", text_of_name(ring->producer).text);
        table_cell(&table, "%s", text_of_name(ring->consumer).text);
        table_cell(&table, "%s", text_of_name(ring->label).text);
        table_cell(&table, "%" PRIu32, ring->fill);
        table_cell(&table, "%" PRIu32, ring->capacity);
        table_cell(&table, "%s", unit_bytes(ring->message_bytes).text);
        table_cell(&table, "%s", unit_count(ring->produced).text);
        table_cell(&table, "%s", unit_count(ring->wakeups).text);
        table_cell(&table, "%s", unit_count(ring->stalls).text);
        table_cell(&table, "0x%" PRIx64, ring->address);
    }
    listing_print(&listing, &table);
}

static const char *interrupt_state(const struct info_interrupt *interrupt)
{
    if (interrupt->is_active != 0)
        return "being handled";
    return interrupt->is_bound != 0 ? "armed" : "not bound";
}

void verb_irqs(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"number", true},
        {"owner", false},
        {"count", true},
        {"state", false},
    };
    struct table table;
    struct listing listing;

    (void)count;
    (void)arguments;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_INTERRUPTS, NULL);
    for (const struct inspect_interrupt *irq; (irq = listing_next(&listing)) != NULL;) {
        table_cell(&table, "%" PRIu32, irq->kernel.number);
        table_cell(&table, "%s", text_of_name(irq->owner).text);
        table_cell(&table, "%s", unit_count(irq->kernel.count).text);
        table_cell(&table, "%s", interrupt_state(&irq->kernel));
    }
    listing_print(&listing, &table);
}

void verb_cpus(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"cpu", true},   {"processor", false}, {"affinity", true}, {"state", false}, {"idle", true},
        {"runs", false}, {"thread", true},     {"ready", true},    {"kicks", true},
    };
    struct table table;
    struct listing listing;

    (void)count;
    (void)arguments;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_CPUS, NULL);
    for (const struct inspect_cpu *cpu; (cpu = listing_next(&listing)) != NULL;) {
        const struct info_cpu *kernel = &cpu->kernel;
        table_cell(&table, "%" PRIu32, kernel->number);
        table_cell(&table, "%s", kernel->name[0] == '\0' ? "-" : kernel->name);
        table_cell(&table, "0x%" PRIx64, kernel->mpidr);
        table_cell(&table, "%s", text_of_cpu_state(kernel->state));
        table_cell(&table, "%s", unit_share(kernel->idle_ns, kernel->online_ns).text);
        table_cell(&table, "%s", text_of_name(cpu->domain).text);
        table_cell(&table, "%" PRIu32, kernel->thread_id);
        table_cell(&table, "%" PRIu32, kernel->ready);
        table_cell(&table, "%s", unit_count(kernel->kicks).text);
    }
    listing_print(&listing, &table);
}

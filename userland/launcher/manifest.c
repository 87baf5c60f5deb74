/*
 * Manifest: reading and checking it.
 *
 * Each domain is read by itself first; then the domains are held against each other
 * (every name that is connected to or launched must exist, and have one owner only).
 * The reader carries the node it is at, so that each refusal can name it.
 */
#include "manifest.h"

#include "property.h"

#include "app/syscall_set.h"

#include <libfdt.h>

#include <string.h>

enum {
    HEAP_BYTES_MAX = 1 << 29,
    STACK_BYTES_MIN = 8192,
    STACK_BYTES_MAX = 1 << 20,
    RESTART_DELAY_MS_MAX = 60000,
    RESTART_LIMIT_MAX = 1000,
    HEARTBEAT_MS_MIN = 150,
    HEARTBEAT_MS_MAX = 60000,
    INTERRUPTS_PER_SECOND_MAX = 10000000,
    BUDGET_US_MIN = 50,
    BUDGET_PERIOD_US_MAX = 60000000,
    QUOTA_FRAMES_MAX = 1 << 22, /* 16 GiB */
    QUOTA_LOG_MAX = 1 << 30,
};

static const struct manifest_domain defaults = {
    .argument = "",
    .priority = 32,
    .highest_priority = 32,
    .quota = {.frames = 256, .handles = 64, .threads = 4, .objects = 64, .log_bytes = 16384},
    .quota_connections = 32,
    .heap_bytes = 64 * 1024,
    .stack_bytes = 32 * 1024,
    .restart = MANIFEST_RESTART_NEVER,
    .restart_delay_ms = 100,
    .restart_limit = 5,
    .interrupts_per_second = 5000,
};

static const char *const builtin_services[] = {"app:App", "app:Inspect"};

static bool is_name(const char *text)
{
    return text[0] != '\0' && strlen(text) <= MANIFEST_NAME_MAX
           && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

/* "net:Tcp": a folder-like word, a colon, and what is served. */
static bool is_service_name(const char *text)
{
    const size_t front = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    const char *rest = text + front + 1;

    return front != 0 && text[front] == ':' && rest[0] != '\0'
           && strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
                  == strlen(rest);
}

static enum status read_services(const struct property_reader *reader, const char *property,
                                 uint32_t most, const char **out, uint32_t *count)
{
    const enum status s = property_strings(reader, property, most, MANIFEST_NAME_MAX, out, count);

    if (s != STATUS_OK)
        return s;
    for (uint32_t i = 0; i < *count; i++) {
        if (!is_service_name(out[i]))
            return property_refuse(reader, property, "'%s' is not of the form 'net:Tcp'", out[i]);
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(out[i], out[j]) == 0)
                return property_refuse(reader, property, "'%s' stands there twice", out[i]);
        }
    }
    return STATUS_OK;
}

static enum status read_syscalls(const struct property_reader *reader, uint64_t *mask)
{
    static const char property[] = "system-calls";
    const char *words[SYS_COUNT];
    uint32_t count = 0;
    const enum status s = property_strings(reader, property, SYS_COUNT, 32, words, &count);

    if (s != STATUS_OK)
        return s;
    if (count == 0)
        return property_refuse(reader, property, "is missing");
    *mask = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t calls;
        if (syscall_set_find(words[i], &calls) != STATUS_OK)
            return property_refuse(reader, property, "'%s' is neither a set nor a call", words[i]);
        *mask |= calls;
    }
    return STATUS_OK;
}

static enum status read_priority(const struct property_reader *reader, struct manifest_domain *out)
{
    uint32_t pair[2] = {out->priority, out->highest_priority};
    const enum status s = property_cells(reader, "priority", 2, pair);

    if (s != STATUS_OK)
        return s;
    if (pair[0] > pair[1] || pair[1] >= PRIORITY_COUNT)
        return property_refuse(reader, "priority", "<%u %u>: main thread, then highest, at most %d",
                               (unsigned)pair[0], (unsigned)pair[1], PRIORITY_COUNT - 1);
    out->priority = pair[0];
    out->highest_priority = pair[1];
    return STATUS_OK;
}

static enum status read_budget(const struct property_reader *reader, struct manifest_domain *out)
{
    uint32_t pair[2] = {0, 0};
    const enum status s = property_cells(reader, "budget-us", 2, pair);

    if (s != STATUS_OK || (pair[0] == 0 && pair[1] == 0))
        return s;
    if (pair[0] < BUDGET_US_MIN || pair[0] > pair[1] || pair[1] > BUDGET_PERIOD_US_MAX)
        return property_refuse(
            reader, "budget-us", "<%u %u>: CPU time, at least %d, in each period, at most %d",
            (unsigned)pair[0], (unsigned)pair[1], BUDGET_US_MIN, BUDGET_PERIOD_US_MAX);
    out->budget_us = pair[0];
    out->period_us = pair[1];
    return STATUS_OK;
}

/* ---- nodes ---- */

static enum status read_claim(const struct property_reader *reader, struct manifest_claim *out)
{
    static const char *const known[] = {"compatible", "virtio-device-id", "optional"};
    enum status s = property_check(reader, known, sizeof known / sizeof known[0]);
    int bytes;

    *out = (struct manifest_claim){.name = reader->where};
    if (s == STATUS_OK)
        s = property_string(reader, "compatible", 64, &out->compatible);
    if (s == STATUS_OK && (out->compatible == NULL || out->compatible[0] == '\0'))
        s = property_refuse(reader, "compatible", "is missing");
    if (s == STATUS_OK)
        s = property_number(reader, "virtio-device-id", 1, 63, &out->virtio_id);
    out->has_virtio_id =
        fdt_getprop(reader->tree, reader->node, "virtio-device-id", &bytes) != NULL;
    if (s == STATUS_OK && out->has_virtio_id && strcmp(out->compatible, "virtio,mmio") != 0)
        s = property_refuse(reader, "virtio-device-id",
                            "only goes with compatible = \"virtio,mmio\"");
    if (s == STATUS_OK)
        s = property_flag(reader, "optional", &out->is_optional);
    return s;
}

static enum status read_claims(const struct property_reader *reader, struct manifest_domain *out)
{
    int child;
    int node;

    fdt_for_each_subnode(child, reader->tree, reader->node)
    {
        const char *name = fdt_get_name(reader->tree, child, NULL);
        if (name == NULL || strcmp(name, "claims") != 0)
            return property_refuse(reader, name == NULL ? "" : name,
                                   "is not a node that the manifest knows");
        fdt_for_each_subnode(node, reader->tree, child)
        {
            struct property_reader inner = *reader;
            inner.node = node;
            inner.where = fdt_get_name(reader->tree, node, NULL);
            if (inner.where == NULL || !is_name(inner.where))
                return property_refuse(reader, "claims", "a claim has no usable name");
            if (out->claim_count == MANIFEST_CLAIMS_MAX)
                return property_refuse(reader, "claims", "has more than %d devices",
                                       MANIFEST_CLAIMS_MAX);
            const enum status s = read_claim(&inner, &out->claims[out->claim_count]);
            if (s != STATUS_OK)
                return s;
            out->claim_count++;
        }
    }
    return STATUS_OK;
}

static enum status read_quota(const struct property_reader *reader, struct quota *out)
{
    enum status s = property_number(reader, "quota-frames", 0, QUOTA_FRAMES_MAX, &out->frames);

    if (s == STATUS_OK)
        s = property_number(reader, "quota-handles", 1, MANIFEST_QUOTA_MAX, &out->handles);
    if (s == STATUS_OK)
        s = property_number(reader, "quota-threads", 1, MANIFEST_QUOTA_MAX, &out->threads);
    if (s == STATUS_OK)
        s = property_number(reader, "quota-objects", 0, MANIFEST_QUOTA_MAX, &out->objects);
    if (s == STATUS_OK)
        s = property_number(reader, "quota-log-bytes", 0, QUOTA_LOG_MAX, &out->log_bytes);
    return s;
}

static enum status read_restart(const struct property_reader *reader, struct manifest_domain *out)
{
    static const char *const words[] = {"never", "on-fault", "always"};
    uint32_t word = out->restart;
    enum status s = property_word(reader, "restart", words, 3, &word);

    if (s == STATUS_OK)
        s = property_number(reader, "restart-delay-ms", 1, RESTART_DELAY_MS_MAX,
                            &out->restart_delay_ms);
    if (s == STATUS_OK)
        s = property_number(reader, "restart-limit", 1, RESTART_LIMIT_MAX, &out->restart_limit);
    if (s == STATUS_OK)
        out->restart = (enum manifest_restart)word;
    return s;
}

/* They are counted when the launcher looks, which it does at those with a heartbeat. */
static enum status read_interrupts(const struct property_reader *reader,
                                   struct manifest_domain *out)
{
    static const char property[] = "interrupts-per-second";
    uint32_t most = 0;
    const enum status s = property_number(reader, property, 1, INTERRUPTS_PER_SECOND_MAX, &most);

    if (s != STATUS_OK || most == 0)
        return s;
    if (out->heartbeat_ms == 0)
        return property_refuse(reader, property, "needs `heartbeat-ms`");
    out->interrupts_per_second = most;
    return STATUS_OK;
}

/* It must be able to answer, and the launcher to look while it runs. */
static enum status read_heartbeat(const struct property_reader *reader, struct manifest_domain *out)
{
    static const char property[] = "heartbeat-ms";
    const uint64_t calls = UINT64_C(1) << SYS_EVENT_SIGNAL | UINT64_C(1) << SYS_HANDLE_DUPLICATE;
    enum status s =
        property_number(reader, property, HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX, &out->heartbeat_ms);
    if (s == STATUS_OK)
        s = read_interrupts(reader, out);

    if (s != STATUS_OK || out->heartbeat_ms == 0)
        return s;
    if ((out->syscall_mask & calls) != calls)
        return property_refuse(reader, property,
                               "needs event_signal and handle_duplicate in `system-calls`");
    if (out->highest_priority >= MANIFEST_LAUNCHER_PRIORITY)
        return property_refuse(reader, property, "needs a priority below the launcher's, %d",
                               MANIFEST_LAUNCHER_PRIORITY);
    return STATUS_OK;
}

static enum status read_make(const struct property_reader *reader, struct manifest_domain *out)
{
    static const char *const starts[] = {"boot", "on-demand"};
    static const char *const denials[] = {"error", "fault"};
    uint32_t start = out->start;
    uint32_t denial = 0;
    enum status s = property_string(reader, "program", 31, &out->program);

    if (s == STATUS_OK && !is_name(out->program))
        s = property_refuse(reader, "program", "'%s' is not a name", out->program);
    if (s == STATUS_OK)
        s = property_string(reader, "argument", MANIFEST_ARGUMENT_MAX, &out->argument);
    if (s == STATUS_OK)
        s = property_word(reader, "start", starts, 2, &start);
    if (s == STATUS_OK)
        s = property_word(reader, "denied-call", denials, 2, &denial);
    if (s == STATUS_OK)
        s = read_priority(reader, out);
    if (s == STATUS_OK)
        s = property_cells(reader, "cpus", 1, &out->cpus);
    if (s == STATUS_OK)
        s = read_budget(reader, out);
    if (s == STATUS_OK)
        s = read_quota(reader, &out->quota);
    if (s == STATUS_OK)
        s = property_number(reader, "quota-connections", 0, MANIFEST_QUOTA_MAX,
                            &out->quota_connections);
    if (s == STATUS_OK)
        s = property_size(reader, "heap-bytes", 0, HEAP_BYTES_MAX, &out->heap_bytes);
    if (s == STATUS_OK)
        s = property_size(reader, "stack-bytes", STACK_BYTES_MIN, STACK_BYTES_MAX,
                          &out->stack_bytes);
    if (s == STATUS_OK)
        s = property_flag(reader, "sees-archive", &out->sees_archive);
    if (s == STATUS_OK)
        s = property_flag(reader, "takes-log", &out->takes_log);
    if (s == STATUS_OK)
        s = property_flag(reader, "may-power-off", &out->may_power_off);
    out->start = (enum manifest_start)start;
    out->denial_faults = denial == 1;
    return s;
}

static enum status read_policy(const struct property_reader *reader, struct manifest_domain *out)
{
    enum status s = read_syscalls(reader, &out->syscall_mask);

    if (s == STATUS_OK)
        s = read_services(reader, "offers", MANIFEST_OFFERS_MAX, out->offers, &out->offer_count);
    if (s == STATUS_OK)
        s = read_services(reader, "connects", MANIFEST_CONNECTS_MAX, out->connects,
                          &out->connect_count);
    if (s == STATUS_OK)
        s = property_strings(reader, "launches", MANIFEST_LAUNCHES_MAX, MANIFEST_NAME_MAX,
                             out->launches, &out->launch_count);
    if (s == STATUS_OK)
        s = read_restart(reader, out);
    if (s == STATUS_OK)
        s = read_heartbeat(reader, out);
    if (s == STATUS_OK)
        s = read_claims(reader, out);
    return s;
}

static enum status read_domain(const struct property_reader *reader, struct manifest_domain *out)
{
    static const char *const known[] = {
        "program",
        "argument",
        "start",
        "priority",
        "quota-frames",
        "quota-handles",
        "quota-threads",
        "quota-objects",
        "heap-bytes",
        "stack-bytes",
        "system-calls",
        "denied-call",
        "sees-archive",
        "takes-log",
        "may-power-off",
        "offers",
        "connects",
        "launches",
        "restart",
        "restart-limit",
        "restart-delay-ms",
        "cpus",
        "budget-us",
        "heartbeat-ms",
        "interrupts-per-second",
        "quota-log-bytes",
        "quota-connections",
    };
    enum status s = STATUS_OK;

    *out = defaults;
    out->name = reader->where;
    out->program = reader->where;
    if (!is_name(reader->where))
        return property_refuse(reader, "", "a domain's name is at most %d of a-z, 0-9 and -",
                               MANIFEST_NAME_MAX);
    if (strcmp(reader->where, "launcher") == 0 || strcmp(reader->where, "kernel") == 0)
        return property_refuse(reader, "", "this name is taken");
    s = property_check(reader, known, sizeof known / sizeof known[0]);
    if (s == STATUS_OK)
        s = read_make(reader, out);
    if (s == STATUS_OK)
        s = read_policy(reader, out);
    return s;
}

/* ---- between domains ---- */

static enum status check_offers(struct property_reader *reader, const struct manifest *manifest,
                                const struct manifest_domain *domain)
{
    for (uint32_t i = 0; i < domain->offer_count; i++) {
        const struct manifest_domain *owner = manifest_owner(manifest, domain->offers[i]);
        if (manifest_is_builtin(domain->offers[i]))
            return property_refuse(reader, "offers", "'%s' is the launcher's", domain->offers[i]);
        if (owner != domain)
            return property_refuse(reader, "offers", "'%s' is already offered by %s",
                                   domain->offers[i], owner->name);
    }
    return STATUS_OK;
}

static enum status check_references(struct property_reader *reader, const struct manifest *manifest,
                                    const struct manifest_domain *domain)
{
    for (uint32_t i = 0; i < domain->connect_count; i++) {
        const char *name = domain->connects[i];
        if (!manifest_is_builtin(name) && manifest_owner(manifest, name) == NULL)
            return property_refuse(reader, "connects", "nobody offers '%s'", name);
    }
    for (uint32_t i = 0; i < domain->launch_count; i++) {
        if (manifest_find(manifest, domain->launches[i]) == NULL)
            return property_refuse(reader, "launches", "there is no domain '%s'",
                                   domain->launches[i]);
    }
    return STATUS_OK;
}

static enum status check_domains(struct property_reader *reader, const struct manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->domain_count; i++) {
        const struct manifest_domain *domain = &manifest->domains[i];
        reader->where = domain->name;
        if (manifest_find(manifest, domain->name) != domain)
            return property_refuse(reader, "", "there are two domains of this name");
        enum status s = check_offers(reader, manifest, domain);
        if (s == STATUS_OK)
            s = check_references(reader, manifest, domain);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status read_domains(struct property_reader *reader, struct manifest *out)
{
    const int domains = fdt_subnode_offset(reader->tree, 0, "domains");
    int node;

    if (domains < 0)
        return property_refuse(reader, "", "has no node 'domains'");
    fdt_for_each_subnode(node, reader->tree, domains)
    {
        reader->node = node;
        reader->where = fdt_get_name(reader->tree, node, NULL);
        if (reader->where == NULL)
            reader->where = "domains";
        if (out->domain_count == MANIFEST_DOMAINS_MAX)
            return property_refuse(reader, "", "is one domain too many: %d are the limit",
                                   MANIFEST_DOMAINS_MAX);
        const enum status s = read_domain(reader, &out->domains[out->domain_count]);
        if (s != STATUS_OK)
            return s;
        out->domain_count++;
    }
    reader->where = "domains";
    if (out->domain_count == 0)
        return property_refuse(reader, "", "is empty");
    return check_domains(reader, out);
}

enum status manifest_read(const void *tree, size_t tree_bytes, struct manifest *out,
                          struct property_error *error)
{
    struct property_reader reader = {.tree = tree, .where = "manifest", .error = error};
    const char *why = property_check_tree(tree, tree_bytes);

    out->domain_count = 0;
    if (why != NULL)
        return property_refuse(&reader, "", "is no compiled devicetree: %s", why);
    if (fdt_node_check_compatible(tree, 0, "rotunda,manifest") != 0)
        return property_refuse(&reader, "compatible", "is not \"rotunda,manifest\"");
    return read_domains(&reader, out);
}

/* ---- asking it ---- */

static bool list_contains(const char *const *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

const struct manifest_domain *manifest_find(const struct manifest *manifest, const char *name)
{
    for (uint32_t i = 0; i < manifest->domain_count; i++) {
        if (strcmp(manifest->domains[i].name, name) == 0)
            return &manifest->domains[i];
    }
    return NULL;
}

const struct manifest_domain *manifest_owner(const struct manifest *manifest, const char *service)
{
    for (uint32_t i = 0; i < manifest->domain_count; i++) {
        if (manifest_may_offer(&manifest->domains[i], service))
            return &manifest->domains[i];
    }
    return NULL;
}

bool manifest_may_offer(const struct manifest_domain *domain, const char *service)
{
    return list_contains(domain->offers, domain->offer_count, service);
}

bool manifest_may_connect(const struct manifest_domain *domain, const char *service)
{
    return list_contains(domain->connects, domain->connect_count, service);
}

bool manifest_may_launch(const struct manifest_domain *domain, const char *other)
{
    return list_contains(domain->launches, domain->launch_count, other);
}

bool manifest_is_builtin(const char *service)
{
    return list_contains(builtin_services, sizeof builtin_services / sizeof builtin_services[0],
                         service);
}

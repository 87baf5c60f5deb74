/*
 * Machine: one walk over the devicetree that notes the nodes of interest, then one
 * reader for each of them.
 *
 * The walk comes first because the order of nodes means nothing: a timer may stand
 * before the interrupt controller that its interrupts are for.
 */
#include "core/machine.h"

#include "base/string.h"
#include "devicetree_reg.h"
#include "machine_cpu.h"
#include "machine_gic.h"
#include "machine_memory.h"

#include <libfdt.h>

/* A node that there should be one of; the first enabled one counts. */
struct candidate {
    struct devicetree_node node;
    bool is_found;
};

struct survey {
    struct devicetree tree;
    struct machine *machine;
    struct candidate gic_v2, gic_v3, timer, psci_standard, psci_0_1, uart, chosen;
};

static void candidate_offer(struct candidate *candidate, const struct devicetree_node *node)
{
    if (!candidate->is_found) {
        candidate->node = *node;
        candidate->is_found = true;
    }
}

/* --- /chosen and the root --- */

static void text_copy(char *out, size_t size, const char *text)
{
    const size_t length = strnlen(text, size - 1);

    memcpy(out, text, length);
    out[length] = '\0';
}

static enum status text_read(const struct devicetree_node *node, const char *property, char *out,
                             size_t size)
{
    size_t length;
    const char *text;

    if (devicetree_property(node, property, &length) == NULL)
        return STATUS_OK;

    const enum status status = devicetree_string(node, property, &text);

    if (status == STATUS_OK)
        text_copy(out, size, text);
    return status;
}

static const char *const seed_properties[] = {"rng-seed", "kaslr-seed"};
enum { SEED_PROPERTIES = sizeof(seed_properties) / sizeof(seed_properties[0]) };

static void seeds_read(const struct devicetree_node *chosen, struct machine *machine)
{
    for (unsigned i = 0; i < SEED_PROPERTIES; i++) {
        const size_t room = MACHINE_SEED_MAX - machine->seed_size;
        size_t length;
        const void *const seed = devicetree_property(chosen, seed_properties[i], &length);

        if (seed == NULL)
            continue;
        if (length > room)
            length = room;
        memcpy(machine->seed + machine->seed_size, seed, length);
        machine->seed_size += length;
    }
}

static enum status chosen_read(const struct devicetree_node *node, struct survey *survey)
{
    struct machine *const machine = survey->machine;

    candidate_offer(&survey->chosen, node);
    seeds_read(node, machine);
    return text_read(node, "bootargs", machine->bootargs, sizeof(machine->bootargs));
}

/* --- interrupts --- */

static enum status gic_read(const struct survey *survey)
{
    struct machine_gic *const gic = &survey->machine->gic;

    if (survey->gic_v3.is_found)
        return machine_gic_v3_read(&survey->gic_v3.node, gic);
    if (survey->gic_v2.is_found)
        return machine_gic_v2_read(&survey->gic_v2.node, gic);
    return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                             "no interrupt controller: no node is compatible with arm,gic-v3, "
                             "arm,gic-400 or arm,cortex-a15-gic");
}

static enum status irq_read(const struct survey *survey, const struct devicetree_node *node,
                            unsigned index, struct machine_irq *out)
{
    const struct candidate *const gic = survey->gic_v3.is_found ? &survey->gic_v3 : &survey->gic_v2;

    return machine_irq_read(&gic->node, node, index, out);
}

/* --- timer, firmware, console --- */

/* Which entry of "interrupts" is the virtual timer's: by name, else the binding's third. */
static unsigned timer_irq_index(const struct devicetree_node *node)
{
    enum { VIRTUAL_TIMER_DEFAULT = 2 };
    const int offset = node->path[node->depth];
    const int index = fdt_stringlist_search(node->tree->fdt, offset, "interrupt-names", "virt");

    return index < 0 ? VIRTUAL_TIMER_DEFAULT : (unsigned)index;
}

static enum status timer_read(const struct survey *survey)
{
    struct machine_timer *const timer = &survey->machine->timer;
    const struct devicetree_node *const node = &survey->timer.node;
    size_t length;

    if (!survey->timer.is_found)
        return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                                 "no timer: no node is compatible with arm,armv8-timer");
    if (devicetree_property(node, "clock-frequency", &length) != NULL) {
        const enum status status = devicetree_u32(node, "clock-frequency", &timer->frequency_hz);

        if (status != STATUS_OK)
            return status;
    }
    return irq_read(survey, node, timer_irq_index(node), &timer->irq);
}

static enum status psci_read(const struct survey *survey)
{
    struct psci_config *const psci = &survey->machine->psci;
    const bool is_standard = survey->psci_standard.is_found;
    const struct devicetree_node *const node =
        is_standard ? &survey->psci_standard.node : &survey->psci_0_1.node;
    const char *method;
    size_t length;

    if (!is_standard && !survey->psci_0_1.is_found)
        return STATUS_OK;

    enum status status = devicetree_string(node, "method", &method);

    if (status == STATUS_OK && !is_standard && devicetree_property(node, "cpu_on", &length) != NULL)
        status = devicetree_u32(node, "cpu_on", &psci->cpu_on_id);
    if (status != STATUS_OK)
        return status;

    psci->standard_ids = is_standard;
    if (strcmp(method, "hvc") == 0)
        psci->conduit = PSCI_CONDUIT_HVC;
    else if (strcmp(method, "smc") == 0)
        psci->conduit = PSCI_CONDUIT_SMC;
    else
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "method",
                                          "is neither hvc nor smc");
    return STATUS_OK;
}

static bool uart_is_supported(const struct devicetree_node *node)
{
    return (devicetree_is_compatible(node, "arm,pl011")
            || devicetree_is_compatible(node, "arm,sbsa-uart"))
           && devicetree_is_enabled(node);
}

/* The absolute path of an alias. */
static bool alias_find(const struct devicetree *tree, const char *alias, size_t length,
                       struct devicetree_value *out)
{
    static const char aliases_path[] = "/aliases";
    struct devicetree_node aliases;
    int size = 0;

    if (!devicetree_find_path(tree, aliases_path, sizeof(aliases_path) - 1, &aliases))
        return false;
    out->bytes =
        fdt_getprop_namelen(tree->fdt, aliases.path[aliases.depth], alias, (int)length, &size);
    if (out->bytes == NULL)
        return false;
    out->length = strnlen(out->bytes, (size_t)size);
    return true;
}

/*
 * The node that /chosen's stdout-path names, by path or alias, before any options after
 * a colon.  `likely` is tried before the tree is searched, or NULL.
 */
static bool stdout_find(const struct devicetree_node *chosen, const struct devicetree_node *likely,
                        struct devicetree_node *out)
{
    size_t length;
    const char *const text = devicetree_property(chosen, "stdout-path", &length);

    if (text == NULL || length == 0)
        return false;

    const char *const colon = memchr(text, ':', length);
    struct devicetree_value path = {text,
                                    colon != NULL ? (size_t)(colon - text) : strnlen(text, length)};

    if (text[0] != '/' && !alias_find(chosen->tree, text, path.length, &path))
        return false;
    if (likely != NULL && devicetree_is_at(likely, path.bytes, path.length)) {
        *out = *likely;
        return true;
    }
    return devicetree_find_path(chosen->tree, path.bytes, path.length, out);
}

static enum status uart_read(const struct survey *survey)
{
    struct machine_uart *const uart = &survey->machine->uart;
    struct devicetree_node node = survey->uart.node;
    struct devicetree_node chosen;
    size_t length;

    if (!survey->uart.is_found)
        return STATUS_OK;
    if (survey->chosen.is_found && stdout_find(&survey->chosen.node, &node, &chosen)
        && uart_is_supported(&chosen))
        node = chosen;

    const enum status status = devicetree_reg(&node, 0, &uart->registers);

    if (status != STATUS_OK)
        return status;
    if (devicetree_property(&node, "interrupts", &length) == NULL
        && devicetree_property(&node, "interrupts-extended", &length) == NULL)
        return STATUS_OK;
    return irq_read(survey, &node, 0, &uart->irq);
}

/* --- the walk --- */

/* Nodes that are known by their compatible string. */
static void device_note(struct survey *survey, const struct devicetree_node *node)
{
    if (devicetree_is_compatible(node, "arm,gic-v3"))
        candidate_offer(&survey->gic_v3, node);
    else if (devicetree_is_compatible(node, "arm,gic-400")
             || devicetree_is_compatible(node, "arm,cortex-a15-gic"))
        candidate_offer(&survey->gic_v2, node);
    else if (devicetree_is_compatible(node, "arm,armv8-timer"))
        candidate_offer(&survey->timer, node);
    else if (devicetree_is_compatible(node, "arm,psci-1.0")
             || devicetree_is_compatible(node, "arm,psci-0.2"))
        candidate_offer(&survey->psci_standard, node);
    else if (devicetree_is_compatible(node, "arm,psci"))
        candidate_offer(&survey->psci_0_1, node);
    else if (devicetree_is_compatible(node, "arm,armv8-pmuv3"))
        survey->machine->has_pmu = true;
    else if (uart_is_supported(node))
        candidate_offer(&survey->uart, node);
}

static enum status node_read(struct survey *survey, const struct devicetree_node *node)
{
    const bool is_top = node->depth == 1;
    const bool is_second = node->depth == 2;

    if (!devicetree_is_enabled(node))
        return STATUS_OK;
    if (is_top && devicetree_is_named(node, 1, "chosen"))
        return chosen_read(node, survey);
    if (is_top && devicetree_is_type(node, "memory"))
        return machine_memory_read(node, survey->machine);
    if (is_second && devicetree_is_named(node, 1, "reserved-memory"))
        return machine_reserved_read(node, survey->machine);
    if (is_second && devicetree_is_named(node, 1, "cpus") && devicetree_is_type(node, "cpu"))
        return machine_cpu_read(node, survey->machine);
    device_note(survey, node);
    return STATUS_OK;
}

static enum status nodes_read(struct survey *survey)
{
    struct devicetree_node node = devicetree_root(&survey->tree);
    enum status status =
        text_read(&node, "model", survey->machine->model, sizeof(survey->machine->model));

    while (status == STATUS_OK && devicetree_next(&node))
        status = node_read(survey, &node);
    return status;
}

static enum status essentials_check(const struct survey *survey)
{
    const struct machine *const machine = survey->machine;

    if (machine->memory_count == 0)
        return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                                 "no memory: no top-level node with device_type \"memory\" "
                                 "has a property reg that is not empty");
    if (machine->cpu_count == 0)
        return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                                 "no CPU: no node in /cpus has device_type \"cpu\"");
    return STATUS_OK;
}

/* The first version with today's layout of properties and names. */
enum { VERSION_MIN = 16 };

/*
 * Whether libfdt can walk the tree, though it may not be consistent: 0 or a libfdt error.
 * libfdt relies on the alignment of the two blocks, but does not check it.
 */
static int walkable_check(const void *fdt, size_t limit)
{
    if ((uintptr_t)fdt % sizeof(uint64_t) != 0)
        return -FDT_ERR_ALIGNMENT;
    if (limit < sizeof(struct fdt_header))
        return -FDT_ERR_TRUNCATED;

    const int result = fdt_check_header(fdt);

    if (result != 0)
        return result;
    if (fdt_totalsize(fdt) > limit)
        return -FDT_ERR_TRUNCATED;
    if (fdt_version(fdt) < VERSION_MIN)
        return -FDT_ERR_BADVERSION;
    if (fdt_off_dt_struct(fdt) % sizeof(fdt32_t) != 0
        || fdt_off_mem_rsvmap(fdt) % sizeof(fdt64_t) != 0)
        return -FDT_ERR_ALIGNMENT;
    return 0;
}

static enum status tree_check(const struct devicetree *tree, size_t limit)
{
    int result = walkable_check(tree->fdt, limit);

    if (result == 0)
        result = fdt_check_full(tree->fdt, limit);
    if (result != 0)
        return devicetree_refuse(tree, STATUS_BAD_DATA, "the devicetree is malformed: %s",
                                 fdt_strerror(result));
    return STATUS_OK;
}

enum status machine_read(const void *fdt, size_t limit, paddr_t fdt_physical, struct machine *out,
                         struct machine_error *error)
{
    struct survey survey = {.tree = {.fdt = fdt, .error = error}, .machine = out};

    memset(out, 0, sizeof(*out));

    enum status status = tree_check(&survey.tree, limit);

    if (status == STATUS_OK)
        status = machine_reservations_read(&survey.tree, fdt_physical, out);
    if (status == STATUS_OK)
        status = nodes_read(&survey);
    if (status == STATUS_OK)
        status = essentials_check(&survey);
    if (status == STATUS_OK)
        status = gic_read(&survey);
    if (status == STATUS_OK)
        status = timer_read(&survey);
    if (status == STATUS_OK)
        status = psci_read(&survey);
    if (status == STATUS_OK)
        status = uart_read(&survey);
    return status;
}

enum status machine_find_uart(const void *fdt, size_t limit, struct machine_range *out)
{
    static const char chosen_path[] = "/chosen";
    struct machine_error ignored;
    const struct devicetree tree = {.fdt = fdt, .error = &ignored};

    if (walkable_check(fdt, limit) != 0)
        return STATUS_NOT_FOUND;

    struct devicetree_node node, chosen;

    if (devicetree_find_path(&tree, chosen_path, sizeof(chosen_path) - 1, &chosen)
        && stdout_find(&chosen, NULL, &node) && uart_is_supported(&node)
        && devicetree_reg(&node, 0, out) == STATUS_OK)
        return STATUS_OK;
    node = devicetree_root(&tree);
    while (devicetree_next(&node)) {
        if (uart_is_supported(&node) && devicetree_reg(&node, 0, out) == STATUS_OK)
            return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

void machine_wipe_seeds(void *fdt, size_t limit)
{
    if (walkable_check(fdt, limit) != 0)
        return;

    const int chosen = fdt_path_offset(fdt, "/chosen");

    for (unsigned i = 0; chosen >= 0 && i < SEED_PROPERTIES; i++) {
        int length = 0;
        void *const seed = fdt_getprop_w(fdt, chosen, seed_properties[i], &length);

        if (seed != NULL)
            memset(seed, 0, (size_t)length);
    }
}

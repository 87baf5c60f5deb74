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

/* What there should be one of; the first enabled node of a kind counts. */
enum device {
    DEVICE_NONE,
    DEVICE_GIC_V2,
    DEVICE_GIC_V3,
    DEVICE_TIMER,
    DEVICE_PSCI,
    DEVICE_PSCI_0_1, /* which has no standard numbers */
    DEVICE_UART,
    DEVICE_COUNT,
};

/* The word before the comma is "arm" in all of them. */
static const struct {
    char name[16];
    uint8_t device; /* enum device */
} known_devices[] = {
    {"gic-v3", DEVICE_GIC_V3},     {"gic-400", DEVICE_GIC_V2}, {"cortex-a15-gic", DEVICE_GIC_V2},
    {"armv8-timer", DEVICE_TIMER}, {"psci-1.0", DEVICE_PSCI},  {"psci-0.2", DEVICE_PSCI},
    {"psci", DEVICE_PSCI_0_1},     {"pl011", DEVICE_UART},     {"sbsa-uart", DEVICE_UART},
};
enum { KNOWN_DEVICES = sizeof(known_devices) / sizeof(known_devices[0]) };

/* A node that nobody has found is all zeroes. */
struct survey {
    struct devicetree tree;
    struct machine *machine;
    struct devicetree_node found[DEVICE_COUNT];
};

static bool is_found(const struct devicetree_node *node)
{
    return node->tree != NULL;
}

static enum device device_named(const char *compatible)
{
    static const char vendor[] = "arm,";
    const size_t vendor_length = sizeof(vendor) - 1;

    if (strncmp(compatible, vendor, vendor_length) != 0)
        return DEVICE_NONE;
    for (unsigned i = 0; i < KNOWN_DEVICES; i++)
        if (strcmp(compatible + vendor_length, known_devices[i].name) == 0)
            return (enum device)known_devices[i].device;
    return DEVICE_NONE;
}

/* The first of the node's "compatible" strings that says something to us. */
static enum device device_of(const struct devicetree_node *node)
{
    const char *text = node->compatible.bytes;
    size_t rest = node->compatible.length;
    enum device device = DEVICE_NONE;

    while (device == DEVICE_NONE && rest > 0) {
        const size_t size = strnlen(text, rest) + 1;

        if (size > rest)
            break;
        device = device_named(text);
        text += size;
        rest -= size;
    }
    return device;
}

static bool is_uart(const struct devicetree_node *node)
{
    return devicetree_is_enabled(node) && device_of(node) == DEVICE_UART;
}

/* --- /chosen and the root --- */

static const char seed_properties[][12] = {"rng-seed", "kaslr-seed"};
enum { SEED_PROPERTIES = sizeof(seed_properties) / sizeof(seed_properties[0]) };

static bool is_chosen(const struct devicetree_node *node)
{
    return node->depth == 1 && devicetree_is_named(node, 1, "chosen");
}

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

static enum status model_read(const struct devicetree_node *root, struct machine *machine)
{
    const char *text = "";
    const enum status status = devicetree_string_if(root, "model", &text);

    memcpy(machine->model, text, strnlen(text, sizeof(machine->model) - 1));
    return status;
}

/* --- interrupts, timer, firmware --- */

static const struct devicetree_node *gic_node(const struct survey *survey)
{
    const struct devicetree_node *const v3 = &survey->found[DEVICE_GIC_V3];

    return is_found(v3) ? v3 : &survey->found[DEVICE_GIC_V2];
}

static enum status gic_read(const struct survey *survey)
{
    const struct devicetree_node *const node = gic_node(survey);

    if (!is_found(node))
        return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                                 "no interrupt controller: no node is compatible with arm,gic-v3, "
                                 "arm,gic-400 or arm,cortex-a15-gic");
    return machine_gic_read(node, node == &survey->found[DEVICE_GIC_V3] ? 3 : 2,
                            &survey->machine->gic);
}

/* Which entry of "interrupts" is the virtual timer's: by name, else the binding's third. */
static unsigned timer_irq_index(const struct devicetree_node *node)
{
    enum { VIRTUAL_TIMER_DEFAULT = 2 };
    const int offset = (int)node->path[node->depth];
    const int index = fdt_stringlist_search(node->tree->fdt, offset, "interrupt-names", "virt");

    return index < 0 ? VIRTUAL_TIMER_DEFAULT : (unsigned)index;
}

static enum status timer_read(const struct survey *survey)
{
    struct machine_timer *const timer = &survey->machine->timer;
    const struct devicetree_node *const node = &survey->found[DEVICE_TIMER];
    uint64_t frequency = 0;

    if (!is_found(node))
        return devicetree_refuse(&survey->tree, STATUS_NOT_FOUND,
                                 "no timer: no node is compatible with arm,armv8-timer");

    const enum status status = devicetree_number_if(node, "clock-frequency", 1, &frequency);

    timer->frequency_hz = (uint32_t)frequency;
    return status == STATUS_OK
               ? machine_irq_read(gic_node(survey), node, timer_irq_index(node), &timer->irq)
               : status;
}

static enum status psci_read(const struct survey *survey)
{
    struct psci_config *const psci = &survey->machine->psci;
    const struct devicetree_node *node = &survey->found[DEVICE_PSCI];
    const char *method = NULL;
    uint64_t cpu_on = 0;

    psci->standard_ids = is_found(node);
    if (!psci->standard_ids)
        node = &survey->found[DEVICE_PSCI_0_1];
    if (!is_found(node))
        return STATUS_OK;

    enum status status = devicetree_string_if(node, "method", &method);

    if (status == STATUS_OK)
        status = devicetree_number_if(node, "cpu_on", 1, &cpu_on);
    if (status != STATUS_OK)
        return status;

    psci->cpu_on_id = (uint32_t)cpu_on;
    if (method == NULL)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "method", "is missing");
    if (strcmp(method, "hvc") == 0)
        psci->conduit = PSCI_CONDUIT_HVC;
    else if (strcmp(method, "smc") == 0)
        psci->conduit = PSCI_CONDUIT_SMC;
    else
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "method",
                                          "is neither hvc nor smc");
    return STATUS_OK;
}

/* --- the walk --- */

static void device_note(struct survey *survey, const struct devicetree_node *node)
{
    struct devicetree_node *const found = &survey->found[device_of(node)];

    if (!is_found(found))
        *found = *node;
}

static enum status node_read(struct survey *survey, const struct devicetree_node *node)
{
    struct machine *const machine = survey->machine;

    if (!devicetree_is_enabled(node))
        return STATUS_OK;
    if (is_chosen(node))
        seeds_read(node, machine);
    else if (node->depth == 1 && devicetree_is_type(node, "memory"))
        return machine_memory_read(node, machine);
    else if (node->depth == 2 && devicetree_is_named(node, 1, "reserved-memory"))
        return machine_reserved_read(node, machine);
    else if (node->depth == 2 && devicetree_is_type(node, "cpu")
             && devicetree_is_named(node, 1, "cpus"))
        return machine_cpu_read(node, machine);
    else
        device_note(survey, node);
    return STATUS_OK;
}

static enum status nodes_read(struct survey *survey, paddr_t fdt_physical)
{
    struct devicetree_node node;
    bool more = devicetree_root(&survey->tree, &node);
    enum status status = machine_reservations_read(&node, fdt_physical, survey->machine);

    if (status == STATUS_OK)
        status = model_read(&node, survey->machine);
    for (; more && status == STATUS_OK; more = devicetree_next(&node))
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

enum status machine_read(const void *fdt, size_t limit, paddr_t fdt_physical, struct machine *out,
                         struct machine_error *error)
{
    struct survey survey = {.machine = out};
    const int result = devicetree_open(fdt, limit, error, &survey.tree);

    if (result != 0)
        return devicetree_refuse(&survey.tree, STATUS_BAD_DATA, "the devicetree is malformed: %s",
                                 fdt_strerror(result));
    memset(out, 0, sizeof(*out));

    enum status status = nodes_read(&survey, fdt_physical);

    if (status == STATUS_OK)
        status = essentials_check(&survey);
    if (status == STATUS_OK)
        status = gic_read(&survey);
    if (status == STATUS_OK)
        status = timer_read(&survey);
    if (status == STATUS_OK)
        status = psci_read(&survey);
    return status;
}

/* --- the console --- */

/* The path of an alias; what is a path already stays one. */
static const char *alias_resolve(const struct devicetree *tree, const char *path, size_t *length)
{
    if (path[0] == '/')
        return path;
    path = fdt_get_alias_namelen(tree->fdt, path, (int)*length);
    *length = path == NULL ? 0 : strlen(path);
    return path;
}

/*
 * The UART that /chosen's stdout-path names, by path or alias, before any options after a colon.
 * `node` is the one that is taken otherwise, and it is tried before the tree is searched.
 */
static void stdout_find(const struct devicetree_node *chosen, struct devicetree_node *node)
{
    size_t length;
    const char *path = devicetree_property(chosen, "stdout-path", &length);

    if (length == 0)
        return;

    const char *const colon = memchr(path, ':', length);

    length = colon != NULL ? (size_t)(colon - path) : strnlen(path, length);
    path = alias_resolve(chosen->tree, path, &length);
    if (length == 0 || devicetree_is_at(node, path, length))
        return;

    struct devicetree_node other;
    bool more = devicetree_root(chosen->tree, &other);

    for (; more; more = devicetree_next(&other)) {
        if (devicetree_is_at(&other, path, length) && is_uart(&other))
            *node = other;
    }
}

enum status machine_find_uart(const void *fdt, size_t limit, struct machine_range *out)
{
    struct machine_error ignored;
    struct devicetree tree;
    struct devicetree_node node, uart = {0}, chosen = {0};

    (void)!devicetree_open(fdt, limit, &ignored, &tree);
    for (bool more = devicetree_root(&tree, &node); more; more = devicetree_next(&node)) {
        if (is_chosen(&node))
            chosen = node;
        else if (!is_found(&uart) && is_uart(&node))
            uart = node;
    }
    if (!is_found(&uart))
        return STATUS_NOT_FOUND;
    if (is_found(&chosen))
        stdout_find(&chosen, &uart);
    return devicetree_reg(&uart, 0, out);
}

void machine_wipe_seeds(void *fdt, size_t limit)
{
    struct machine_error ignored;
    struct devicetree tree;
    struct devicetree_node node;

    (void)!devicetree_open(fdt, limit, &ignored, &tree);
    for (bool more = devicetree_root(&tree, &node); more; more = devicetree_next(&node)) {
        for (unsigned i = 0; is_chosen(&node) && i < SEED_PROPERTIES; i++) {
            size_t length;
            const char *const seed = devicetree_property(&node, seed_properties[i], &length);

            if (seed != NULL)
                memset((char *)fdt + (seed - (const char *)fdt), 0, length);
        }
    }
}

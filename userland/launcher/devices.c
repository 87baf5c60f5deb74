/*
 * Devices: reading `reg`, `ranges` and `interrupts`.
 *
 * Devicetree Specification 0.4, sections 2.3 (standard properties) and 2.4
 * (interrupts); the three cells of a GIC interrupt are those of Linux's
 * arm,gic.yaml: kind, number within the kind, trigger.
 */
#include "devices.h"

#include "abi/syscall.h"

#include <libfdt.h>

#include <string.h>

enum {
    GIC_CELLS_MAX = 4,
    GIC_SPI = 0,
    GIC_PPI = 1,
    GIC_SPI_FIRST = 32,
    GIC_PPI_FIRST = 16,
    GIC_SPI_COUNT = 988,
    GIC_PPI_COUNT = 16,
    GIC_TRIGGER_MASK = 0xf,
    GIC_TRIGGER_EDGE = 0x3, /* rising or falling */
};

/* A device being read: its node, and how to complain about it. */
struct device_reader {
    const struct tree_index *index;
    const struct tree_node *node;
    struct property_reader at;
};

static const void *node_property(const struct device_reader *reader, int node, const char *name,
                                 int *bytes)
{
    return tree_index_property(reader->index, node, name, bytes);
}

static int node_address_cells(const struct device_reader *reader, int node)
{
    return tree_index_cells(reader->index, node, "#address-cells", 2);
}

static int node_size_cells(const struct device_reader *reader, int node)
{
    return tree_index_cells(reader->index, node, "#size-cells", 1);
}

static uint64_t cells_get(const fdt32_t *cells, int count)
{
    uint64_t value = 0;

    for (int i = 0; i < count; i++)
        value = value << 32 | fdt32_ld(cells + i);
    return value;
}

/* ---- addresses ---- */

/* Translate `*address` from the bus `bus` to its parent's addresses. */
static enum status translate_once(struct device_reader *reader, int bus, int parent, uint64_t size,
                                  uint64_t *address)
{
    int bytes;
    const fdt32_t *ranges = node_property(reader, bus, "ranges", &bytes);
    const int child_cells = node_address_cells(reader, bus);
    const int parent_cells = node_address_cells(reader, parent);
    const int size_cells = node_size_cells(reader, bus);
    const int row = child_cells + parent_cells + size_cells;

    if (ranges == NULL)
        return property_refuse(&reader->at, "reg", "the bus above has no ranges");
    if (bytes == 0)
        return STATUS_OK;
    if (child_cells < 1 || child_cells > 2 || parent_cells < 1 || parent_cells > 2 || size_cells < 1
        || size_cells > 2 || bytes % (row * (int)sizeof(fdt32_t)) != 0)
        return property_refuse(&reader->at, "reg", "the bus above has ranges that make no sense");

    for (int i = 0; i < bytes / (int)sizeof(fdt32_t); i += row) {
        const uint64_t child = cells_get(ranges + i, child_cells);
        const uint64_t up = cells_get(ranges + i + child_cells, parent_cells);
        const uint64_t span = cells_get(ranges + i + child_cells + parent_cells, size_cells);
        if (*address >= child && *address - child < span && size <= span - (*address - child)
            && up <= UINT64_MAX - span) {
            *address = up + (*address - child);
            return STATUS_OK;
        }
    }
    return property_refuse(&reader->at, "reg", "is outside the ranges of the bus above");
}

/* Walk up from the device's bus to the root; a broken tree may have several. */
static enum status translate(struct device_reader *reader, uint64_t size, uint64_t *address)
{
    const struct tree_node *nodes = reader->index->nodes;

    for (int bus = reader->node->parent; bus >= 0 && nodes[bus].parent >= 0;
         bus = nodes[bus].parent) {
        const enum status s = translate_once(reader, bus, nodes[bus].parent, size, address);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status read_registers(struct device_reader *reader, struct device *out)
{
    int bytes;
    const fdt32_t *cells = node_property(reader, out->node, "reg", &bytes);
    const int bus = reader->node->parent;

    if (cells == NULL || bus < 0)
        return STATUS_OK;
    const int address_cells = node_address_cells(reader, bus);
    const int size_cells = node_size_cells(reader, bus);
    const int row = address_cells + size_cells;
    if (address_cells < 1 || address_cells > 2 || size_cells < 1 || size_cells > 2 || bytes == 0
        || bytes % (row * (int)sizeof(fdt32_t)) != 0)
        return property_refuse(&reader->at, "reg", "%d bytes are no list of addresses and sizes",
                               bytes);

    const int count = bytes / (row * (int)sizeof(fdt32_t));
    for (int i = 0; i < count && i < DEVICE_REGISTERS_MAX; i++) {
        struct device_registers *registers = &out->registers[i];
        registers->base = cells_get(cells + i * row, address_cells);
        registers->size = cells_get(cells + i * row + address_cells, size_cells);
        if (registers->size == 0 || registers->base > UINT64_MAX - registers->size)
            return property_refuse(&reader->at, "reg", "has a range that is empty or wraps");
        const enum status s = translate(reader, registers->size, &registers->base);
        if (s != STATUS_OK)
            return s;
        out->register_count++;
    }
    return STATUS_OK;
}

/* ---- interrupts ---- */

/* The node that interprets `interrupts`: named here or by the nearest node above that does. */
static int interrupt_parent(const struct device_reader *reader, int node)
{
    for (; node >= 0; node = reader->index->nodes[node].parent) {
        int bytes;
        const fdt32_t *phandle = node_property(reader, node, "interrupt-parent", &bytes);
        if (phandle != NULL && bytes == (int)sizeof *phandle)
            return tree_index_by_phandle(reader->index, fdt32_ld(phandle));
    }
    return -1;
}

static bool is_gic(const struct tree_index *index, int node)
{
    static const char *const names[] = {
        "arm,gic-v3", "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (tree_index_is_compatible(index, node, names[i]))
            return true;
    }
    return false;
}

static enum status read_interrupt(const struct device_reader *reader, const fdt32_t *cells,
                                  struct device_interrupt *out)
{
    const uint32_t kind = fdt32_ld(cells);
    const uint32_t number = fdt32_ld(cells + 1);
    const uint32_t trigger = fdt32_ld(cells + 2) & GIC_TRIGGER_MASK;
    const uint32_t limit = kind == GIC_SPI ? GIC_SPI_COUNT : GIC_PPI_COUNT;

    if ((kind != GIC_SPI && kind != GIC_PPI) || number >= limit)
        return property_refuse(&reader->at, "interrupts", "<%u %u> is none that a GIC has",
                               (unsigned)kind, (unsigned)number);
    out->number = number + (kind == GIC_SPI ? GIC_SPI_FIRST : GIC_PPI_FIRST);
    out->flags = (trigger & GIC_TRIGGER_EDGE) != 0 ? INTERRUPT_EDGE : 0;
    return STATUS_OK;
}

/* Interrupts that go to another controller than the GIC (a GPIO block's, say) are left out. */
static enum status read_interrupts(struct device_reader *reader, struct device *out)
{
    int bytes;
    const fdt32_t *cells = node_property(reader, out->node, "interrupts", &bytes);

    if (cells == NULL)
        return STATUS_OK;
    const int parent = interrupt_parent(reader, out->node);
    if (parent < 0)
        return property_refuse(&reader->at, "interrupt-parent", "leads nowhere");
    if (!is_gic(reader->index, parent))
        return STATUS_OK;
    const uint32_t row = (uint32_t)tree_index_cells(reader->index, parent, "#interrupt-cells", 0);
    if (row < 3 || row > GIC_CELLS_MAX || bytes == 0 || bytes % (int)(row * sizeof *cells) != 0)
        return property_refuse(&reader->at, "interrupts", "%d bytes are no list of %u cells each",
                               bytes, (unsigned)row);

    const uint32_t count = (uint32_t)bytes / (row * (uint32_t)sizeof *cells);
    for (uint32_t i = 0; i < count && i < DEVICE_INTERRUPTS_MAX; i++) {
        const enum status bad = read_interrupt(reader, cells + i * row, &out->interrupts[i]);
        if (bad != STATUS_OK)
            return bad;
        out->interrupt_count++;
    }
    return STATUS_OK;
}

/* ---- the rest ---- */

/* "clock-frequency" of the node itself, or of the fixed clock that it names first. */
static uint32_t read_clock(const struct device_reader *reader, int node)
{
    int bytes;
    const fdt32_t *hz = node_property(reader, node, "clock-frequency", &bytes);

    if (hz == NULL) {
        const fdt32_t *clock = node_property(reader, node, "clocks", &bytes);
        if (clock == NULL || bytes < (int)sizeof *clock)
            return 0;
        const int source = tree_index_by_phandle(reader->index, fdt32_ld(clock));
        if (source < 0)
            return 0;
        hz = node_property(reader, source, "clock-frequency", &bytes);
    }
    return hz != NULL && bytes == (int)sizeof *hz ? fdt32_ld(hz) : 0;
}

static bool is_enabled(const struct tree_index *index, int node)
{
    int bytes;
    const char *text = tree_index_property(index, node, "status", &bytes);

    return text == NULL || (bytes == 5 && memcmp(text, "okay", 5) == 0)
           || (bytes == 3 && memcmp(text, "ok", 3) == 0);
}

static enum status device_read(const struct tree_index *index, int node, const char *compatible,
                               struct device *out, struct property_error *error)
{
    const char *name = fdt_get_name(index->tree, index->nodes[node].offset, NULL);
    struct device_reader reader = {
        .index = index,
        .node = &index->nodes[node],
        .at = {.tree = index->tree,
               .node = index->nodes[node].offset,
               .where = name == NULL ? "?" : name,
               .error = error},
    };
    int bytes;

    *out = (struct device){
        .node = node,
        .name = reader.at.where,
        .compatible = compatible,
        .clock_hz = read_clock(&reader, node),
        .is_coherent = node_property(&reader, node, "dma-coherent", &bytes) != NULL,
    };
    const enum status s = read_registers(&reader, out);
    return s == STATUS_OK ? read_interrupts(&reader, out) : s;
}

enum status device_find(const struct tree_index *index, const char *compatible, int after,
                        struct device *out, struct property_error *error)
{
    for (int node = after + 1; node < index->node_count; node++) {
        if (tree_index_is_compatible(index, node, compatible) && is_enabled(index, node))
            return device_read(index, node, compatible, out, error);
    }
    return STATUS_NOT_FOUND;
}

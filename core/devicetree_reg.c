/*
 * Devicetree addresses: cell counts from the parent, translation bus by bus.
 */
#include "devicetree_reg.h"

enum { CELLS_MAX = 2 };

/* The specification's defaults for a bus that does not say. */
enum { ADDRESS_CELLS_DEFAULT = 2, SIZE_CELLS_DEFAULT = 1 };

struct bus {
    unsigned address_cells;
    unsigned size_cells;
};

static enum status cell_count_read(const struct devicetree_node *node, const char *name,
                                   unsigned fallback, unsigned *out)
{
    uint64_t count = fallback;
    const enum status status = devicetree_number_if(node, name, 1, &count);

    if (status != STATUS_OK)
        return status;
    if (count > CELLS_MAX)
        return devicetree_refuse_property(node, STATUS_NOT_SUPPORTED, name,
                                          "is %u, more than 64 bits", (unsigned)count);
    *out = (unsigned)count;
    return STATUS_OK;
}

/* How the children of the ancestor at `depth` write their addresses. */
static enum status bus_read(const struct devicetree_node *node, unsigned depth, struct bus *out)
{
    const struct devicetree_node above = devicetree_ancestor(node, depth);
    enum status status =
        cell_count_read(&above, "#address-cells", ADDRESS_CELLS_DEFAULT, &out->address_cells);

    if (status != STATUS_OK)
        return status;
    status = cell_count_read(&above, "#size-cells", SIZE_CELLS_DEFAULT, &out->size_cells);
    if (status != STATUS_OK)
        return status;
    if (out->address_cells == 0)
        return devicetree_refuse_property(&above, STATUS_BAD_DATA, "#address-cells",
                                          "is 0, yet there are addresses below");
    return STATUS_OK;
}

struct reg {
    const unsigned char *entries;
    unsigned count;
    unsigned entry_size;
    struct bus bus;
};

static enum status reg_open(const struct devicetree_node *node, struct reg *out)
{
    size_t length;
    const enum status status =
        node->depth == 0
            ? devicetree_refuse_property(node, STATUS_NOT_FOUND, "reg", "the root has none")
            : bus_read(node, node->depth - 1, &out->bus);

    if (status != STATUS_OK)
        return status;
    out->entries = devicetree_property(node, "reg", &length);
    out->entry_size = (out->bus.address_cells + out->bus.size_cells) * DEVICETREE_CELL;
    if (length % out->entry_size != 0)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                          "is %zu bytes long, not a multiple of %u", length,
                                          out->entry_size);
    out->count = (unsigned)(length / out->entry_size);
    return STATUS_OK;
}

enum status devicetree_reg_count(const struct devicetree_node *node, unsigned *out)
{
    struct reg reg;
    const enum status status = reg_open(node, &reg);

    if (status == STATUS_OK)
        *out = reg.count;
    return status;
}

static enum status reg_entry(const struct devicetree_node *node, unsigned index,
                             struct machine_range *out)
{
    struct reg reg;
    const enum status status = reg_open(node, &reg);

    if (status != STATUS_OK)
        return status;
    if (index >= reg.count)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "reg",
                                          "has %u entries, %u are needed", reg.count, index + 1);

    const unsigned char *const entry = reg.entries + (size_t)index * reg.entry_size;

    out->base = devicetree_cells(entry, reg.bus.address_cells);
    out->size =
        devicetree_cells(entry + reg.bus.address_cells * DEVICETREE_CELL, reg.bus.size_cells);
    return STATUS_OK;
}

enum status devicetree_reg_number(const struct devicetree_node *node, unsigned index, uint64_t *out)
{
    struct machine_range range;
    const enum status status = reg_entry(node, index, &range);

    if (status == STATUS_OK)
        *out = range.base;
    return status;
}

/* Whether [base, base + size) lies in [outer, outer + outer_size), none of which wraps unseen. */
static bool lies_within(uint64_t base, uint64_t size, uint64_t outer, uint64_t outer_size)
{
    return base >= outer && base - outer <= outer_size && size <= outer_size - (base - outer);
}

/* Carry `range` from the address space below the bus at `depth` to the one above it. */
static enum status translate_once(const struct devicetree_node *node, unsigned depth,
                                  struct machine_range *range)
{
    const struct devicetree_node bus = devicetree_ancestor(node, depth);
    struct bus below, above;
    size_t length;
    const unsigned char *entry = devicetree_property(&bus, "ranges", &length);
    enum status status = bus_read(node, depth, &below);

    if (status == STATUS_OK)
        status = bus_read(node, depth - 1, &above);
    if (status != STATUS_OK)
        return status;
    if (entry == NULL)
        return devicetree_refuse_property(&bus, STATUS_NOT_FOUND, "ranges",
                                          "is missing: what lies below has no address");
    if (length == 0)
        return STATUS_OK;

    const unsigned entry_size =
        (below.address_cells + above.address_cells + below.size_cells) * DEVICETREE_CELL;

    if (length % entry_size != 0)
        return devicetree_refuse_property(&bus, STATUS_BAD_DATA, "ranges",
                                          "is %zu bytes long, not a multiple of %u", length,
                                          entry_size);
    for (const unsigned char *const end = entry + length; entry < end; entry += entry_size) {
        const unsigned char *const parent = entry + below.address_cells * DEVICETREE_CELL;
        const uint64_t child_base = devicetree_cells(entry, below.address_cells);
        const uint64_t parent_base = devicetree_cells(parent, above.address_cells);
        const uint64_t size =
            devicetree_cells(parent + above.address_cells * DEVICETREE_CELL, below.size_cells);

        if (lies_within(range->base, range->size, child_base, size)) {
            range->base = parent_base + (range->base - child_base);
            return STATUS_OK;
        }
    }
    return devicetree_refuse_property(&bus, STATUS_BAD_DATA, "ranges", "does not cover 0x%llx",
                                      (unsigned long long)range->base);
}

enum status devicetree_reg(const struct devicetree_node *node, unsigned index,
                           struct machine_range *out)
{
    struct machine_range range;
    enum status status = reg_entry(node, index, &range);

    for (unsigned depth = node->depth - 1; status == STATUS_OK && depth > 0; depth--)
        status = translate_once(node, depth, &range);
    if (status != STATUS_OK)
        return status;
    if (range.base + range.size < range.base)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                          "entry %u runs past the end of memory", index);
    *out = range;
    return STATUS_OK;
}

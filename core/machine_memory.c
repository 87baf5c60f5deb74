/*
 * Machine memory: ranges that exist, ranges that are spoken for.
 */
#include "machine_memory.h"

#include "devicetree_reg.h"

#include <libfdt.h>

static bool ranges_overlap(const struct machine_range *a, const struct machine_range *b)
{
    return a->base < b->base + b->size && b->base < a->base + a->size;
}

static enum status range_add(const struct devicetree_node *node, const struct machine_range *range,
                             struct machine_range *list, unsigned *count, unsigned max)
{
    if (range->size == 0)
        return STATUS_OK;
    if (*count == max)
        return devicetree_refuse_property(node, STATUS_NOT_SUPPORTED, "reg",
                                          "one range more than the %u that the kernel keeps", max);
    list[(*count)++] = *range;
    return STATUS_OK;
}

enum status machine_memory_read(const struct devicetree_node *node, struct machine *machine)
{
    unsigned count;
    enum status status = devicetree_reg_count(node, &count);

    for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
        struct machine_range range;

        status = devicetree_reg(node, i, &range);
        if (status != STATUS_OK)
            return status;
        for (unsigned other = 0; other < machine->memory_count; other++) {
            if (ranges_overlap(&range, &machine->memory[other]))
                return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                                  "entry %u overlaps other memory", i);
        }
        status =
            range_add(node, &range, machine->memory, &machine->memory_count, MACHINE_MEMORY_MAX);
    }
    return status;
}

enum status machine_reserved_read(const struct devicetree_node *node, struct machine *machine)
{
    unsigned count;
    enum status status = devicetree_reg_count(node, &count);

    for (unsigned i = 0; status == STATUS_OK && i < count; i++) {
        struct machine_range range;

        status = devicetree_reg(node, i, &range);
        if (status == STATUS_OK)
            status = range_add(node, &range, machine->reserved, &machine->reserved_count,
                               MACHINE_RESERVED_MAX);
    }
    return status;
}

enum status machine_reservations_read(const struct devicetree_node *root, paddr_t fdt_physical,
                                      struct machine *machine)
{
    const struct devicetree *const tree = root->tree;
    const struct machine_range own = {.base = fdt_physical, .size = fdt_totalsize(tree->fdt)};
    const int count = fdt_num_mem_rsv(tree->fdt);
    enum status status = STATUS_OK;

    if (count < 0)
        return devicetree_refuse(tree, STATUS_BAD_DATA, "memory reservation block: %s",
                                 fdt_strerror(count));
    machine->reserved[machine->reserved_count++] = own;
    for (int i = 0; status == STATUS_OK && i < count; i++) {
        struct machine_range range;

        if (fdt_get_mem_rsv(tree->fdt, i, &range.base, &range.size) != 0
            || range.base + range.size < range.base)
            return devicetree_refuse(tree, STATUS_BAD_DATA,
                                     "memory reservation block: entry %u is no range", (unsigned)i);
        status = range_add(root, &range, machine->reserved, &machine->reserved_count,
                           MACHINE_RESERVED_MAX);
    }
    return status;
}

/*
 * Devicetree interrupts: two ways to write them, one to read them.
 */
#include "devicetree_interrupt.h"

static enum status controller_find(const struct devicetree_node *node,
                                   const struct devicetree_node *likely, const char *property,
                                   uint32_t phandle, struct devicetree_interrupt *out)
{
    uint64_t count = 0;

    if (likely != NULL && likely->phandle == phandle && phandle != 0)
        out->controller = *likely;
    else if (!devicetree_find_phandle(node->tree, phandle, &out->controller))
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, property,
                                          "there is no node with phandle 0x%x", phandle);

    const enum status status =
        devicetree_number_if(&out->controller, "#interrupt-cells", 1, &count);

    if (status != STATUS_OK)
        return status;
    if (count == 0 || count > DEVICETREE_INTERRUPT_CELLS_MAX)
        return devicetree_refuse_property(&out->controller, STATUS_NOT_SUPPORTED,
                                          "#interrupt-cells", "is %u, not 1 to %u", (unsigned)count,
                                          DEVICETREE_INTERRUPT_CELLS_MAX);
    out->cell_count = (unsigned)count;
    return STATUS_OK;
}

static void interrupt_cells_read(const unsigned char *cells, struct devicetree_interrupt *out)
{
    for (unsigned i = 0; i < out->cell_count; i++)
        out->cells[i] = (uint32_t)devicetree_cells(cells + (size_t)i * DEVICETREE_CELL, 1);
}

/* Each entry is a phandle and as many cells as that controller wants. */
static enum status interrupt_extended(const struct devicetree_node *node,
                                      const struct devicetree_node *likely, unsigned index,
                                      const unsigned char *at, size_t length,
                                      struct devicetree_interrupt *out)
{
    static const char name[] = "interrupts-extended";

    for (unsigned entry = 0; length >= DEVICETREE_CELL; entry++) {
        const enum status status =
            controller_find(node, likely, name, (uint32_t)devicetree_cells(at, 1), out);

        if (status != STATUS_OK)
            return status;

        const size_t size = (1 + out->cell_count) * DEVICETREE_CELL;

        if (length < size)
            return devicetree_refuse_property(node, STATUS_BAD_DATA, name, "ends in an entry");
        if (entry == index) {
            interrupt_cells_read(at + DEVICETREE_CELL, out);
            return STATUS_OK;
        }
        at += size;
        length -= size;
    }
    return devicetree_refuse_property(node, STATUS_NOT_FOUND, name, "has no entry %u", index);
}

/* The nearest "interrupt-parent" of the node or its ancestors. */
static enum status interrupt_parent_find(const struct devicetree_node *node,
                                         const struct devicetree_node *likely,
                                         struct devicetree_interrupt *out)
{
    static const char name[] = "interrupt-parent";

    for (unsigned depth = node->depth + 1; depth-- > 0;) {
        const struct devicetree_node above = devicetree_ancestor(node, depth);
        uint64_t phandle = UINT64_MAX;
        const enum status status = devicetree_number_if(&above, name, 1, &phandle);

        if (status != STATUS_OK)
            return status;
        if (phandle != UINT64_MAX)
            return controller_find(&above, likely, name, (uint32_t)phandle, out);
    }
    return devicetree_refuse_property(node, STATUS_NOT_FOUND, name,
                                      "is missing, here and in every node above");
}

enum status devicetree_interrupt(const struct devicetree_node *node,
                                 const struct devicetree_node *likely, unsigned index,
                                 struct devicetree_interrupt *out)
{
    size_t length;
    const unsigned char *cells = devicetree_property(node, "interrupts-extended", &length);

    if (cells != NULL)
        return interrupt_extended(node, likely, index, cells, length, out);
    cells = devicetree_property(node, "interrupts", &length);
    if (cells == NULL)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "interrupts", "is missing");

    const enum status status = interrupt_parent_find(node, likely, out);

    if (status != STATUS_OK)
        return status;

    const size_t size = out->cell_count * DEVICETREE_CELL;

    if (length % size != 0)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "interrupts",
                                          "is %zu bytes long, not a multiple of %zu", length, size);
    if (index >= length / size)
        return devicetree_refuse_property(node, STATUS_NOT_FOUND, "interrupts",
                                          "has %zu entries, %u are needed", length / size,
                                          index + 1);
    interrupt_cells_read(cells + index * size, out);
    return STATUS_OK;
}

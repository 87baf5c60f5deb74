/*
 * Machine GIC: register ranges, and interrupt specifiers in the GIC's own words.
 */
#include "machine_gic.h"

#include "base/bits.h"
#include "devicetree_interrupt.h"
#include "devicetree_reg.h"

enum { GIC_SPI = 0, GIC_PPI = 1, GIC_CELLS_MIN = 3 };
enum { GIC_PPI_COUNT = IRQ_SPI_FIRST - IRQ_PPI_FIRST };
enum { GIC_SPI_COUNT = IRQ_SPECIAL_FIRST - IRQ_SPI_FIRST };

/* The GIC's specifier: kind, number within the kind, flags of which 1 and 2 mean edge. */
static enum status irq_decode(const struct devicetree_node *node,
                              const struct devicetree_interrupt *interrupt, struct machine_irq *out)
{
    const uint32_t kind = interrupt->cells[0];
    const uint32_t number = interrupt->cells[1];
    const uint32_t first = kind == GIC_SPI ? IRQ_SPI_FIRST : IRQ_PPI_FIRST;
    const uint32_t count = kind == GIC_SPI ? GIC_SPI_COUNT : GIC_PPI_COUNT;
    const uint32_t edge = 1U | 2U;

    if (kind > GIC_PPI || number >= count)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "interrupts",
                                          "<%u %u> is no interrupt of the GIC", kind, number);
    out->id = first + number;
    out->trigger = (interrupt->cells[2] & edge) != 0 ? IRQ_TRIGGER_EDGE : IRQ_TRIGGER_LEVEL;
    return STATUS_OK;
}

enum status machine_irq_read(const struct devicetree_node *gic, const struct devicetree_node *node,
                             unsigned index, struct machine_irq *out)
{
    struct devicetree_interrupt interrupt;
    const enum status status = devicetree_interrupt(node, gic, index, &interrupt);

    if (status != STATUS_OK)
        return status;
    if (interrupt.controller.path[interrupt.controller.depth] != gic->path[gic->depth]
        || interrupt.cell_count < GIC_CELLS_MIN)
        return devicetree_refuse_property(node, STATUS_NOT_SUPPORTED, "interrupts",
                                          "are not wired to the GIC");
    return irq_decode(node, &interrupt, out);
}

enum { GIC_FRAME_SIZE = 64 * 1024 };

/* Properties that a GICv3 node may leave out. */
static enum status gic_v3_shape_read(const struct devicetree_node *node, struct machine_gic *gic)
{
    uint64_t regions = 1;
    enum status status = devicetree_number_if(node, "#redistributor-regions", 1, &regions);

    if (status == STATUS_OK)
        status = devicetree_number_if(node, "redistributor-stride", 2, &gic->redistributor_stride);
    if (status != STATUS_OK)
        return status;
    if (regions == 0 || regions > IRQCHIP_REDIST_REGIONS_MAX)
        return devicetree_refuse_property(node, STATUS_NOT_SUPPORTED, "#redistributor-regions",
                                          "is %u", (unsigned)regions);
    if (!is_aligned(gic->redistributor_stride, GIC_FRAME_SIZE))
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "redistributor-stride",
                                          "is not a multiple of 64 KiB");
    gic->redistributor_count = (unsigned)regions;
    return STATUS_OK;
}

enum status machine_gic_read(const struct devicetree_node *node, unsigned version,
                             struct machine_gic *gic)
{
    gic->version = version;

    enum status status = devicetree_reg(node, 0, &gic->distributor);

    if (version == 2)
        return status == STATUS_OK ? devicetree_reg(node, 1, &gic->cpu_interface) : status;
    if (status == STATUS_OK)
        status = gic_v3_shape_read(node, gic);
    for (unsigned i = 0; status == STATUS_OK && i < gic->redistributor_count; i++)
        status = devicetree_reg(node, 1 + i, &gic->redistributors[i]);
    return status;
}

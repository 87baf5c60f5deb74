/*
 * Interrupt controller: which GIC this machine has, decided once.
 *
 * The choice is made on the boot CPU before any interrupt is enabled and never
 * changes, so reading it needs no lock.
 */
#include "arch/irqchip.h"

#include "base/assert.h"
#include "gic_registers.h"
#include "irqchip_ops.h"

#include <stddef.h>

static const struct irqchip_ops *chip;
static uint32_t line_count;

BOOT_ONLY void gic_quiesce(uintptr_t base, uint32_t first, uint32_t last)
{
    for (uint32_t id = first; id < last; id += 32) {
        mmio_write32(gic_bit_word(base, GICD_ICENABLER, id), UINT32_MAX);
        mmio_write32(gic_bit_word(base, GICD_ICPENDR, id), UINT32_MAX);
        mmio_write32(gic_bit_word(base, GICD_ICACTIVER, id), UINT32_MAX);
    }
    /* A device's is taken before the timer's, however much is due, and that before other CPUs'. */
    for (uint32_t id = first; id < last; id += 4)
        mmio_write32(base + GICD_IPRIORITYR + id, (id < IRQ_SGI_COUNT   ? GIC_PRIORITY_MESSAGE
                                                   : id < IRQ_SPI_FIRST ? GIC_PRIORITY_PRIVATE
                                                                        : GIC_PRIORITY_SHARED)
                                                      * UINT32_C(0x01010101));
}

enum status irqchip_init(const struct irqchip_config *config)
{
    ASSERT(chip == NULL);

    const struct irqchip_ops *const ops = config->version == 2   ? &gicv2_ops
                                          : config->version == 3 ? &gicv3_ops
                                                                 : NULL;

    if (ops == NULL)
        return STATUS_NOT_SUPPORTED;

    const enum status status = ops->init(config);

    if (status == STATUS_OK) {
        chip = ops;
        line_count = gic_line_count(config->distributor.base);
    }
    return status;
}

/* Where the registers of the line are, which must be one. */
static uintptr_t registers_of(uint32_t id)
{
    ASSERT(id < line_count);
    return chip->registers_of(id);
}

enum status irqchip_cpu_init(void)
{
    return chip->cpu_init();
}

uint32_t irqchip_line_count(void)
{
    return line_count;
}

void irqchip_configure(uint32_t id, enum irq_trigger trigger)
{
    if (id >= IRQ_PPI_FIRST)
        gic_trigger_write(registers_of(id), id, trigger);
}

void irqchip_route(uint32_t id, uint64_t mpidr)
{
    ASSERT(id >= IRQ_SPI_FIRST && id < line_count);
    chip->route(id, mpidr);
}

void irqchip_enable(uint32_t id)
{
    gic_bit_write(registers_of(id), GICD_ISENABLER, id);
}

void irqchip_disable(uint32_t id)
{
    gic_bit_write(registers_of(id), GICD_ICENABLER, id);
    chip->settle(id);
}

struct irq_ack irqchip_acknowledge(void)
{
    return chip->acknowledge();
}

void irqchip_drop(struct irq_ack ack)
{
    chip->drop(ack);
}

void irqchip_deactivate(struct irq_ack ack)
{
    chip->deactivate(ack);
}

void irqchip_forget(uint32_t sgi)
{
    ASSERT(sgi < IRQ_SGI_COUNT);
    chip->forget(sgi);
}

void irqchip_send(uint32_t sgi, uint64_t mpidr)
{
    ASSERT(sgi < IRQ_SGI_COUNT);
    chip->send(sgi, mpidr);
}

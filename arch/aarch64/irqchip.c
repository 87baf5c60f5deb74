/*
 * Interrupt controller: which GIC this machine has, decided once.
 *
 * The choice is made on the boot CPU before any interrupt is enabled and never
 * changes, so reading it needs no lock.
 */
#include "arch/irqchip.h"

#include "base/assert.h"
#include "irqchip_ops.h"

#include <stddef.h>

static const struct irqchip_ops *chip;

enum status irqchip_init(const struct irqchip_config *config)
{
    ASSERT(chip == NULL);

    const struct irqchip_ops *const ops = config->version == 2   ? &gicv2_ops
                                          : config->version == 3 ? &gicv3_ops
                                                                 : NULL;

    if (ops == NULL)
        return STATUS_NOT_SUPPORTED;

    const enum status status = ops->init(config);

    if (status == STATUS_OK)
        chip = ops;
    return status;
}

enum status irqchip_cpu_init(void)
{
    return chip->cpu_init();
}

uint32_t irqchip_line_count(void)
{
    return chip->line_count();
}

void irqchip_configure(uint32_t id, enum irq_trigger trigger)
{
    ASSERT(id < irqchip_line_count());
    chip->configure(id, trigger);
}

void irqchip_set_priority(uint32_t id, uint8_t priority)
{
    ASSERT(id < irqchip_line_count());
    chip->set_priority(id, priority);
}

void irqchip_route(uint32_t id, uint64_t mpidr)
{
    ASSERT(id >= IRQ_SPI_FIRST && id < irqchip_line_count());
    chip->route(id, mpidr);
}

void irqchip_enable(uint32_t id)
{
    ASSERT(id < irqchip_line_count());
    chip->enable(id);
}

void irqchip_disable(uint32_t id)
{
    ASSERT(id < irqchip_line_count());
    chip->disable(id);
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

bool irqchip_is_pending(uint32_t id)
{
    ASSERT(id < irqchip_line_count());
    return chip->is_pending(id);
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

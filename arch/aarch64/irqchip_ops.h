/*
 * Interrupt controller operations: what one generation of the GIC implements.
 *
 * Private to arch: irqchip.c picks one table at boot and everybody else calls
 * arch/irqchip.h.  The meaning of each operation stands there, but for those of registers that
 * all generations have (gic_registers.h).
 */
#pragma once

#include "arch/irqchip.h"

struct irqchip_ops {
    enum status (*init)(const struct irqchip_config *config);
    enum status (*cpu_init)(void);
    uintptr_t (*registers_of)(uint32_t id); /* where those of `id` are */
    void (*settle)(uint32_t id);            /* what was written to them has taken effect */
    void (*route)(uint32_t id, uint64_t mpidr);
    struct irq_ack (*acknowledge)(void);
    void (*drop)(struct irq_ack ack);
    void (*deactivate)(struct irq_ack ack);
    void (*forget)(uint32_t sgi);
    void (*send)(uint32_t sgi, uint64_t mpidr);
};

extern const struct irqchip_ops gicv2_ops;
extern const struct irqchip_ops gicv3_ops;

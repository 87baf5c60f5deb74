/*
 * Interrupt controller operations: what one generation of the GIC implements.
 *
 * Private to arch: irqchip.c picks one table at boot and everybody else calls
 * arch/irqchip.h.  The meaning of each operation stands there.
 */
#pragma once

#include "arch/irqchip.h"

struct irqchip_ops {
    enum status (*init)(const struct irqchip_config *config);
    enum status (*cpu_init)(void);
    void (*configure)(uint32_t id, enum irq_trigger trigger);
    void (*route)(uint32_t id, uint64_t mpidr);
    void (*enable)(uint32_t id);
    void (*disable)(uint32_t id);
    struct irq_ack (*acknowledge)(void);
    void (*drop)(struct irq_ack ack);
    void (*deactivate)(struct irq_ack ack);
    void (*forget)(uint32_t sgi);
    void (*send)(uint32_t sgi, uint64_t mpidr);
};

extern const struct irqchip_ops gicv2_ops;
extern const struct irqchip_ops gicv3_ops;

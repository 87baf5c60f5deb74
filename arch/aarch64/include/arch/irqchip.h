/*
 * Interrupt controller: the kernel's one view of GICv2 and GICv3.
 *
 * Priority drop and deactivation are split (EOImode = 1).  The kernel drops the
 * priority at once, so other interrupts flow; the interrupt itself stays active,
 * and therefore silent, until its driver, a user domain, says that the device has
 * been dealt with.  A level-triggered line needs no masking for that.
 *
 * Devices' interrupts are taken first, then the timer's, then CPUs' messages, if several wait;
 * else the scheduler, not the controller, decides what is urgent.  The priority mask stays open.
 *
 * Locking: the distributor's bit registers are set-by-writing-ones and need none;
 * irqchip_configure() writes shared fields and is called under the kernel lock.
 * Source: Arm IHI 0048B (GICv2), IHI 0069 (GICv3).
 */
#pragma once

#include "abi/status.h"
#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IRQ_SGI_COUNT = 16,       /* 0..15: software generated, one CPU to another */
    IRQ_PPI_FIRST = 16,       /* 16..31: private to each CPU */
    IRQ_SPI_FIRST = 32,       /* 32..1019: shared */
    IRQ_SPECIAL_FIRST = 1020, /* 1020..1023: not interrupts but answers */
    IRQCHIP_REDIST_REGIONS_MAX = 8,
};

enum irq_trigger {
    IRQ_TRIGGER_LEVEL,
    IRQ_TRIGGER_EDGE,
};

/* What an acknowledge returned; `raw` is what GICv2 wants back, with an SGI's sender in it. */
struct irq_ack {
    uint32_t id;
    uint32_t raw;
};

/* A run of device registers, as virtual addresses that the caller has mapped. */
struct irqchip_window {
    uintptr_t base;
    uint64_t size;
};

struct irqchip_config {
    unsigned version; /* 2 or 3 (which also fits GICv4) */
    struct irqchip_window distributor;
    struct irqchip_window cpu_interface;                              /* version 2 */
    struct irqchip_window redistributors[IRQCHIP_REDIST_REGIONS_MAX]; /* version 3 */
    unsigned redistributor_count;
    uint64_t redistributor_stride; /* 0: what each frame's type register says */
};

/*
 * Take over the controller: every interrupt disabled, not pending, not active, routed
 * to the calling CPU and delivered as IRQ.  Then initialise the calling CPU's own part.
 * Context: boot CPU, once, interrupts masked.  For version 3 whoever left EL2 must have
 * opened the system registers to EL1 (ICC_SRE_EL2.Enable and .SRE).
 * Errors: NOT_SUPPORTED (another version, system registers that are not accessible, or
 * a GICv2 interface too short to split EOI), NOT_FOUND (no redistributor for this CPU).
 */
BOOT_ONLY CHECK_RESULT enum status irqchip_init(const struct irqchip_config *config);

/* Initialise the calling CPU's own part; for the others than the boot CPU. */
BOOT_ONLY CHECK_RESULT enum status irqchip_cpu_init(void);

/* How many interrupt numbers there are; ids from IRQ_SPI_FIRST up to here are valid SPIs. */
uint32_t irqchip_line_count(void);

/* The trigger of a disabled interrupt; SGIs and fixed PPIs ignore it. */
void irqchip_configure(uint32_t id, enum irq_trigger trigger);

/* Route an SPI to the CPU with this affinity (MPIDR_EL1's Aff fields). */
void irqchip_route(uint32_t id, uint64_t mpidr);

/* PPIs and SGIs: the calling CPU's. */
void irqchip_enable(uint32_t id);

/* No new delivery once this returns; one that was already acknowledged still runs. */
void irqchip_disable(uint32_t id);

/* Take the most urgent pending interrupt; an id >= IRQ_SPECIAL_FIRST means there was none. */
struct irq_ack irqchip_acknowledge(void);

/* Let other interrupts through again; this one stays active.  Same CPU, same order. */
void irqchip_drop(struct irq_ack ack);

/* Let this one through again, from any CPU for an SPI. */
void irqchip_deactivate(struct irq_ack ack);

/* The ack of an interrupt that is not an SGI, for a deactivate that happens later. */
static inline struct irq_ack irq_ack_of(uint32_t id)
{
    return (struct irq_ack){.id = id, .raw = id};
}

/* Drop and deactivate: for interrupts that the kernel handles itself. */
static inline void irqchip_finish(struct irq_ack ack)
{
    irqchip_drop(ack);
    irqchip_deactivate(ack);
}

/* The calling CPU has seen what the message was for: it won't interrupt for it any more. */
void irqchip_forget(uint32_t sgi);

/* Interrupt the CPU with this affinity; stores before the call are visible to its handler. */
void irqchip_send(uint32_t sgi, uint64_t mpidr);

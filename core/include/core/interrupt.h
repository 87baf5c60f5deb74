/*
 * Interrupt: a device's line, delivered as bits of its driver's event.
 *
 * Delivered once, the line is silent until the driver acknowledges: the controller keeps the
 * interrupt active meanwhile (arch/irqchip.h), so nothing needs masking.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "arch/irqchip.h"
#include "base/path.h"
#include "core/event.h"

struct interrupt {
    struct belonging belonging;
    uint32_t number;
    struct event *event; /* owns a reference; NULL until bound */
    uint64_t bits;
    bool is_active; /* delivered, not acknowledged */
};

static inline struct interrupt *interrupt_of_object(struct object *object)
{
    return (struct interrupt *)(void *)object; /* its first member */
}

/* `timer_number`: the interrupt that belongs to the kernel.  Includes interrupts_cpu_init(). */
BOOT_ONLY void interrupts_init(uint32_t timer_number);

/* Let the calling CPU have its timer's interrupts and other CPUs' messages. */
BOOT_ONLY void interrupts_cpu_init(void);

/*
 * Errors: BAD_ARGUMENT (not an SPI of this machine), BUSY (somebody has it), OUT_OF_QUOTA,
 * OUT_OF_MEMORY.
 */
CHECK_RESULT enum status interrupt_create(struct domain *domain, uint32_t number, bool is_edge,
                                          struct interrupt **out);

/* Deliver as `bits` of `event` from now on; binding again replaces. */
void interrupt_bind(struct interrupt *interrupt, struct event *event, uint64_t bits);

void interrupt_ack(struct interrupt *interrupt);

/*
 * Take one interrupt of this CPU, if one is pending, so that it isn't any more.  Context: with or
 * without the kernel lock.
 */
struct irq_ack interrupt_accept(void);

/* Serve it.  Returns whose wait it ended, who is in no queue and is to run, or NULL. */
CHECK_RESULT struct thread *interrupt_serve(struct irq_ack ack);

/* Serve it, and all others that are pending. */
void interrupts_serve(struct irq_ack ack);

/* What is known of interrupt `number`, below IRQ_SPECIAL_FIRST; false if nobody ever had it. */
bool interrupt_info(uint32_t number, struct info_interrupt *out);

#include "core/interrupt.h"

#include "arch/irqchip.h"
#include "arch/timer.h"
#include "base/path.h"
#include "core/scheduler.h"

static struct pool interrupt_pool;
static struct interrupt *table[IRQ_SPECIAL_FIRST]; /* by number; NULL: nobody's */
static uint64_t counts[IRQ_SPECIAL_FIRST];
static uint32_t timer_irq;

COLD static void interrupt_on_destroy(struct object *object);
COLD static void interrupt_on_stop(struct belonging *belonging, unsigned *budget);

static const struct belonging_class interrupt_class = {
    .object = {.type = OBJECT_INTERRUPT, .destroy = interrupt_on_destroy},
    .pool = &interrupt_pool,
    .stop = interrupt_on_stop,
};

void interrupts_init(uint32_t timer_number)
{
    pool_init(&interrupt_pool, sizeof(struct interrupt));
    timer_irq = timer_number;
    interrupts_cpu_init();
}

void interrupts_cpu_init(void)
{
    irqchip_configure(timer_irq, IRQ_TRIGGER_LEVEL);
    irqchip_enable(timer_irq);
    irqchip_enable(CPU_MESSAGE_KICK);
    irqchip_enable(CPU_MESSAGE_STOP);
    irqchip_enable(CPU_MESSAGE_TURN);
}

COLD static void silence(struct interrupt *interrupt)
{
    irqchip_disable(interrupt->number);
    if (interrupt->is_active)
        irqchip_deactivate(irq_ack_of(interrupt->number));
    interrupt->is_active = false;
    if (interrupt->event != NULL)
        object_put(&interrupt->event->belonging.object);
    interrupt->event = NULL;
}

static void interrupt_on_destroy(struct object *object)
{
    struct interrupt *interrupt = interrupt_of_object(object);

    silence(interrupt);
    table[interrupt->number] = NULL;
    belonging_free(&interrupt->belonging);
}

COLD enum status interrupt_create(struct domain *domain, uint32_t number, bool is_edge,
                                  struct interrupt **out)
{
    struct belonging *belonging;

    if (number < IRQ_SPI_FIRST || number >= IRQ_SPECIAL_FIRST || number >= irqchip_line_count())
        return STATUS_BAD_ARGUMENT;
    if (table[number] != NULL)
        return STATUS_BUSY;
    const enum status status = belonging_create(domain, &interrupt_class, 1, &belonging);
    if (status != STATUS_OK)
        return status;

    struct interrupt *interrupt = interrupt_of_object(&belonging->object);
    interrupt->number = number;
    table[number] = interrupt;
    irqchip_configure(number, is_edge ? IRQ_TRIGGER_EDGE : IRQ_TRIGGER_LEVEL);
    irqchip_route(number, cpu_self()->mpidr);
    *out = interrupt;
    return STATUS_OK;
}

COLD void interrupt_bind(struct interrupt *interrupt, struct event *event, uint64_t bits)
{
    object_get(&event->belonging.object);
    silence(interrupt);
    interrupt->event = event;
    interrupt->bits = bits;
    irqchip_enable(interrupt->number);
}

void interrupt_ack(struct interrupt *interrupt)
{
    if (!interrupt->is_active)
        return;
    interrupt->is_active = false;
    irqchip_deactivate(irq_ack_of(interrupt->number));
}

static void interrupt_on_stop(struct belonging *belonging, unsigned *budget)
{
    (void)budget; /* one step, whatever it is */
    belonging_leave(belonging);
    silence(interrupt_of_object(&belonging->object));
}

/* Returns who waits for it no longer, and is to run; NULL if nobody does. */
static struct thread *deliver(struct irq_ack ack)
{
    struct interrupt *interrupt = table[ack.id];

    counts[ack.id]++;
    if (interrupt == NULL || interrupt->event == NULL
        || interrupt->event->belonging.domain == NULL) {
        irqchip_disable(ack.id); /* nobody to serve it */
        irqchip_deactivate(ack);
        return NULL;
    }
    interrupt->is_active = true;
    return event_post(interrupt->event, interrupt->bits);
}

struct irq_ack interrupt_accept(void)
{
    const struct irq_ack ack = irqchip_acknowledge();

    if (ack.id < IRQ_SGI_COUNT)
        irqchip_finish(ack);
    else if (ack.id < IRQ_SPECIAL_FIRST)
        irqchip_drop(ack);
    return ack;
}

struct thread *interrupt_serve(struct irq_ack ack)
{
    if (ack.id >= IRQ_SPECIAL_FIRST)
        return NULL;
    if (ack.id >= IRQ_SPI_FIRST)
        return deliver(ack);
    if (ack.id < IRQ_SGI_COUNT) {
        cpu_on_message((enum cpu_message)ack.id);
        return NULL;
    }
    counts[ack.id]++; /* the timer's: no other private interrupt is enabled */
    scheduler_on_timer();
    irqchip_deactivate(ack);
    return NULL;
}

void interrupts_serve(struct irq_ack ack)
{
    for (; ack.id < IRQ_SPECIAL_FIRST; ack = interrupt_accept()) {
        struct thread *woken = interrupt_serve(ack);
        if (woken != NULL)
            thread_make_ready(woken);
    }
}

COLD bool interrupt_info(uint32_t number, struct info_interrupt *out)
{
    const struct interrupt *interrupt = table[number];

    if (interrupt == NULL && counts[number] == 0)
        return false;
    const struct event *event = interrupt == NULL ? NULL : interrupt->event;
    *out = (struct info_interrupt){
        .number = number,
        .owner_domain_id =
            event == NULL || event->belonging.domain == NULL ? 0 : event->belonging.domain->id,
        .count = counts[number],
        .is_bound = event != NULL || number == timer_irq,
        .is_active = interrupt != NULL && interrupt->is_active,
    };
    return true;
}

#include "core/clock.h"

#include "core/scheduler.h"

static struct pool clock_pool;

static void clock_on_destroy(struct object *object);
static void clock_on_stop(struct belonging *belonging, unsigned *budget);

static const struct belonging_class clock_class = {
    .object = {.type = OBJECT_CLOCK, .destroy = clock_on_destroy},
    .pool = &clock_pool,
    .stop = clock_on_stop,
};

void clocks_init(void)
{
    pool_init(&clock_pool, sizeof(struct clock));
}

static void clock_on_destroy(struct object *object)
{
    struct clock *clock = clock_of_object(object);

    timeout_cancel(&clock->timeout);
    object_put(&clock->event->belonging.object);
    belonging_free(&clock->belonging);
}

static void clock_on_timeout(struct timeout *timeout)
{
    const struct clock *clock = LIST_ENTRY(timeout, struct clock, timeout);

    event_signal(clock->event, clock->bits);
}

enum status clock_create(struct domain *domain, struct event *event, uint64_t bits,
                         struct clock **out)
{
    struct belonging *belonging;
    const enum status status = belonging_create(domain, &clock_class, 1, &belonging);

    if (status != STATUS_OK)
        return status;
    struct clock *clock = clock_of_object(&belonging->object);
    clock->event = event;
    object_get(&event->belonging.object);
    clock->bits = bits;
    clock->timeout.fire = clock_on_timeout;
    *out = clock;
    return STATUS_OK;
}

void clock_set(struct clock *clock, nsec_t deadline_ns)
{
    timeout_cancel(&clock->timeout);
    if (deadline_ns == DEADLINE_NEVER || clock->belonging.domain == NULL)
        return;
    clock->timeout.deadline_ns = deadline_ns;
    scheduler_timeout_add(&clock->timeout, thread_current()->priority);
}

static void clock_on_stop(struct belonging *belonging, unsigned *budget)
{
    (void)budget; /* one step, whatever it is */
    timeout_cancel(&clock_of_object(&belonging->object)->timeout);
    belonging_leave(belonging);
}

#include "core/clock.h"

#include "core/scheduler.h"
#include "domains/pool.h"
#include "domains/quota.h"

static struct pool clock_pool;

static void clock_on_destroy(struct object *object);

static const struct object_class clock_class = {
    .type = OBJECT_CLOCK,
    .destroy = clock_on_destroy,
};

void clocks_init(void)
{
    pool_init(&clock_pool, sizeof(struct clock));
}

static void clock_on_destroy(struct object *object)
{
    struct clock *clock = clock_of_object(object);

    clock_on_domain_stop(clock);
    object_put(&clock->event->object);
    pool_return(&clock_pool, clock);
}

static void clock_on_timeout(struct timeout *timeout)
{
    const struct clock *clock = LIST_ENTRY(timeout, struct clock, timeout);

    event_signal(clock->event, clock->bits);
}

enum status clock_create(struct domain *domain, struct event *event, uint64_t bits,
                         struct clock **out)
{
    void *memory;
    enum status status = quota_take(domain, QUOTA_OBJECTS, 1);

    if (status != STATUS_OK)
        return status;
    status = pool_take(&clock_pool, &memory);
    if (status != STATUS_OK) {
        quota_give(domain, QUOTA_OBJECTS, 1);
        return status;
    }

    struct clock *clock = memory;
    object_init(&clock->object, &clock_class);
    clock->domain = domain;
    list_push_back(&domain->clocks, &clock->domain_node);
    clock->event = event;
    object_get(&event->object);
    clock->bits = bits;
    clock->timeout.fire = clock_on_timeout;
    *out = clock;
    return STATUS_OK;
}

void clock_set(struct clock *clock, nsec_t deadline_ns)
{
    timeout_cancel(&clock->timeout);
    if (deadline_ns == DEADLINE_NEVER || clock->domain == NULL)
        return;
    clock->timeout.deadline_ns = deadline_ns;
    scheduler_timeout_add(&clock->timeout);
}

void clock_on_domain_stop(struct clock *clock)
{
    if (clock->domain == NULL)
        return;
    timeout_cancel(&clock->timeout);
    quota_give(clock->domain, QUOTA_OBJECTS, 1);
    list_remove(&clock->domain_node);
    clock->domain = NULL;
}

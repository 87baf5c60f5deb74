#include "core/lifecycle.h"

#include "base/assert.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/interrupt.h"
#include "core/portal.h"
#include "core/thread.h"
#include "domains/asid.h"
#include "domains/pool.h"
#include "domains/view.h"

enum { DESTROY_STEP = 16 };

static struct pool domain_pool;
static struct pool fault_pool;
static struct list all;
static uint32_t next_id = 1;

static void domain_on_destroy(struct object *object);

static const struct object_class domain_class = {
    .type = OBJECT_DOMAIN,
    .destroy = domain_on_destroy,
};

void lifecycle_init(void)
{
    pool_init(&domain_pool, sizeof(struct domain));
    pool_init(&fault_pool, sizeof(struct fault_record));
    list_init(&all);
}

struct list *domains_all(void)
{
    return &all;
}

static void domain_fill(struct domain *domain, const struct domain_attributes *attributes)
{
    object_init(&domain->object, &domain_class);
    domain->id = next_id++;
    domain->state = DOMAIN_STATE_CREATED;
    domain->name = attributes->name;
    domain->flags = attributes->flags;
    domain->highest_priority = attributes->highest_priority;
    domain->limit = attributes->quota;
    domain->cross.syscall_mask = attributes->syscall_mask;
    domain->stop_event_bits = attributes->event_bits;
    handle_table_init(&domain->handles, &domain->cross, attributes->quota.handles);
    list_init(&domain->segments);
    list_init(&domain->threads);
    list_init(&domain->portals);
    list_init(&domain->events);
    list_init(&domain->interrupts);
    list_init(&domain->clocks);
    list_init(&domain->watchers);
}

enum status domain_create(const struct domain_attributes *attributes, struct event *stop_event,
                          struct domain **out)
{
    void *memory, *fault;
    enum status status = pool_take(&domain_pool, &memory);

    if (status != STATUS_OK)
        return status;
    status = pool_take(&fault_pool, &fault);
    if (status != STATUS_OK) {
        pool_return(&domain_pool, memory);
        return status;
    }
    struct domain *domain = memory;
    domain_fill(domain, attributes);
    domain->fault = fault;
    status = view_create(domain);
    if (status != STATUS_OK) {
        pool_return(&fault_pool, fault);
        pool_return(&domain_pool, domain);
        return status;
    }
    if (stop_event != NULL) {
        domain->stop_event = &stop_event->object;
        object_get(domain->stop_event);
    }
    list_push_back(&all, &domain->node);
    *out = domain;
    return STATUS_OK;
}

static void threads_stop(struct domain *domain)
{
    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        thread->is_doomed = true;
        if (portal_depth(thread) > 0)
            continue; /* it is in another domain, and ends when that lets it go */
        thread_recall(thread);
        thread_unqueue(thread);
        thread->state = THREAD_STATE_STOPPED;
        thread->cpu->exit_work |= EXIT_SCHEDULE;
    }
}

void domain_stop(struct domain *domain)
{
    struct list_node *node;

    if (domain->state >= DOMAIN_STATE_STOPPED)
        return;
    cpus_hold(); /* nobody is on the way into it */
    domain->state = DOMAIN_STATE_STOPPED;
    asid_release(domain); /* no TTBR value: the portal path goes slow from here on */
    threads_stop(domain);
    /* Each takes itself from its list, and may take others: always go on with the first. */
    while ((node = list_first(&domain->portals)) != NULL)
        portal_on_domain_stop(LIST_ENTRY(node, struct portal, domain_node));
    while ((node = list_first(&domain->interrupts)) != NULL)
        interrupt_on_domain_stop(LIST_ENTRY(node, struct interrupt, domain_node));
    while ((node = list_first(&domain->clocks)) != NULL)
        clock_on_domain_stop(LIST_ENTRY(node, struct clock, domain_node));
    while ((node = list_first(&domain->events)) != NULL)
        event_on_domain_stop(LIST_ENTRY(node, struct event, domain_node));
    watches_fire(domain);
    if (domain->stop_event != NULL)
        event_signal(event_of_object(domain->stop_event), domain->stop_event_bits);
}

static bool threads_end_some(struct domain *domain)
{
    unsigned budget = DESTROY_STEP;

    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        if (portal_depth(thread) > 0)
            continue;
        if (budget-- == 0)
            return false;
        thread_end(thread);
    }
    return true;
}

static bool segments_disown_some(struct domain *domain)
{
    for (unsigned i = 0; i < DESTROY_STEP; i++) {
        struct list_node *node = list_first(&domain->segments);
        if (node == NULL)
            return true;
        segment_disown(LIST_ENTRY(node, struct segment, owner_node));
    }
    return list_is_empty(&domain->segments);
}

bool domain_destroy_some(struct domain *domain)
{
    if (domain->state < DOMAIN_STATE_STOPPED)
        domain_stop(domain);
    if (domain->root == NULL)
        return true; /* done already */
    domain->state = DOMAIN_STATE_DYING;
    if (!threads_end_some(domain) || !handle_table_drain(&domain->handles, DESTROY_STEP)
        || !view_drain(domain, DESTROY_STEP / 4) || !segments_disown_some(domain)
        || !handle_table_destroy(&domain->handles, DESTROY_STEP))
        return false;

    view_destroy(domain);
    list_remove(&domain->node);
    if (domain->stop_event != NULL)
        object_put(domain->stop_event);
    if (domain->cross.fault_portal != NULL)
        object_put(domain->cross.fault_portal);
    domain->stop_event = NULL;
    domain->cross.fault_portal = NULL;
    return true;
}

static void domain_on_destroy(struct object *object)
{
    struct domain *domain = domain_of_object(object);

    /* The last handle may go while the domain still has everything: then nobody can stop it
     * any more, and it would stay for ever.  Ending it here is unbounded, but happens only to
     * domains whose creator dropped them without destroying them. */
    while (!domain_destroy_some(domain)) {
    }
    pool_return(&fault_pool, domain->fault);
    pool_return(&domain_pool, domain);
}

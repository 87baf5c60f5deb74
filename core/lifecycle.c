#include "core/lifecycle.h"

#include "base/assert.h"
#include "core/belonging.h"
#include "core/deferred.h"
#include "core/event.h"
#include "core/portal.h"
#include "core/thread.h"
#include "domains/asid.h"
#include "domains/pool.h"
#include "domains/space.h"
#include "domains/view.h"

/* Of things that are each a few hundred instructions at the most. */
enum { STOP_STEP = 4, DESTROY_STEP = 6, VIEW_STEP = 4, DISOWN_STEP = 16 };

static struct pool domain_pool;
static struct pool fault_pool;
static struct list all;
static struct list stopping; /* struct domain, stop_node; each has a reference */
static struct list orphans;  /* struct domain, orphan_node; likewise */
static uint32_t next_id = DOMAIN_ID_LAUNCHER;

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
    list_init(&stopping);
    list_init(&orphans);
}

static void domain_fill(struct domain *domain, const struct domain_attributes *attributes)
{
    object_init(&domain->object, &domain_class);
    domain->id = next_id++;
    domain->state = DOMAIN_STATE_CREATED;
    domain->name = attributes->name;
    domain->flags = (uint32_t)attributes->flags;
    domain->highest_priority = attributes->highest_priority;
    domain->budget.budget_ns = attributes->budget_ns;
    domain->budget.period_ns = attributes->period_ns;
    domain->limit = attributes->quota;
    domain->cross.syscall_mask = attributes->syscall_mask;
    domain->stop_event_bits = attributes->event_bits;
    handle_table_init(&domain->handles, &domain->cross, attributes->quota.handles);
    list_init(&domain->segments);
    list_init(&domain->threads);
    list_init(&domain->belongings);
    list_init(&domain->watchers);
    line_init(&domain->sleepers);
}

enum status domain_create(const struct domain_attributes *attributes, struct event *stop_event,
                          struct domain **out)
{
    void *memory, *fault;
    enum status status = pool_take(&domain_pool, &memory);

    if (status != STATUS_OK)
        return status;
    struct domain *domain = memory;
    status = pool_take(&fault_pool, &fault);
    if (status == STATUS_OK) {
        domain_fill(domain, attributes);
        domain->fault = fault;
        status = view_create(domain);
        if (status != STATUS_OK)
            pool_return(&fault_pool, fault);
    }
    if (status != STATUS_OK) {
        pool_return(&domain_pool, domain);
        return status;
    }
    if (stop_event != NULL) {
        domain->stop_event = &stop_event->belonging.object;
        object_get(domain->stop_event);
    }
    list_push_back(&all, &domain->node);
    *out = domain;
    return STATUS_OK;
}

static void thread_stop(struct thread *thread)
{
    thread->is_doomed = true;
    if (portal_depth(thread) > 0)
        return; /* it is in another domain, and ends when that lets it go */
    thread_recall(thread);
    thread_unqueue(thread);
    thread->state = THREAD_STATE_STOPPED;
    thread->cpu->exit_work |= EXIT_SCHEDULE;
}

/* The next thread of a walk over all, which goes behind the others; NULL at the end. */
static struct thread *thread_next(struct domain *domain)
{
    struct list_node *node = list_first(&domain->threads);

    if (domain->threads_left == 0 || node == NULL)
        return NULL;
    domain->threads_left--;
    list_remove(node);
    list_push_back(&domain->threads, node);
    return LIST_ENTRY(node, struct thread, home_node);
}

static bool threads_stop_some(struct domain *domain, unsigned *budget)
{
    struct thread *thread;

    for (; *budget > 0 && (thread = thread_next(domain)) != NULL; --*budget)
        thread_stop(thread);
    return *budget > 0;
}

static bool watches_fire_some(struct domain *domain, unsigned *budget)
{
    for (; *budget > 0 && !list_is_empty(&domain->watchers); --*budget)
        watch_fire_first(domain);
    return *budget > 0;
}

static bool stop_some(struct domain *domain)
{
    unsigned budget = STOP_STEP;

    if (!list_node_is_linked(&domain->stop_node))
        return true; /* done already */
    /* It will never use a handle again; those to itself, and to who names it, mustn't keep it. */
    if (!threads_stop_some(domain, &budget) || !belongings_stop_some(domain, &budget)
        || !watches_fire_some(domain, &budget) || !handle_table_drain(&domain->handles, &budget)) {
        cpu_self()->exit_work |= EXIT_REAP;
        return false;
    }
    list_remove(&domain->stop_node);
    domain->threads_left = domain->used.threads; /* to end */
    if (domain->stop_event != NULL)
        event_signal(event_of_object(domain->stop_event), domain->stop_event_bits);
    object_put(&domain->object);
    return true;
}

void domain_stop(struct domain *domain)
{
    if (domain->state >= DOMAIN_STATE_STOPPED)
        return;
    cpus_recall(domain); /* nobody is on the way into it, or goes on inside */
    domain->state = DOMAIN_STATE_STOPPED;
    /* No TTBR value: the portal path goes slow, and nobody is let in, from here on. */
    asid_release(domain);
    domain->threads_left = domain->used.threads;
    object_get(&domain->object);
    list_push_back(&stopping, &domain->stop_node);
    cpu_self()->exit_work |= EXIT_SCHEDULE | EXIT_REAP;
}

bool domain_stop_some(struct domain *domain)
{
    domain_stop(domain);
    return stop_some(domain);
}

void domain_evict(struct thread *thread)
{
    if (portal_depth(thread) > 0)
        portal_unwind(thread, STATUS_PEER_DEAD);
    else
        thread_stop(thread);
}

static bool threads_end_some(struct domain *domain, unsigned *budget)
{
    struct thread *thread;

    for (; *budget > 0 && (thread = thread_next(domain)) != NULL; --*budget)
        if (portal_depth(thread) == 0)
            thread_end(thread);
    return *budget > 0;
}

static bool segments_disown_some(struct domain *domain)
{
    const struct list *segments = &domain->segments;

    for (unsigned left = DISOWN_STEP; left > 0 && !list_is_empty(segments); left--)
        segment_disown(LIST_ENTRY(segments->head.next, struct segment, owner_node));
    return list_is_empty(segments);
}

/* One kind of thing a step, unless there was little of the one before. */
static bool parts_destroy_some(struct domain *domain)
{
    unsigned budget = DESTROY_STEP;

    return threads_end_some(domain, &budget) && budget >= VIEW_STEP && view_drain(domain, VIEW_STEP)
           && !cpu_is_interrupted() && segments_disown_some(domain)
           && handle_table_destroy(&domain->handles, DESTROY_STEP);
}

bool domain_destroy_some(struct domain *domain)
{
    if (!domain_stop_some(domain))
        return false;
    if (domain->root == NULL)
        return true; /* done already */
    domain->state = DOMAIN_STATE_DYING;
    if (!parts_destroy_some(domain))
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

/*
 * The last handle may go while the domain still has everything, and even runs: then nobody can stop
 * it any more, and it would stay for ever.  It is taken apart when there is time.
 */
static void domain_on_destroy(struct object *object)
{
    struct domain *domain = domain_of_object(object);

    if (domain->root != NULL) {
        object_get(&domain->object);
        list_push_back(&orphans, &domain->orphan_node);
        cpu_self()->exit_work |= EXIT_REAP;
        return;
    }
    if (domain->object.uses > 0)
        return; /* the last of those comes here again */
    pool_return(&fault_pool, domain->fault);
    pool_return(&domain_pool, domain);
}

bool work_is_pending(void)
{
    return !deferred_is_empty() || !list_is_empty(&stopping) || !list_is_empty(&orphans)
           || segments_reap_pending();
}

/*
 * Each domain that it looks at goes behind the others, so it goes on from there; not always by as
 * many, or two who take turns might each see the same half for ever.  What the launcher looks at
 * doesn't vanish under it: it has done so soon.
 */
bool segment_withdraw_some(struct segment *segment, const struct domain *keeper)
{
    const unsigned kept = view_granted(keeper, segment) != 0;
    unsigned budget = 1 + space_random() % VIEW_STEP;

    while (segment->object.uses > kept) {
        if (budget == 0)
            return false;
        struct domain *domain = LIST_ENTRY(all.head.next, struct domain, node);
        list_remove(&domain->node);
        list_push_back(&all, &domain->node);
        if (domain != keeper && domain->id != DOMAIN_ID_LAUNCHER) {
            const enum status status = view_revoke(domain, segment);
            (void)status; /* most don't have it */
        }
        budget = cpu_is_interrupted() ? 0 : budget - 1;
    }
    return true;
}

void teardown_some(void)
{
    if (!list_is_empty(&stopping)) {
        (void)stop_some(LIST_ENTRY(stopping.head.next, struct domain, stop_node));
    } else if (!list_is_empty(&orphans)) {
        struct domain *domain = LIST_ENTRY(orphans.head.next, struct domain, orphan_node);
        if (domain_destroy_some(domain)) {
            list_remove(&domain->orphan_node);
            object_put(&domain->object);
        }
    } else {
        (void)segments_reap_some();
    }
}

#include "core/priority.h"

#include "core/portal.h"
#include "core/scheduler.h"

enum { STACKS_LOOKED_AT_MAX = 256 };

/* What follows from one change: a loop, since a ring of waiters would recurse. */
struct change {
    struct list outdated; /* struct thread, outdated_node: to be computed anew */
    unsigned looked_at;   /* stacks */
};

static uint32_t inherited(struct thread *thread)
{
    uint32_t most = line_urgency(&thread->creditors);

    LIST_FOR_EACH (node, &thread->wanted) {
        const struct record *record = LIST_ENTRY(node, struct record, wanted_node);
        if (record->portal->lent > most)
            most = record->portal->lent;
    }
    return most;
}

static uint32_t effective(struct thread *thread)
{
    if (budget_is_used_up(thread))
        return 0;
    const uint32_t lent = inherited(thread);
    return lent > thread->base_priority ? lent : thread->base_priority;
}

/* One more stack, or debtor. */
static bool may_look(struct change *change)
{
    return change->looked_at++ < STACKS_LOOKED_AT_MAX;
}

static void outdate(struct change *change, struct thread *thread)
{
    if (!list_node_is_linked(&thread->outdated_node))
        list_push_back(&change->outdated, &thread->outdated_node);
}

/* The portal's line has changed: what it lends, and who is to be computed anew for it. */
static void lend(struct portal *portal, struct change *change)
{
    const uint32_t lent = line_urgency(&portal->waiting);

    if (lent == portal->lent)
        return;
    portal->lent = lent;
    LIST_FOR_EACH (node, &portal->records) {
        const struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (!may_look(change))
            return;
        if (list_node_is_linked(&record->wanted_node))
            outdate(change, thread_of_cross(record->cross.thread));
    }
}

/* What it inherits, it lends. */
static void update(struct thread *thread, struct change *change)
{
    const uint32_t priority = effective(thread);
    struct portal *portal = thread->waiting_portal;
    struct thread *debtor = thread->parked_for;

    if (priority == thread->priority)
        return;
    if (scheduler_has_queued(thread)) {
        scheduler_dequeue(thread);
        thread->priority = priority;
        scheduler_requeue(thread);
    } else {
        thread->priority = priority;
        scheduler_reconsider(thread->cpu);
    }
    if (list_node_is_linked(&thread->wait_node))
        thread_park_anew(thread);
    if (portal == NULL && debtor == NULL)
        return;
    struct line *line = portal != NULL ? &portal->waiting : &debtor->creditors;
    line_leave(line, &thread->waiter);
    line_join(line, &thread->waiter, priority);
    if (portal != NULL)
        lend(portal, change);
    else if (may_look(change))
        outdate(change, debtor);
}

static void settle(struct change *change)
{
    struct list_node *node;

    while ((node = list_pop_front(&change->outdated)) != NULL)
        update(LIST_ENTRY(node, struct thread, outdated_node), change);
}

void priority_update(struct thread *thread)
{
    struct change change = {.looked_at = 0};

    list_init(&change.outdated);
    list_push_back(&change.outdated, &thread->outdated_node);
    settle(&change);
}

void priority_set_base(struct thread *thread, uint32_t base)
{
    thread->base_priority = base;
    priority_update(thread);
}

void priority_want(struct record *record)
{
    struct cross_thread *holder = record->cross.thread;

    if (list_node_is_linked(&record->wanted_node))
        list_remove(&record->wanted_node);
    if (holder != NULL)
        list_push_back(&thread_of_cross(holder)->wanted, &record->wanted_node);
}

void priority_unwant(struct record *record, struct thread *holder)
{
    list_remove(&record->wanted_node);
    priority_forgive(holder, domain_of_cross(record->portal->cross.domain));
    priority_update(holder);
}

void priority_lend(struct portal *portal)
{
    struct change change = {.looked_at = 0};

    list_init(&change.outdated);
    lend(portal, &change);
    settle(&change);
}

/* The stack that an address is in: the one whose top is the nearest at or above it. */
struct search {
    uaddr_t address;
    uint64_t nearest;
    unsigned looked_at;
    struct thread *thread; /* whose stack it is, */
    struct record *record; /* or which portal's */
};

static bool look_at(struct search *search, uaddr_t top, struct thread *thread,
                    struct record *record)
{
    const uint64_t distance = top - search->address;

    if (distance < search->nearest) {
        search->nearest = distance;
        search->thread = thread;
        search->record = record;
    }
    return ++search->looked_at < STACKS_LOOKED_AT_MAX;
}

static bool portal_search(struct search *search, struct portal *portal)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (!look_at(search, record->cross.stack_top, NULL, record))
            return false;
    }
    return true;
}

static void stacks_search(struct search *search, const struct domain *domain)
{
    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        if (!look_at(search, thread->stack_top, thread, NULL))
            return;
    }
    /* Most domains make their portals first. */
    LIST_FOR_EACH (node, &domain->belongings) {
        struct object *object = &LIST_ENTRY(node, struct belonging, node)->object;
        const bool goes_on = object->class->type == OBJECT_PORTAL
                                 ? portal_search(search, portal_of_object(object))
                                 : ++search->looked_at < STACKS_LOOKED_AT_MAX;
        if (!goes_on)
            return;
    }
}

/* Whoever runs on the portal's stack, and leaves it by the slow path; NULL: nobody. */
static struct thread *record_holder(struct record *record)
{
    if ((record->cross.flags & RECORD_WANTED) == 0) {
        cpus_hold(); /* nobody is on the portal path, and has looked at the flags */
        record->cross.flags |= RECORD_WANTED;
    }
    priority_want(record);
    return record->cross.thread == NULL ? NULL : thread_of_cross(record->cross.thread);
}

void priority_lend_to(struct thread *thread, uaddr_t address)
{
    struct search search = {.address = address, .nearest = UINT64_MAX};

    stacks_search(&search, thread_domain(thread));
    struct thread *debtor = search.record != NULL ? record_holder(search.record) : search.thread;
    if (debtor == NULL || debtor == thread)
        return;
    thread->parked_for = debtor;
    line_join(&debtor->creditors, &thread->waiter, thread->priority);
    priority_update(debtor);
}

void priority_unlend(struct thread *thread)
{
    struct thread *debtor = thread->parked_for;

    if (debtor == NULL)
        return;
    thread->parked_for = NULL;
    line_leave(&debtor->creditors, &thread->waiter);
    priority_update(debtor);
}

static struct thread *creditor_in(const struct thread *debtor, const struct domain *domain)
{
    LIST_FOR_EACH (node, &debtor->creditors.waiters) {
        struct thread *thread = LIST_ENTRY(node, struct thread, waiter.node);
        if (thread->parked_domain == domain)
            return thread;
    }
    return NULL;
}

void priority_forgive(struct thread *debtor, const struct domain *domain)
{
    struct thread *creditor;

    while ((creditor = creditor_in(debtor, domain)) != NULL)
        priority_unlend(creditor);
}

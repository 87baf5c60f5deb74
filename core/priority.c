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
    uint32_t most = 0;

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

/* The portal's line has changed: what it lends, and who is to be computed anew for it. */
static void lend(struct portal *portal, struct change *change)
{
    const uint32_t lent = line_urgency(&portal->waiting);

    if (lent == portal->lent)
        return;
    portal->lent = lent;
    LIST_FOR_EACH (node, &portal->records) {
        const struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (change->looked_at == STACKS_LOOKED_AT_MAX)
            return;
        change->looked_at++;
        if (!list_node_is_linked(&record->wanted_node))
            continue;
        struct thread *holder = thread_of_cross(record->cross.thread);
        if (!list_node_is_linked(&holder->outdated_node))
            list_push_back(&change->outdated, &holder->outdated_node);
    }
}

/* What it inherits, it lends. */
static void update(struct thread *thread, struct change *change)
{
    const uint32_t priority = effective(thread);
    struct portal *portal = thread->waiting_portal;

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
    if (portal == NULL)
        return;
    line_leave(&portal->waiting, &thread->waiter);
    line_join(&portal->waiting, &thread->waiter, priority);
    lend(portal, change);
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
    priority_update(holder);
}

void priority_lend(struct portal *portal)
{
    struct change change = {.looked_at = 0};

    list_init(&change.outdated);
    lend(portal, &change);
    settle(&change);
}

#include "core/priority.h"

#include "arch/cpu.h"
#include "core/portal.h"
#include "core/scheduler.h"

/* So that what goes round in a ring of waiters comes to an end. */
enum { STEPS_MAX = 4096 };

enum { FEW = 32 }; /* threads, and objects, of which each of a portal's stacks is one */

static uint32_t most_of(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t inherited(struct thread *thread)
{
    uint32_t most = line_urgency(&thread->creditors);

    LIST_FOR_EACH (node, &thread->wanted) {
        const struct record *record = LIST_ENTRY(node, struct record, wanted_node);
        most = most_of(most, record->portal->lent);
        most = most_of(most, line_urgency(&record->creditors));
    }
    return most;
}

static uint32_t effective(struct thread *thread)
{
    if (budget_is_used_up(thread))
        return 0;
    return most_of(inherited(thread), thread->base_priority);
}

/* Who waits for nobody isn't in a ring. */
static void thread_step(struct deferred *deferred)
{
    struct thread *thread = LIST_ENTRY(deferred, struct thread, outdated);

    if (deferred_steps() < STEPS_MAX || !list_node_is_linked(&thread->waiter.node))
        priority_update(thread);
}

static void thread_outdate(struct thread *thread, uint32_t concerned)
{
    deferred_add(&thread->outdated, thread_step, concerned);
}

/* Whoever runs on the stack, if that is looked at. */
static void holder_outdate(const struct record *record, uint32_t concerned)
{
    if (list_node_is_linked(&record->wanted_node))
        thread_outdate(thread_of_cross(record->cross.thread), concerned);
}

static void debtor_outdate(const struct thread *creditor, uint32_t concerned)
{
    if (creditor->parked_at != NULL)
        holder_outdate(creditor->parked_at, concerned);
    else
        thread_outdate(thread_of_object(creditor->lends_to), concerned);
}

static void portal_step(struct deferred *deferred)
{
    struct portal *portal = LIST_ENTRY(deferred, struct portal, outdated);

    portal->lent = line_urgency(&portal->waiting);
    LIST_FOR_EACH (node, &portal->records)
        holder_outdate(LIST_ENTRY(node, struct record, portal_node), 0);
}

void priority_lend(struct portal *portal)
{
    const uint32_t lent = line_urgency(&portal->waiting);

    if (lent != portal->lent)
        deferred_add(&portal->outdated, portal_step, most_of(lent, portal->lent));
}

/* The line that the thread stands in, for a portal's stack or among a debtor's creditors. */
static struct line *line_of(const struct thread *thread)
{
    return thread->waiting_portal != NULL ? &thread->waiting_portal->waiting : thread->lends_in;
}

void priority_update(struct thread *thread)
{
    const uint32_t before = thread->priority, priority = effective(thread);
    struct line *line = line_of(thread);

    if (priority == before)
        return;
    if (scheduler_has_queued(thread)) {
        scheduler_dequeue(thread);
        thread->priority = priority;
        scheduler_requeue(thread);
    } else {
        thread->priority = priority;
        scheduler_reconsider(thread->cpu);
    }
    if (list_node_is_linked(&thread->sleeper.node))
        thread_park_anew(thread);
    if (line == NULL)
        return;
    line_leave(line, &thread->waiter);
    line_join(line, &thread->waiter, priority);
    /* What it inherits, it lends. */
    if (thread->waiting_portal != NULL)
        priority_lend(thread->waiting_portal);
    else
        debtor_outdate(thread, most_of(before, priority));
}

void priority_set_base(struct thread *thread, uint32_t base)
{
    thread->base_priority = base;
    priority_update(thread);
}

void priority_want(struct record *record)
{
    struct cross_thread *holder = record->cross.thread;

    record->cross.flags |= RECORD_WANTED;
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

static void look_at(struct stack_search *search, uaddr_t top, struct thread *thread,
                    struct record *record)
{
    const uint64_t distance = top - search->address;

    if (distance >= search->nearest)
        return;
    search->nearest = distance;
    search->thread = thread;
    search->record = record;
}

static void look_through(struct stack_search *search, struct portal *portal)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        look_at(search, record->cross.stack_top, NULL, record);
    }
}

bool priority_search(struct stack_search *search, const struct domain *domain)
{
    /* Where there is little to look at, no flood of interrupts stops all loans. */
    const bool may_stop = domain->used.threads + domain->used.objects > FEW;

    search->nearest = UINT64_MAX;
    LIST_FOR_EACH (node, &domain->threads) {
        struct thread *thread = LIST_ENTRY(node, struct thread, home_node);
        look_at(search, thread->stack_top, thread, NULL);
        if (may_stop && cpu_is_interrupted())
            return false;
    }
    LIST_FOR_EACH (node, &domain->belongings) {
        struct object *object = &LIST_ENTRY(node, struct belonging, node)->object;
        if (object->class->type == OBJECT_PORTAL)
            look_through(search, portal_of_object(object));
        if (may_stop && cpu_is_interrupted())
            return false;
    }
    return true;
}

void priority_lend_to(struct thread *thread, const struct stack_search *debtor)
{
    struct record *record = debtor->record;

    /* Of a portal without handles nobody can keep anything. */
    if (record != NULL && !record->portal->lingers && record->cross.thread != &thread->cross) {
        cpus_hold(); /* nobody is on the portal path, and has looked at the flags */
        priority_want(record);
        thread->lends_in = &record->creditors;
        thread->lends_to = &record->portal->belonging.object;
    } else if (debtor->thread != NULL && debtor->thread != thread) {
        thread->lends_in = &debtor->thread->creditors;
        thread->lends_to = &debtor->thread->object;
    } else {
        return;
    }
    object_get(thread->lends_to);
    thread->parked_at = record;
    line_join(thread->lends_in, &thread->waiter, thread->priority);
    debtor_outdate(thread, thread->priority);
}

void priority_unlend(struct thread *thread)
{
    if (thread->lends_in == NULL)
        return;
    line_leave(thread->lends_in, &thread->waiter);
    debtor_outdate(thread, thread->priority);
    thread->lends_in = NULL;
    object_put(thread->lends_to);
}

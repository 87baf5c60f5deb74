#include "core/deferred.h"

#include "core/cpu.h"

static struct list outstanding; /* struct deferred, node */

/* Since there was nothing. */
static struct {
    uint32_t most;  /* the urgency of what has been added */
    uint32_t steps; /* taken */
} since;

void deferred_init(void)
{
    list_init(&outstanding);
}

void deferred_add(struct deferred *deferred, void (*step)(struct deferred *deferred),
                  uint32_t urgency)
{
    deferred->step = step;
    if (urgency > since.most)
        since.most = urgency;
    cpu_self()->exit_work |= EXIT_SCHEDULE;
    if (!list_node_is_linked(&deferred->node))
        list_push_back(&outstanding, &deferred->node);
}

void deferred_drop(struct deferred *deferred)
{
    if (list_node_is_linked(&deferred->node))
        list_remove(&deferred->node);
}

bool deferred_some(const struct cpu *cpu, int most_urgent)
{
    /* With several CPUs nobody goes first: who is kept waiting may be on one that isn't here. */
    if (most_urgent > (int)since.most && cpu->is_shared == 0)
        return false;
    struct list_node *node = outstanding.head.next;
    struct deferred *deferred = LIST_ENTRY(node, struct deferred, node);
    list_remove(node);
    since.steps++;
    deferred->step(deferred);
    if (!list_is_empty(&outstanding))
        return true;
    since.most = 0;
    since.steps = 0;
    return false;
}

bool deferred_is_empty(void)
{
    return list_is_empty(&outstanding);
}

uint32_t deferred_steps(void)
{
    return since.steps;
}

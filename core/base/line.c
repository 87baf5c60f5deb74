#include "base/line.h"

void line_init(struct line *line)
{
    list_init(&line->waiters);
    list_init(&line->lasts);
}

/* The urgency of one that is the last of its kind. */
static uint32_t urgency_of(struct list_node *last_node)
{
    return LIST_ENTRY(last_node, struct waiter, last_node)->urgency;
}

void line_join(struct line *line, struct waiter *waiter, uint32_t urgency)
{
    struct list_node *const none = &line->lasts.head;
    struct list_node *ahead = none; /* the last one who isn't less urgent */

    while (ahead->next != none && urgency_of(ahead->next) >= urgency)
        ahead = ahead->next;
    waiter->urgency = urgency;
    list_insert_before(ahead->next, &waiter->last_node);
    if (ahead == none) {
        list_push_front(&line->waiters, &waiter->node);
        return;
    }
    list_insert_before(LIST_ENTRY(ahead, struct waiter, last_node)->node.next, &waiter->node);
    if (urgency_of(ahead) == urgency)
        list_remove(ahead);
}

void line_leave(struct line *line, struct waiter *waiter)
{
    struct list_node *ahead = waiter->node.prev;

    if (list_node_is_linked(&waiter->last_node)) {
        if (ahead != &line->waiters.head) {
            struct waiter *other = LIST_ENTRY(ahead, struct waiter, node);
            if (other->urgency == waiter->urgency)
                list_insert_before(&waiter->last_node, &other->last_node);
        }
        list_remove(&waiter->last_node);
    }
    list_remove(&waiter->node);
}

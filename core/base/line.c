#include "base/line.h"

void line_init(struct line *line)
{
    list_init(&line->waiters);
    list_init(&line->lasts);
}

void line_join(struct line *line, struct waiter *waiter, uint32_t urgency)
{
    struct list_node *before = line->waiters.head.next; /* whom it stands in front of */
    struct list_node *last_before = line->lasts.head.next;

    waiter->urgency = urgency;
    LIST_FOR_EACH (node, &line->lasts) {
        struct waiter *last = LIST_ENTRY(node, struct waiter, last_node);
        if (last->urgency < urgency)
            break;
        before = last->node.next;
        last_before = last->last_node.next;
        if (last->urgency == urgency)
            list_remove(&last->last_node);
    }
    list_insert_before(before, &waiter->node);
    list_insert_before(last_before, &waiter->last_node);
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

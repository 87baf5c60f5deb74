/*
 * Pairing heap of timers.
 *
 * The first timer is the root; a node's children are a list by `next`, whose first element's
 * `previous` is the parent and whose others' `previous` is the elder sibling.
 */
#include "rt/timer.h"

/* Join two heaps without siblings; the earlier root wins. */
static struct timer *timer_meld(struct timer *a, struct timer *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->deadline_ns < a->deadline_ns) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->previous = a;
    b->next = a->child;
    if (a->child != NULL)
        a->child->previous = b;
    a->child = b;
    return a;
}

/* Join a list of siblings to one heap: pairs from the left, then all from the right. */
static struct timer *timer_meld_list(struct timer *list)
{
    struct timer *pairs = NULL;

    while (list != NULL) {
        struct timer *a = list;
        struct timer *b = a->next;

        list = b != NULL ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b != NULL)
            b->next = b->previous = NULL;
        a = timer_meld(a, b);
        a->next = pairs; /* for now a plain list of heaps */
        pairs = a;
    }

    struct timer *root = NULL;

    while (pairs != NULL) {
        struct timer *a = pairs;

        pairs = a->next;
        a->next = NULL;
        root = timer_meld(root, a);
    }
    return root;
}

void timer_queue_remove(struct timer_queue *q, struct timer *t)
{
    if (t->deadline_ns == 0)
        return;

    struct timer *children = timer_meld_list(t->child);

    if (t == q->first) {
        q->first = children;
    } else {
        if (t->previous->child == t)
            t->previous->child = t->next;
        else
            t->previous->next = t->next;
        if (t->next != NULL)
            t->next->previous = t->previous;
        q->first = timer_meld(q->first, children);
    }
    *t = (struct timer){0};
}

void timer_queue_insert(struct timer_queue *q, struct timer *t, nsec_t deadline_ns)
{
    timer_queue_remove(q, t);
    *t = (struct timer){.deadline_ns = deadline_ns};
    q->first = timer_meld(q->first, t);
}

struct timer *timer_queue_expire(struct timer_queue *q, nsec_t now_ns)
{
    struct timer *t = q->first;

    if (t == NULL || t->deadline_ns > now_ns)
        return NULL;
    timer_queue_remove(q, t);
    return t;
}

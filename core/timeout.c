#include "core/timeout.h"

#include <stddef.h>

static uint32_t rank_of(const struct timeout *t)
{
    return t == NULL ? 0 : t->rank;
}

/* Put the children in order, and compute the rank from them. */
static void settle(struct timeout *t)
{
    if (rank_of(t->left) < rank_of(t->right)) {
        struct timeout *left = t->left;
        t->left = t->right;
        t->right = left;
    }
    t->rank = rank_of(t->right) + 1;
}

/*
 * Merge two heaps along their right spines, which are logarithmically short: first down, hanging
 * the later under the earlier, then up, settling each.
 */
static struct timeout *merge(struct timeout *a, struct timeout *b)
{
    struct timeout *last = NULL;

    while (a != NULL && b != NULL) {
        if (b->deadline_ns < a->deadline_ns) {
            struct timeout *t = a;
            a = b;
            b = t;
        }
        /* `a` goes under `last`; what was its right child is merged next. */
        struct timeout *rest = a->right;
        a->parent = last;
        if (last != NULL)
            last->right = a;
        last = a;
        a = rest;
    }
    struct timeout *rest = a != NULL ? a : b;
    if (last == NULL)
        return rest;
    last->right = rest;
    if (rest != NULL)
        rest->parent = last;

    struct timeout *root = last;
    for (; last != NULL; last = last->parent) {
        settle(last);
        root = last;
    }
    return root;
}

void timeout_add(struct timeouts *timeouts, struct timeout *timeout)
{
    timeout->left = NULL;
    timeout->right = NULL;
    timeout->parent = NULL;
    timeout->rank = 1;
    timeout->heap = timeouts;
    timeouts->first = merge(timeouts->first, timeout);
    timeouts->first->parent = NULL;
}

void timeout_cancel(struct timeout *timeout)
{
    if (timeout->rank == 0)
        return;

    struct timeout *above = timeout->parent;
    if (timeout->left != NULL)
        timeout->left->parent = NULL;
    if (timeout->right != NULL)
        timeout->right->parent = NULL;
    struct timeout *below = merge(timeout->left, timeout->right);
    if (below != NULL)
        below->parent = above;
    if (above == NULL)
        timeout->heap->first = below;
    else if (above->left == timeout)
        above->left = below;
    else
        above->right = below;
    timeout->rank = 0;

    /* Ranks above may have shrunk; stop where one did not. */
    for (; above != NULL; above = above->parent) {
        const uint32_t before = above->rank;
        settle(above);
        if (above->rank == before)
            break;
    }
}

bool timeouts_fire_one(struct timeouts *timeouts, nsec_t now_ns)
{
    struct timeout *first = timeouts->first;

    if (first == NULL || first->deadline_ns > now_ns)
        return false;
    timeout_cancel(first);
    first->fire(first);
    return true;
}

/*
 * Intrusive doubly linked list: the links live inside the thing that is listed.
 *
 * Linking never allocates, so it cannot fail; unlinking needs only the node, so
 * it is O(1) from anywhere.  A list is a ring through its own head, which makes
 * the ends ordinary and every operation free of branches.
 *
 * A node whose links are NULL is on no list.  Zeroed memory is therefore a valid
 * unlinked node, but not a valid list: a list needs list_init() first.
 * Locking is the owner's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next; /* NULL exactly while the node is on no list */
    struct list_node *prev;
};

struct list {
    struct list_node head; /* next: first node, prev: last; both `head` when empty */
};

/* The structure of type `type` whose field `field` is `*node`. */
#define LIST_ENTRY(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

/*
 * Walk `list` from first to last; the body may remove `it`, and only `it`.
 * Each evaluation of the loop's condition fetches the successor before the body runs.
 */
#define LIST_FOR_EACH(it, list)                                \
    for (struct list_node *it = (list)->head.next, *it##_next; \
         it != &(list)->head && ((it##_next = it->next), true); it = it##_next)

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_node_is_linked(const struct list_node *node)
{
    return node->next != NULL;
}

/* Link `node`, which must be on no list, just before `position`. */
static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    node->next = position;
    node->prev = position->prev;
    position->prev->next = node;
    position->prev = node;
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_before(list->head.next, node);
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_before(&list->head, node);
}

/* Unlink `node`, which must be on a list; afterwards it is on none. */
static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* The first node, or NULL from an empty list; it stays linked. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

/* The last node, or NULL from an empty list; it stays linked. */
static inline struct list_node *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.prev;
}

/* Unlink and return the first node; NULL from an empty list. */
static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);

    if (node != NULL)
        list_remove(node);
    return node;
}

/* The node after `node` in `list`, or NULL at the end. */
static inline struct list_node *list_after(const struct list *list, const struct list_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

/*
 * Line: who waits for something, the most urgent first, equals in the order in which they came.
 *
 * One list holds all in that order, and one the last of each urgency, behind which the next of its
 * kind goes.  So joining looks at no more waiters than there are urgencies, however many there are,
 * and leaving looks at one.
 *
 * Locking is the owner's business.
 */
#pragma once

#include "base/list.h"

#include <stdint.h>

struct waiter {
    struct list_node node;
    struct list_node last_node; /* linked while nobody as urgent stands behind */
    uint32_t urgency;
};

struct line {
    struct list waiters; /* struct waiter, node */
    struct list lasts;   /* struct waiter, last_node */
};

void line_init(struct line *line);

/* `waiter` is in no line, as zeroed memory is. */
void line_join(struct line *line, struct waiter *waiter, uint32_t urgency);
/* It is in this one. */
void line_leave(struct line *line, struct waiter *waiter);

static inline bool line_is_empty(const struct line *line)
{
    return list_is_empty(&line->waiters);
}

/* Whose turn it is; NULL if nobody waits. */
static inline struct waiter *line_first(const struct line *line)
{
    struct list_node *node = list_first(&line->waiters);

    return node == NULL ? NULL : LIST_ENTRY(node, struct waiter, node);
}

/* How urgent the first one is; 0 if nobody waits. */
static inline uint32_t line_urgency(const struct line *line)
{
    const struct waiter *first = line_first(line);

    return first == NULL ? 0 : first->urgency;
}

/*
 * Deferred: what follows from a change and would take too long to do at once.
 *
 * It is done a step at a time, before the kernel is left for a thread that it may keep waiting,
 * with interrupts in between.  It is as urgent as the most urgent thread that it concerns: whoever
 * is more urgent than that goes first.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "base/list.h"
#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

struct cpu;

struct deferred {
    struct list_node node;
    void (*step)(struct deferred *deferred); /* a bounded part of it, or all; it may add it again */
};

BOOT_ONLY void deferred_init(void);

/*
 * Have `step` called.  `urgency`: the priority of the most urgent thread concerned.  It may have
 * been added already: this step comes in place of the other.
 */
void deferred_add(struct deferred *deferred, void (*step)(struct deferred *deferred),
                  uint32_t urgency);

/* It is void, if it was added at all. */
void deferred_drop(struct deferred *deferred);

/*
 * Take a step, of what isn't empty, unless `most_urgent`, who is to run (-1: nobody) on this CPU,
 * goes first.  Returns whether another is to be taken.
 */
bool deferred_some(const struct cpu *cpu, int most_urgent);

bool deferred_is_empty(void);

/* Steps taken since it was. */
uint32_t deferred_steps(void);

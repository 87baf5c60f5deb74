/*
 * Clock: bits of an event at a point in time.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "base/path.h"
#include "core/event.h"
#include "core/timeout.h"

struct clock {
    struct belonging belonging;
    struct event *event; /* owns a reference */
    uint64_t bits;
    struct timeout timeout;
};

static inline struct clock *clock_of_object(struct object *object)
{
    return (struct clock *)(void *)object; /* its first member */
}

BOOT_ONLY void clocks_init(void);

/* Errors: OUT_OF_QUOTA, OUT_OF_MEMORY. */
CHECK_RESULT enum status clock_create(struct domain *domain, struct event *event, uint64_t bits,
                                      struct clock **out);

/* Set the bits at `deadline_ns`, once; 0: not any more. */
void clock_set(struct clock *clock, nsec_t deadline_ns);

/*
 * Storm: whether a driver takes more interrupts than its device can mean.
 *
 * A driver that acknowledges an interrupt without making its device lower the line gets it again at
 * once, for ever.  Its loop comes round all the time, so it answers when it is asked; but no honest
 * device interrupts as often and keeps its driver from everything else.  At each look the launcher
 * compares how many there were since the one before, and how long the driver's loop executed.  A
 * rate beyond the limit, by a loop that executed for half of the time, at two looks in a row is a
 * storm.
 *
 * Pure: decides, does nothing.
 */
#pragma once

#include "abi/types.h"

#include <stdbool.h>

enum { STORM_LOOKS = 2 };

struct storm {
    uint64_t count;      /* of interrupts, at the last look */
    nsec_t ran_ns;       /* that its loop's thread ever executed, likewise */
    bool is_counting;    /* there was a last look */
    unsigned looks_over; /* in a row, with a rate beyond the limit */
};

/*
 * Take in that there were `count` interrupts ever, and that the loop's thread has executed for
 * `ran_ns`, `passed_ns` after the last look.  `*per_second`
 * is the rate since then, 0 at the first look.  True: it is a storm.
 */
bool storm_look(struct storm *storm, uint64_t count, nsec_t ran_ns, nsec_t passed_ns,
                uint64_t limit_per_second, uint64_t *per_second);

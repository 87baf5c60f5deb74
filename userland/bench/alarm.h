/*
 * Alarm: a clock that wakes its thread, and how late that was.
 *
 * Lateness runs from the deadline to the first instruction of the woken thread.  Where the machine
 * counts instructions, each takes the same time and a tick of the clock is a whole number of them;
 * so the deadline, which nobody sees go by, is told from the next tick after waking: the way back
 * from it is known in ticks, and the way from waking to it in instructions.
 */
#pragma once

#include "doorbell.h"

struct alarm {
    struct doorbell doorbell;
    handle_t clock;
    uint32_t tick_cost; /* instructions in a tick of the clock; 0: the meter has ticks itself */
};

/* Errors: NOT_SUPPORTED (the clock doesn't follow the instructions), those of the kernel. */
CHECK_RESULT enum status alarm_open(struct alarm *out);

/* Sleep for `ticks` of the clock; how much too long it was, in the meter's unit, to within the few
 * instructions of a loop that reads the clock. */
CHECK_RESULT enum status alarm_sleep(struct alarm *alarm, uint32_t ticks, uint64_t *late);

#include "alarm.h"

#include "samples.h"

#include "rt/time.h"

enum {
    CALIBRATION_TICKS = 4096,
    TOLERANCE = 64, /* instructions at the ends of the calibration */
};

/* The clock and the meter at the same moment, and again when the clock has just moved on. */
struct tick_edge {
    uint64_t ticks;  /* at once */
    uint64_t edge;   /* the next value, just reached */
    uint32_t passed; /* instructions between the two readings */
};

/* The clock's first reading is the first instruction. */
static inline struct tick_edge tick_edge_find(void)
{
    struct tick_edge out;
    uint64_t before, after;

    __asm__ volatile("mrs   %0, cntvct_el0\n\t"
                     "mrs   %2, pmevcntr0_el0\n"
                     "1:\n\t"
                     "mrs   %1, cntvct_el0\n\t"
                     "cmp   %1, %0\n\t"
                     "b.eq  1b\n\t"
                     "mrs   %3, pmevcntr0_el0"
                     : "=&r"(out.ticks), "=&r"(out.edge), "=&r"(before), "=&r"(after)
                     :
                     : "cc", "memory");
    out.passed = (uint32_t)(after - before);
    return out;
}

static enum status calibrate(uint32_t *tick_cost)
{
    const struct tick_edge first = tick_edge_find();
    const uint32_t begin = meter_read();

    while (counter_ticks() < first.edge + CALIBRATION_TICKS) {
    }
    const uint32_t passed = meter_read() - begin;
    const uint32_t cost = (passed + CALIBRATION_TICKS / 2) / CALIBRATION_TICKS;
    const uint32_t ideal = cost * CALIBRATION_TICKS;

    *tick_cost = cost;
    return cost != 0 && passed - ideal + TOLERANCE <= 2 * TOLERANCE ? STATUS_OK
                                                                    : STATUS_NOT_SUPPORTED;
}

enum status alarm_open(struct alarm *out)
{
    enum status s = doorbell_create(&out->doorbell);

    if (s == STATUS_OK)
        s = clock_create(out->doorbell.event, 1, &out->clock);
    out->tick_cost = 0;
    if (s == STATUS_OK && meter.counts_instructions)
        s = calibrate(&out->tick_cost);
    return s;
}

/* Up, so that the kernel's way back gives the same tick. */
static nsec_t tick_ns(uint64_t ticks)
{
    const uint64_t hz = meter.counter_hz;

    return ticks / hz * NS_PER_S + (ticks % hz * NS_PER_S + hz - 1) / hz;
}

static uint64_t lateness_counted(const struct alarm *alarm, uint64_t deadline)
{
    const struct tick_edge now = tick_edge_find();
    const uint64_t late = (now.edge - deadline) * alarm->tick_cost;

    return late > now.passed ? late - now.passed : 0;
}

enum status alarm_sleep(struct alarm *alarm, uint32_t ticks, uint64_t *late)
{
    const uint64_t deadline = counter_ticks() + ticks;
    enum status s = clock_set(alarm->clock, tick_ns(deadline));

    if (s == STATUS_OK)
        s = event_wait(alarm->doorbell.event, DEADLINE_NEVER);
    *late = alarm->tick_cost != 0 ? lateness_counted(alarm, deadline) : counter_ticks() - deadline;
    atomic_exchange_explicit(alarm->doorbell.pending, 0, memory_order_acquire);
    return s;
}

/*
 * Time from the virtual counter.  The frequency comes from the startup record: firmware may have
 * left CNTFRQ_EL0 wrong, and the kernel's word counts.
 */
#include "rt/time.h"

#include <stdatomic.h>

#include "rt/counter.h"
#include "rt/startup.h"

static _Atomic uint64_t day_offset_ns; /* 1970 to the counter's zero; 0: not known */

nsec_t time_now_ns(void)
{
    uint64_t frequency = startup_get()->counter_frequency_hz;
    uint64_t ticks = counter_ticks();
    uint64_t seconds = ticks / frequency;

    /* Split, so that nothing overflows: the remainder is below 2^32, times 10^9 below 2^62. */
    return seconds * NS_PER_S + ticks % frequency * NS_PER_S / frequency;
}

nsec_t time_after_ns(nsec_t ns)
{
    nsec_t deadline = time_now_ns() + ns;

    return deadline < ns ? UINT64_MAX : deadline;
}

void time_of_day_set(uint64_t unix_ns)
{
    day_offset_ns = unix_ns - time_now_ns();
}

uint64_t time_of_day_ns(void)
{
    uint64_t offset_ns = day_offset_ns;

    return offset_ns == 0 ? 0 : offset_ns + time_now_ns();
}

/*
 * Storm: the rate.
 */
#include "storm.h"

#include "rt/time.h"

bool storm_look(struct storm *storm, uint64_t count, nsec_t ran_ns, nsec_t passed_ns,
                uint64_t limit_per_second, uint64_t *per_second)
{
    const uint64_t more = count - storm->count;
    const bool is_first = !storm->is_counting;
    const bool is_busy = (ran_ns - storm->ran_ns) * 2 >= passed_ns;

    storm->count = count;
    storm->ran_ns = ran_ns;
    storm->is_counting = true;
    *per_second = is_first || passed_ns == 0 ? 0 : more * NS_PER_S / passed_ns;
    storm->looks_over = is_busy && *per_second > limit_per_second ? storm->looks_over + 1 : 0;
    return storm->looks_over >= STORM_LOOKS;
}

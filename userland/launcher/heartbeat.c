/*
 * Heartbeat: the bookkeeping.
 */
#include "heartbeat.h"

void heartbeat_begin(struct heartbeat *heartbeat, nsec_t limit_ns)
{
    *heartbeat = (struct heartbeat){.limit_ns = limit_ns, .is_owing = limit_ns != 0};
}

nsec_t heartbeat_period_ns(nsec_t limit_ns)
{
    return limit_ns / HEARTBEAT_LOOKS;
}

static bool owes(const struct heartbeat *heartbeat, const struct heartbeat_sight *sight)
{
    return heartbeat->is_owing && !sight->has_answered;
}

/*
 * Who was asleep when it was asked, sleeps again, and was switched to once, has answered and done
 * nothing else.  It is at rest until there is another switch.
 */
bool heartbeat_is_at_rest(const struct heartbeat *heartbeat, const struct heartbeat_sight *sight)
{
    const uint64_t switches = sight->switches - heartbeat->switches;

    if (owes(heartbeat, sight) || sight->pose != HEARTBEAT_SLEEPS)
        return false;
    return heartbeat->is_owing ? heartbeat->was_asleep && switches == 1 : switches == 0;
}

static void debt_start(struct heartbeat *heartbeat)
{
    heartbeat->chance_ns = 0;
    heartbeat->ran_ns = 0;
    heartbeat->away_ns = 0;
}

/* What the same thread used since the last look; no look counts for more than it may. */
static nsec_t ran_since(const struct heartbeat *heartbeat, const struct heartbeat_sight *sight,
                        nsec_t counted_ns)
{
    if (sight->runner_id == 0 || sight->runner_id != heartbeat->runner_id)
        return 0;
    const nsec_t ran_ns = sight->runner_cpu_ns - heartbeat->runner_cpu_ns;
    return ran_ns < counted_ns ? ran_ns : counted_ns;
}

static void debt_grow(struct heartbeat *heartbeat, const struct heartbeat_sight *sight,
                      nsec_t counted_ns)
{
    const nsec_t ran_ns = ran_since(heartbeat, sight, counted_ns);

    if (sight->pose == HEARTBEAT_AWAY) {
        const nsec_t away_ns = heartbeat->away_ns + counted_ns;
        debt_start(heartbeat);
        heartbeat->away_ns = away_ns;
        return;
    }
    heartbeat->away_ns = 0;
    heartbeat->ran_ns += ran_ns;
    if (sight->pose != HEARTBEAT_RUNS || ran_ns >= counted_ns / 4)
        heartbeat->chance_ns += counted_ns;
}

static bool debt_is_overdue(const struct heartbeat *heartbeat)
{
    const nsec_t limit_ns = heartbeat->limit_ns;

    return (heartbeat->chance_ns >= limit_ns && heartbeat->ran_ns >= limit_ns / 4 * 3)
           || heartbeat->ran_ns >= limit_ns
           || heartbeat->chance_ns >= HEARTBEAT_STUCK_TIMES * limit_ns
           || heartbeat->away_ns >= HEARTBEAT_AWAY_TIMES * limit_ns;
}

enum heartbeat_verdict heartbeat_look(struct heartbeat *heartbeat,
                                      const struct heartbeat_sight *sight, nsec_t passed_ns,
                                      nsec_t period_ns)
{
    enum heartbeat_verdict verdict = HEARTBEAT_LEAVE;

    if (owes(heartbeat, sight)) {
        debt_grow(heartbeat, sight, passed_ns < period_ns ? passed_ns : period_ns);
        if (debt_is_overdue(heartbeat))
            verdict = HEARTBEAT_OVER;
    } else if (heartbeat_is_at_rest(heartbeat, sight)) {
        heartbeat->is_owing = false;
        heartbeat->switches = sight->switches;
    } else {
        heartbeat->is_owing = true;
        heartbeat->was_asleep = sight->pose == HEARTBEAT_SLEEPS;
        heartbeat->switches = sight->switches;
        debt_start(heartbeat);
        verdict = HEARTBEAT_ASK;
    }
    heartbeat->runner_id = sight->runner_id;
    heartbeat->runner_cpu_ns = sight->runner_cpu_ns;
    return verdict;
}

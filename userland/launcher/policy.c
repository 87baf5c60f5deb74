/*
 * Policy: the decision.
 */
#include "policy.h"

#include "heartbeat.h"

static uint32_t delay_of(const struct manifest_domain *domain, uint32_t failures)
{
    uint64_t delay_ms = domain->restart_delay_ms;

    for (uint32_t i = 1; i < failures && delay_ms < POLICY_DELAY_MAX_MS; i++)
        delay_ms *= 2;
    return delay_ms < POLICY_DELAY_MAX_MS ? (uint32_t)delay_ms : POLICY_DELAY_MAX_MS;
}

/* How long it ran well: of a life that ended in silence, without the longest silence there is. */
static uint64_t good_ms_of(const struct manifest_domain *domain, enum policy_cause cause,
                           uint64_t uptime_ms)
{
    const uint64_t silent_ms =
        cause == POLICY_SILENCE ? (uint64_t)domain->heartbeat_ms * HEARTBEAT_AWAY_TIMES : 0;

    return uptime_ms > silent_ms ? uptime_ms - silent_ms : 0;
}

struct policy_decision policy_decide(const struct manifest_domain *domain, enum policy_cause cause,
                                     uint32_t failures, uint64_t uptime_ms)
{
    const uint64_t forgiven = good_ms_of(domain, cause, uptime_ms) / POLICY_GOOD_RUN_MS;
    struct policy_decision decision = {
        .failures = forgiven >= failures ? 1 : failures - (uint32_t)forgiven + 1,
    };
    const bool wanted =
        cause != POLICY_NO_USE
        && (domain->restart == MANIFEST_RESTART_ALWAYS
            || (domain->restart == MANIFEST_RESTART_ON_FAULT && cause != POLICY_ENDED));

    decision.is_given_up = wanted && decision.failures > domain->restart_limit;
    decision.restarts = wanted && !decision.is_given_up;
    if (decision.restarts && (forgiven == 0 || decision.failures > 1))
        decision.delay_ms = delay_of(domain, decision.failures);
    return decision;
}

/*
 * Policy: the decision.
 */
#include "policy.h"

static uint32_t delay_of(const struct manifest_domain *domain, uint32_t failures)
{
    uint64_t delay_ms = domain->restart_delay_ms;

    for (uint32_t i = 1; i < failures && delay_ms < POLICY_DELAY_MAX_MS; i++)
        delay_ms *= 2;
    return delay_ms < POLICY_DELAY_MAX_MS ? (uint32_t)delay_ms : POLICY_DELAY_MAX_MS;
}

struct policy_decision policy_decide(const struct manifest_domain *domain, enum policy_cause cause,
                                     uint32_t failures, uint64_t uptime_ms)
{
    struct policy_decision decision = {
        .failures = uptime_ms >= POLICY_GOOD_RUN_MS ? 1 : failures + 1,
    };
    const bool wanted = domain->restart == MANIFEST_RESTART_ALWAYS
                        || (domain->restart == MANIFEST_RESTART_ON_FAULT && cause != POLICY_ENDED);

    decision.is_given_up = wanted && decision.failures > domain->restart_limit;
    decision.restarts = wanted && !decision.is_given_up;
    if (decision.restarts)
        decision.delay_ms = delay_of(domain, decision.failures);
    return decision;
}

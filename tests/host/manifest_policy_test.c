/*
 * A domain that ends is started again as its manifest entry says: after pauses that
 * double, and not for ever.
 */
// source: userland/launcher/policy.c
#include "userland/launcher/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct manifest_domain domain_with(enum manifest_restart restart)
{
    return (struct manifest_domain){
        .restart = restart, .restart_delay_ms = 100, .restart_limit = 3};
}

static void never_means_never(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_NEVER);

    (void)state;
    for (int cause = POLICY_FAULT; cause <= POLICY_ENDED; cause++) {
        const struct policy_decision next = policy_decide(&domain, (enum policy_cause)cause, 0, 10);
        assert_false(next.restarts);
        assert_false(next.is_given_up);
    }
}

static void on_fault_leaves_an_orderly_end_alone(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);

    (void)state;
    assert_true(policy_decide(&domain, POLICY_FAULT, 0, 10).restarts);
    assert_true(policy_decide(&domain, POLICY_FAILED, 0, 10).restarts);
    assert_false(policy_decide(&domain, POLICY_ENDED, 0, 10).restarts);
    assert_false(policy_decide(&domain, POLICY_ENDED, 9, 10).is_given_up);
}

static void always_means_after_an_orderly_end_too(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_ALWAYS);

    (void)state;
    assert_true(policy_decide(&domain, POLICY_ENDED, 0, 10).restarts);
    assert_false(policy_decide(&domain, POLICY_NO_USE, 0, 10).restarts);
    assert_false(policy_decide(&domain, POLICY_NO_USE, 99, 10).is_given_up);
}

static void pauses_double_until_it_is_given_up(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);
    static const uint32_t delays[] = {100, 200, 400};
    uint32_t failures = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const struct policy_decision next = policy_decide(&domain, POLICY_FAULT, failures, 10);
        assert_true(next.restarts);
        assert_int_equal(next.delay_ms, delays[i]);
        assert_int_equal(next.failures, i + 1);
        failures = next.failures;
    }
    const struct policy_decision last = policy_decide(&domain, POLICY_FAULT, failures, 10);
    assert_false(last.restarts);
    assert_true(last.is_given_up);
}

static void every_half_second_of_good_life_forgets_one_failure(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);

    (void)state;
    const struct policy_decision two = policy_decide(&domain, POLICY_FAULT, 3, POLICY_GOOD_RUN_MS);
    assert_true(two.restarts);
    assert_int_equal(two.failures, 3);
    assert_int_equal(two.delay_ms, 400);
    const struct policy_decision all =
        policy_decide(&domain, POLICY_FAULT, 3, UINT64_C(1000) * POLICY_GOOD_RUN_MS);
    assert_true(all.restarts);
    assert_int_equal(all.failures, 1);
}

static void who_lived_well_is_back_at_once_however_often(void **state)
{
    const struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);
    uint32_t failures = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        const struct policy_decision next =
            policy_decide(&domain, POLICY_FAULT, failures, POLICY_GOOD_RUN_MS);
        assert_true(next.restarts);
        assert_int_equal(next.delay_ms, 0);
        failures = next.failures;
    }
    const struct policy_decision young =
        policy_decide(&domain, POLICY_FAULT, 0, POLICY_GOOD_RUN_MS - 1);
    assert_int_equal(young.delay_ms, 100);
}

/* Who loops from its start on is alive for as long as nobody notices. */
static void silence_is_no_good_life(void **state)
{
    struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);

    (void)state;
    domain.heartbeat_ms = 600;
    const struct policy_decision next = policy_decide(&domain, POLICY_SILENCE, 1, 4800);
    assert_int_equal(next.failures, 2);
    assert_int_equal(next.delay_ms, 200);
    assert_int_equal(policy_decide(&domain, POLICY_SILENCE, 1, 5300).delay_ms, 0);
}

static void no_pause_is_longer_than_the_limit(void **state)
{
    struct manifest_domain domain = domain_with(MANIFEST_RESTART_ON_FAULT);

    (void)state;
    domain.restart_limit = 1000;
    assert_int_equal(policy_decide(&domain, POLICY_FAULT, 900, 10).delay_ms, POLICY_DELAY_MAX_MS);
    domain.restart_delay_ms = 60000;
    assert_int_equal(policy_decide(&domain, POLICY_FAULT, 0, 10).delay_ms, POLICY_DELAY_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_means_never),
        cmocka_unit_test(on_fault_leaves_an_orderly_end_alone),
        cmocka_unit_test(always_means_after_an_orderly_end_too),
        cmocka_unit_test(pauses_double_until_it_is_given_up),
        cmocka_unit_test(every_half_second_of_good_life_forgets_one_failure),
        cmocka_unit_test(who_lived_well_is_back_at_once_however_often),
        cmocka_unit_test(silence_is_no_good_life),
        cmocka_unit_test(no_pause_is_longer_than_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

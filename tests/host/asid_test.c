/*
 * ASIDs, with a TLB that remembers: what it holds under an ASID must never be another domain's.
 * CPU 0 is the one whose TTBR0_EL1 the kernel can change; what the others run is pinned.
 */
// source: domains/asid.c
// source: domains/variant/unchecked/audit.c
// source: tests/host/fake_arch/fake_machine.c
// include first: tests/host/fake_arch
#include "domains/asid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "fake_machine.h"

enum { CPUS = 4, ASIDS_MAX = 1 << 16, STEPS = 100000 };

static const paddr_t RAM = 0x40000000;

static struct domain *domains;
static unsigned domain_count;
static const struct domain *tlb[ASIDS_MAX]; /* whose entries it may hold under this ASID */
static const struct domain *running[CPUS];
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static bool is_running(const struct domain *domain)
{
    for (unsigned i = 0; i < CPUS; i++)
        if (running[i] == domain)
            return true;
    return false;
}

static void on_tlb_event(const struct fake_tlb_event *event)
{
    assert_int_equal(event->kind, FAKE_TLB_ASID);
    /* Walks under it could fill the TLB again behind the invalidation. */
    assert_int_not_equal(fake_ttbr >> 48, event->asid);
    tlb[event->asid] = NULL;
}

static void start(uint32_t asids, unsigned count)
{
    asids_init(asids);
    asids_set_pinned(is_running);
    domain_count = count;
    domains = calloc(count, sizeof(*domains));
    for (unsigned i = 0; i < count; i++)
        domains[i].root = direct_map(RAM + (paddr_t)i * PAGE_BYTES);
    memset(tlb, 0, sizeof(tlb));
    memset(running, 0, sizeof(running));
    fake_tlb_reset();
    fake_tlb.on_event = on_tlb_event;
    mmu_switch_to_nothing();
    random_state = 11;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < domain_count; i++)
        asid_release(&domains[i]);
    assert_int_equal(asid_totals().in_use, 0);
    free(domains);
    fake_tlb.on_event = NULL;
    return 0;
}

/* The CPU leaves what it ran, enters the domain, and its TLB fills. */
static void enter(unsigned cpu, struct domain *domain)
{
    running[cpu] = NULL;
    asid_assign(domain);
    running[cpu] = domain;
    const asid_t asid = asid_of(domain);
    assert_true(asid != 0);
    assert_true(domain->cross.ttbr == (direct_map_physical(domain->root) | (uint64_t)asid << 48));
    assert_true(tlb[asid] == NULL || tlb[asid] == domain);
    tlb[asid] = domain;
    if (cpu == 0)
        mmu_switch(domain->cross.ttbr);
}

static void each_domain_has_an_asid_of_its_own(void **state)
{
    (void)state;
    start(256, 255);
    for (unsigned i = 0; i < domain_count; i++)
        enter(0, &domains[i]);
    for (unsigned i = 0; i < domain_count; i++)
        assert_ptr_equal(tlb[asid_of(&domains[i])], &domains[i]);
    assert_int_equal(asid_totals().in_use, 255);
    assert_int_equal(asid_totals().taken_away, 0);
    assert_null(tlb[0]);
}

static void sixteen_bits_are_all_used(void **state)
{
    (void)state;
    start(ASIDS_MAX, ASIDS_MAX);
    for (unsigned i = 0; i < ASIDS_MAX - 1; i++)
        enter(0, &domains[i]);
    assert_int_equal(asid_totals().in_use, ASIDS_MAX - 1);
    assert_int_equal(asid_totals().taken_away, 0);
    enter(0, &domains[ASIDS_MAX - 1]);
    assert_int_equal(asid_totals().taken_away, 1);
}

static void whoever_has_one_keeps_it_when_entered_again(void **state)
{
    (void)state;
    start(8, 5);
    for (unsigned i = 0; i < domain_count; i++)
        enter(0, &domains[i]);
    fake_tlb_reset();
    for (unsigned i = 0; i < domain_count; i++) {
        const asid_t asid = asid_of(&domains[i]);
        enter(1, &domains[i]);
        assert_int_equal(asid_of(&domains[i]), asid);
    }
    assert_int_equal(fake_tlb.count, 0);
}

static void one_that_is_taken_away_is_forgotten_first_and_marks_its_domain(void **state)
{
    (void)state;
    start(4, 4);
    for (unsigned i = 0; i < 3; i++)
        enter(0, &domains[i]);
    fake_tlb_reset();
    enter(0, &domains[3]);
    assert_int_equal(fake_tlb.count, 1);
    assert_int_equal(fake_tlb.events[0].kind, FAKE_TLB_ASID);
    assert_int_equal(fake_tlb.events[0].asid, asid_of(&domains[3]));
    assert_true(domains[0].cross.ttbr == 0); /* longest ago; the portal path sees it */
    assert_int_equal(asid_of(&domains[0]), 0);
    assert_int_equal(asid_totals().in_use, 3);
}

static void the_ones_in_use_by_cpus_stay(void **state)
{
    (void)state;
    start(CPUS + 2, 200);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        enter(cpu, &domains[cpu]);
    for (unsigned i = CPUS; i < domain_count; i++) {
        enter(CPUS - 1, &domains[i]);
        for (unsigned cpu = 0; cpu < CPUS - 1; cpu++)
            assert_int_equal(asid_of(&domains[cpu]), cpu + 1);
    }
}

static void a_released_one_is_left_and_forgotten_at_once(void **state)
{
    (void)state;
    start(8, 2);
    enter(0, &domains[0]);
    const asid_t asid = asid_of(&domains[0]);
    running[0] = NULL;
    fake_tlb_reset();
    assert_true(fake_ttbr == domains[0].cross.ttbr);
    asid_release(&domains[0]);
    assert_true(fake_ttbr == 0);
    assert_int_equal(fake_tlb.count, 1);
    assert_int_equal(fake_tlb.events[0].asid, asid);
    assert_true(domains[0].cross.ttbr == 0);
    assert_null(tlb[asid]);
    asid_release(&domains[0]);
    asid_release(&domains[1]); /* never had one */
    assert_int_equal(fake_tlb.count, 1);
}

static void random_steps_mix_no_domains_up(void **state)
{
    static const uint32_t asid_counts[] = {CPUS + 2, 16, 64, 256};

    (void)state;
    for (unsigned a = 0; a < sizeof(asid_counts) / sizeof(asid_counts[0]); a++) {
        start(asid_counts[a], 100);
        for (unsigned step = 0; step < STEPS / 4; step++) {
            struct domain *domain = &domains[random_below(domain_count)];
            if (random_below(10) != 0)
                enter(random_below(CPUS), domain);
            else if (!is_running(domain))
                asid_release(domain);
            unsigned in_use = 0;
            for (unsigned i = 0; i < domain_count; i++)
                in_use += asid_of(&domains[i]) != 0;
            assert_int_equal(asid_totals().in_use, in_use);
            for (unsigned cpu = 0; cpu < CPUS; cpu++)
                assert_true(running[cpu] == NULL || tlb[asid_of(running[cpu])] == running[cpu]);
        }
        teardown(NULL);
    }
    domain_count = 0;
    domains = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_domain_has_an_asid_of_its_own, teardown),
        cmocka_unit_test_teardown(sixteen_bits_are_all_used, teardown),
        cmocka_unit_test_teardown(whoever_has_one_keeps_it_when_entered_again, teardown),
        cmocka_unit_test_teardown(one_that_is_taken_away_is_forgotten_first_and_marks_its_domain,
                                  teardown),
        cmocka_unit_test_teardown(the_ones_in_use_by_cpus_stay, teardown),
        cmocka_unit_test_teardown(a_released_one_is_left_and_forgotten_at_once, teardown),
        cmocka_unit_test_teardown(random_steps_mix_no_domains_up, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

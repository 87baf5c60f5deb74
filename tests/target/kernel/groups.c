/*
 * Which groups of tests there are, in the order in which they run.
 */
#include "test.h"

extern const struct test_group test_group_fault, test_group_portal, test_group_register,
    test_group_handle, test_group_lifecycle, test_group_argument, test_group_segment,
    test_group_quota, test_group_event, test_group_switch, test_group_handler, test_group_ending,
    test_group_mesh, test_group_loader, test_group_pressure, test_group_monkey, test_group_asid,
    test_group_space, test_group_smp, test_group_priority, test_group_lock, test_group_budget,
    test_group_storm;

const struct test_group *const test_groups[] = {
    &test_group_fault,     &test_group_portal,   &test_group_register, &test_group_handle,
    &test_group_lifecycle, &test_group_argument, &test_group_segment,  &test_group_quota,
    &test_group_event,     &test_group_switch,   &test_group_handler,  &test_group_ending,
    &test_group_mesh,      &test_group_loader,   &test_group_asid,     &test_group_space,
    &test_group_smp,       &test_group_priority, &test_group_lock,     &test_group_budget,
    &test_group_pressure,  &test_group_monkey,   &test_group_storm,
};
const unsigned test_group_count = sizeof test_groups / sizeof test_groups[0];

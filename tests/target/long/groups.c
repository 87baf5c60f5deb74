/*
 * The tests that take minutes.
 */
#include "test.h"

extern const struct test_group test_group_multitude;

const struct test_group *const test_groups[] = {&test_group_multitude};
const unsigned test_group_count = sizeof test_groups / sizeof test_groups[0];

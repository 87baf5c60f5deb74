/*
 * Authority: who may do what.
 */
#include "test.h"

extern const struct test_group test_group_lending, test_group_model, test_group_tree,
    test_group_random;

const struct test_group *const test_groups[] = {&test_group_lending, &test_group_model,
                                                &test_group_tree, &test_group_random};
const unsigned test_group_count = sizeof test_groups / sizeof test_groups[0];

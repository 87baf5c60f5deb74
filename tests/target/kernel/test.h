/*
 * Test: one claim about the kernel, and what it takes to hold it against the truth.
 *
 * This program stands in the launcher's place: it holds the factory, makes domains (child.h), and
 * lets functions of its own run in them.  What a test leaves behind, handles, domains, segments in
 * the view, is taken away after it; then memory must be what it was before.
 *
 * A check that fails writes down why and leaves the function it is in; the test has failed, and
 * what comes behind is run all the same.  So a test is a list of checks, and its helpers' failures
 * show as the first one.
 */
#pragma once

#include "rt/syscall.h"

#include <stdbool.h>

struct test {
    const char *name; /* what is claimed */
    void (*run)(void);
};

/* All tests of one file. */
struct test_group {
    const char *name;
    const struct test *tests;
    unsigned count;
};

#define TEST(function)      \
    {                       \
#function, function \
    }
#define TEST_GROUP(group)                                                \
    const struct test_group test_group_##group = {#group, group##_tests, \
                                                  sizeof group##_tests / sizeof *group##_tests}

/* Write down the first failure of the running test. */
void test_fail(const char *file, int line, const char *claim, uint64_t is, uint64_t wanted);

#define EXPECT(claim)                                    \
    do {                                                 \
        if (!(claim)) {                                  \
            test_fail(__FILE__, __LINE__, #claim, 0, 0); \
            return;                                      \
        }                                                \
    } while (0)

#define EXPECT_IS(value, wanted)                                             \
    do {                                                                     \
        const uint64_t expect_is = (uint64_t)(value);                        \
        const uint64_t expect_wanted = (uint64_t)(wanted);                   \
        if (expect_is != expect_wanted) {                                    \
            test_fail(__FILE__, __LINE__, #value, expect_is, expect_wanted); \
            return;                                                          \
        }                                                                    \
    } while (0)

#define EXPECT_OK(call) EXPECT_IS(call, STATUS_OK)

bool test_has_failed(void);

/* The factory, which only the launcher holds. */
handle_t test_factory(void);

/* What this program was born with: its data segment, of which `offset_of` names places. */
handle_t test_data(void);
uint64_t test_data_offset(const void *object);

/* An event of this domain over `*word`, with its bits taken. */
CHECK_RESULT enum status test_event(uint64_t *word, handle_t *out);

/* The text segment, readable and executable. */
handle_t test_text(void);

/* Close and destroy what the running test has made; this happens after each anyway. */
void test_clean_up(void);

/* Wait until the kernel has torn down what there is to tear down. */
void test_settle(void);

/* Log what each thread of this domain, and of those that it has handles to, is doing. */
void test_say_threads(void);

/* The number behind `key` on the kernel's command line; `otherwise` if it isn't there. */
uint64_t test_option(const char *key, uint64_t otherwise);

/* Nanoseconds from now. */
nsec_t test_soon(nsec_t ns);

#define TEST_MS UINT64_C(1000000)
#define TEST_S  UINT64_C(1000000000)

/* The names of everything: filled by the files of tests, run by main(). */
extern const struct test_group *const test_groups[];
extern const unsigned test_group_count;

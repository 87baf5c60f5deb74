/*
 * SYN cookies: good for the ends they were made for, for a while, and for nobody else.
 */
// source: userland/net/server/siphash.c
// source: userland/net/server/chance.c
// source: userland/net/server/syn_cookie.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userland/net/server/chance.h"
#include "userland/net/server/syn_cookie.h"

#define SECOND UINT64_C(1000000000)

static const uint8_t secret[CHANCE_SECRET_BYTES] = {7, 1, 9};
static const struct syn_cookie_ends ends = {
    .local = {1}, .remote = {2}, .local_port = 443, .remote_port = 5000, .remote_sequence = 77};

static int start(void **state)
{
    (void)state;
    chance_init(secret);
    return 0;
}

static void segments_are_rounded_down_to_a_known_size(void **state)
{
    static const uint16_t sizes[][2] = {{0, 64},      {63, 64},     {64, 64},     {535, 64},
                                        {536, 536},   {1219, 1024}, {1400, 1400}, {1459, 1440},
                                        {1460, 1460}, {9000, 1460}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t cookie = syn_cookie_make(&ends, sizes[i][0], 0);
        assert_int_equal(syn_cookie_segment_bytes(&ends, cookie, 0), sizes[i][1]);
    }
}

static void it_holds_for_sixteen_seconds_and_not_for_thirty_two(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 40; at++) {
        uint32_t cookie = syn_cookie_make(&ends, 1460, at * SECOND);
        assert_int_equal(syn_cookie_segment_bytes(&ends, cookie, (at + 16) * SECOND), 1460);
        assert_int_equal(syn_cookie_segment_bytes(&ends, cookie, (at + 32) * SECOND), 0);
    }
}

static void it_belongs_to_its_ends_alone(void **state)
{
    struct syn_cookie_ends other[5] = {ends, ends, ends, ends, ends};
    uint32_t cookie = syn_cookie_make(&ends, 1460, 0);

    (void)state;
    other[0].local[15]++;
    other[1].remote[15]++;
    other[2].local_port++;
    other[3].remote_port++;
    other[4].remote_sequence++;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(syn_cookie_segment_bytes(&other[i], cookie, 0), 0);
}

/* A number is right once in 2^28 times. */
static void guesses_fail(void **state)
{
    uint32_t cookie = syn_cookie_make(&ends, 1460, 0);
    unsigned good = 0;

    (void)state;
    for (uint32_t i = 1; i <= 1000000; i++)
        good += syn_cookie_segment_bytes(&ends, cookie + i * 4294, 0) != 0;
    assert_true(good <= 1);
}

static void it_depends_on_the_secret(void **state)
{
    const uint8_t other[CHANCE_SECRET_BYTES] = {7, 1, 8};
    uint32_t cookie = syn_cookie_make(&ends, 1460, 0);

    (void)state;
    chance_init(other);
    assert_int_equal(syn_cookie_segment_bytes(&ends, cookie, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(segments_are_rounded_down_to_a_known_size, start),
        cmocka_unit_test_setup(it_holds_for_sixteen_seconds_and_not_for_thirty_two, start),
        cmocka_unit_test_setup(it_belongs_to_its_ends_alone, start),
        cmocka_unit_test_setup(guesses_fail, start),
        cmocka_unit_test_setup(it_depends_on_the_secret, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Sequence numbers and ports: SipHash against its published vectors, RFC 6528's properties.
 */
// source: userland/net/server/siphash.c
// source: userland/net/server/chance.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userland/net/server/chance.h"
#include "userland/net/server/siphash.h"

static const uint8_t secret[CHANCE_SECRET_BYTES] = {7, 1, 9};
static const uint8_t here[16] = {1}, there[16] = {2};

/* The vectors of the paper's reference code: key 00..0f, input 00, 00 01, 00 01 02, ... */
static void siphash_gives_the_published_values(void **state)
{
    const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[64];

    (void)state;
    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    assert_true(siphash(&key, input, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(siphash(&key, input, 1) == UINT64_C(0x74f839c593dc67fd));
    assert_true(siphash(&key, input, 8) == UINT64_C(0x93f5f5799a932462));
    assert_true(siphash(&key, input, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void sequence_numbers_of_one_tuple_advance_with_the_clock(void **state)
{
    (void)state;
    chance_init(secret);
    uint32_t first = chance_sequence_number(here, 80, there, 5000, 0);
    uint32_t later = chance_sequence_number(here, 80, there, 5000, 4000 * 1000);

    assert_int_equal(later - first, 1000);
}

static void sequence_numbers_of_other_tuples_are_unrelated(void **state)
{
    (void)state;
    chance_init(secret);
    uint32_t one = chance_sequence_number(here, 80, there, 5000, 0);

    assert_int_not_equal(one, chance_sequence_number(here, 80, there, 5001, 0));
    assert_int_not_equal(one, chance_sequence_number(here, 81, there, 5000, 0));
    assert_int_not_equal(one, chance_sequence_number(there, 80, here, 5000, 0));
}

static void sequence_numbers_depend_on_the_secret(void **state)
{
    const uint8_t other[CHANCE_SECRET_BYTES] = {7, 1, 8};

    (void)state;
    chance_init(secret);
    uint32_t one = chance_sequence_number(here, 80, there, 5000, 0);
    chance_init(other);
    assert_int_not_equal(one, chance_sequence_number(here, 80, there, 5000, 0));
}

static void random_ports_are_dynamic_ones_and_differ(void **state)
{
    unsigned repeats = 0;
    uint16_t last = 0;

    (void)state;
    chance_init(secret);
    for (unsigned i = 0; i < 1000; i++) {
        uint16_t port = random_port();
        assert_true(port >= 49152);
        repeats += port == last;
        last = port;
    }
    assert_true(repeats < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_published_values),
        cmocka_unit_test(sequence_numbers_of_one_tuple_advance_with_the_clock),
        cmocka_unit_test(sequence_numbers_of_other_tuples_are_unrelated),
        cmocka_unit_test(sequence_numbers_depend_on_the_secret),
        cmocka_unit_test(random_ports_are_dynamic_ones_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

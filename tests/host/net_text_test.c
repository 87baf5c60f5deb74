/*
 * Addresses as text, and the stack's argument.
 */
// source: userland/net/client/address.c
// source: userland/net/server/configuration.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"
#include "userland/net/server/configuration.h"

static void addresses_survive_reading_and_writing(void **state)
{
    static const char *const texts[] = {
        "10.0.2.15",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "2001:db8::8:800:200c:417a",
        "1:2:3:4:5:6:7:8",
        "1::8",
        "2001:db8:0:1:1:1:1:1",
        "1:0:0:2::3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_address address;
        char text[NET_ADDRESS_TEXT_BYTES];
        assert_true(net_address_parse(texts[i], &address));
        net_address_format(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void unusual_spellings_are_understood(void **state)
{
    static const char *const pairs[][2] = {
        {"::ffff:10.0.2.15", "10.0.2.15"},
        {"FE80:0:0:0:0:0:0:1", "fe80::1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct net_address address;
        char text[NET_ADDRESS_TEXT_BYTES];
        assert_true(net_address_parse(pairs[i][0], &address));
        net_address_format(&address, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void nonsense_is_no_address(void **state)
{
    static const char *const texts[] = {
        "",          "1.2.3", "1.2.3.256", "1.2.3.4.5",         "1.2.3.4 ", "1..2.3",
        ":",         ":1",    "1:",        "1::2::3",           "12345::",  "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5", "g::",   ":::",       "1:2:3:4:5:6:7:8::", "::1.2.3",  "1:2:3:4:5:6:7:1.2.3.4",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_address address = net_address_v4(9, 9, 9, 9);
        struct net_address before = address;
        assert_false(net_address_parse(texts[i], &address));
        assert_memory_equal(&address, &before, sizeof address);
    }
}

static void an_empty_argument_means_dhcp(void **state)
{
    struct configuration c;
    const char *bad;

    (void)state;
    assert_int_equal(configuration_parse("", &c, &bad), STATUS_OK);
    assert_true(net_address_is_any(&c.address));
    assert_false(c.is_slaac_off);
    assert_string_equal(c.hostname, "rotunda");
}

static void a_full_argument_is_read(void **state)
{
    struct configuration c;
    const char *bad;
    char text[NET_ADDRESS_TEXT_BYTES];

    (void)state;
    assert_int_equal(configuration_parse(" address=192.0.2.7/24 gateway=192.0.2.1  dns=192.0.2.2 "
                                         "dns=2001:db8::53 address6=2001:db8::7/64 slaac=off "
                                         "hostname=dome",
                                         &c, &bad),
                     STATUS_OK);
    net_address_format(&c.address, text);
    assert_string_equal(text, "192.0.2.7");
    assert_int_equal(c.prefix_bits, 24);
    net_address_format(&c.dns[1], text);
    assert_string_equal(text, "2001:db8::53");
    assert_int_equal(c.prefix6_bits, 64);
    assert_true(c.is_slaac_off);
    assert_string_equal(c.hostname, "dome");
}

static void a_bad_word_is_pointed_at(void **state)
{
    static const char *const texts[] = {
        "address=10.0.0.1",
        "address=10.0.0.1/33",
        "address=10.0.0.1/",
        "address=::1/64",
        "address6=10.0.0.1/8",
        "gateway=router",
        "colour=red",
        "gateway",
        "dns=1.1.1.1 dns=1.1.1.1 dns=1.1.1.1",
        "slaac=perhaps",
        "hostname=",
        "address6=1111:2222:3333:4444:5555:6666:7777:8888/64-and-much-more-than-fits-a-word",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct configuration c;
        const char *bad = NULL;
        assert_int_equal(configuration_parse(texts[i], &c, &bad), STATUS_BAD_ARGUMENT);
        assert_true(bad >= texts[i] && bad < texts[i] + strlen(texts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_survive_reading_and_writing),
        cmocka_unit_test(unusual_spellings_are_understood),
        cmocka_unit_test(nonsense_is_no_address),
        cmocka_unit_test(an_empty_argument_means_dhcp),
        cmocka_unit_test(a_full_argument_is_read),
        cmocka_unit_test(a_bad_word_is_pointed_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

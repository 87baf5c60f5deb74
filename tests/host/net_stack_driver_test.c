/*
 * The stack and its driver: frames both ways, noise too, and what becomes of them and of
 * connections when the driver dies.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "tests/host/net_stack/peer.h"

static void the_driver_is_answered_and_may_die(void **state)
{
    unsigned before = driver.sent_count;

    (void)state;
    driver_receive(arp_request, sizeof arp_request);
    settle();
    assert_int_equal(driver.sent_count, before + 1);
    assert_int_equal(driver.sent[13], 6);
    assert_int_equal(driver.sent[21], 2);

    /* A connection lives on while the driver is away. */
    connect_sides();
    near.to_send = 100000;
    side_send(&near);
    tcp_client_flush(client);
    connection_close(driver.connection);
    settle();
    pass(3000);
    assert_received(&far, 100000);
    assert_int_equal(near.closes + far.closes, 0);
    tcp_close(near.socket);
    tcp_close(far.socket);
    tcp_client_flush(client);
    assert_int_equal(driver.posted_count, DRIVER_BUFFERS);

    before = driver.sent_count;
    driver_receive(arp_request, sizeof arp_request);
    settle();
    assert_int_equal(driver.sent_count, before + 1);
    assert_clean();
}

static void a_driver_that_takes_no_pools_costs_no_handles(void **state)
{
    (void)state;
    driver.is_refusing = true;
    connection_close(driver.connection);
    settle();
    pass(100);
    const unsigned before = fake_handles(), refused = driver.refused_count;
    for (unsigned i = 0; i < 10; i++)
        pass(100);
    assert_int_equal(driver.refused_count, refused + 10);
    assert_int_equal(fake_handles(), before);
    driver.is_refusing = false;
    pass(100);
    const unsigned sent = driver.sent_count;
    driver_receive(arp_request, sizeof arp_request);
    settle();
    assert_int_equal(driver.sent_count, sent + 1);
    assert_clean();
}

/* By a message: a doorbell without one wakes the driver's loop and nothing else. */
static void frames_that_are_out_are_asked_for(void **state)
{
    (void)state;
    driver_report();
    pass(1000);
    unsigned before = driver.asked_count;
    pass(1000);
    assert_int_equal(driver.asked_count, before);
    driver_receive(arp_request, sizeof arp_request);
    settle();
    assert_true(driver.unreported_count > 0);
    pass(300);
    assert_int_equal(driver.asked_count, before + 1);
    driver_report();
    pass(1000);
    assert_int_equal(driver.asked_count, before + 1);
    assert_clean();
}

static void frames_of_noise_do_no_harm(void **state)
{
    uint8_t frame[1514];

    (void)state;
    srand(7);
    for (unsigned i = 0; i < 20000; i++) {
        uint16_t length = (uint16_t)(14 + (unsigned)rand() % 1500);
        for (unsigned at = 0; at < length; at++)
            frame[at] = (uint8_t)rand();
        memcpy(frame, driver.sent + 6, 6); /* mostly to this host, mostly of a known type */
        frame[12] = i % 3 == 0 ? 0x86 : 8;
        frame[13] = i % 3 == 0 ? 0xdd : i % 3 == 1 ? 0 : 6;
        frame[14] = i % 3 == 0 ? 0x60 : i % 3 == 1 ? 0x45 : 0;
        driver_receive(frame, length);
        settle();
        if (i % 200 == 0)
            pass(50);
        driver_report();
    }
    assert_clean();
}

/* Nobody knows whether it got out: the timer, which would say so too, has half a second to go. */
static void what_a_driver_took_along_is_sent_again_at_once(void **state)
{
    enum { PEER = 9 };
    uint16_t port = listen_for_peers();

    (void)state;
    peer_send(PEER, port, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(PEER, FLAG_SYN | FLAG_ACK) + 1;
    peer_send(PEER, port, FLAG_ACK, 1001, own_next, 0);
    far.to_send = 200;
    side_send(&far);
    tcp_client_flush(client);
    settle();
    assert_int_equal(peer_heard(PEER, FLAG_ACK | 8), own_next);
    unsigned before = driver.sent_count;
    connection_close(driver.connection);
    settle();
    assert_int_equal(driver.sent_count, before + 1);
    assert_int_equal(peer_heard(PEER, FLAG_ACK | 8), own_next);
    peer_send(PEER, port, FLAG_ACK, 1001, own_next + 200, 0);
    connection_close(driver.connection);
    settle();
    assert_int_equal(driver.sent_count, before + 1);
    tcp_abort(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_is_answered_and_may_die),
        cmocka_unit_test(a_driver_that_takes_no_pools_costs_no_handles),
        cmocka_unit_test(frames_that_are_out_are_asked_for),
        cmocka_unit_test(frames_of_noise_do_no_harm),
        cmocka_unit_test(what_a_driver_took_along_is_sent_again_at_once),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

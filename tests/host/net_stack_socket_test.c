/*
 * Sockets of programs that keep to the rules: bytes and datagrams both ways, every kind of end, and
 * coming back when the stack does.
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
#include "net/udp_client.h"
#include "userland/net/client/tcp_link.h"

static void a_connection_reaches_the_listener(void **state)
{
    (void)state;
    connect_sides();
    assert_int_equal(near.connected, 1);
    assert_int_equal(far.accepted, 1);
    assert_non_null(far.socket);
    tcp_close(near.socket);
    tcp_client_flush(client);
    pass(500);
    assert_int_equal(far.fins, 1);
    tcp_close(far.socket);
    tcp_client_flush(client);
    pass(500);
    assert_int_equal(far.closes, 0);
    assert_clean();
}

static void bytes_arrive_in_order_both_ways(void **state)
{
    (void)state;
    connect_sides();
    near.to_send = 300000;
    far.to_send = 200000;
    side_send(&near);
    side_send(&far);
    tcp_client_flush(client);
    pass(5000);
    assert_received(&far, 300000);
    assert_received(&near, 200000);
    tcp_close(near.socket);
    tcp_close(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void a_shut_side_goes_on_receiving(void **state)
{
    (void)state;
    connect_sides();
    near.to_send = 1000;
    side_send(&near);
    tcp_shutdown(near.socket);
    tcp_client_flush(client);
    pass(500);
    assert_received(&far, 1000);
    assert_int_equal(far.fins, 1);
    far.to_send = 30000;
    side_send(&far);
    assert_int_equal(far.sent, 30000);
    tcp_shutdown(far.socket);
    tcp_client_flush(client);
    pass(3000);
    assert_received(&near, 30000);
    assert_int_equal(near.fins, 1);
    assert_int_equal(near.closes, 1);
    assert_int_equal(near.why, STATUS_CLOSED);
    assert_int_equal(far.closes, 1);
    assert_clean();
}

static void an_end_in_order_waits_for_the_reader(void **state)
{
    (void)state;
    connect_sides();
    far.is_lazy = true;
    tcp_shutdown(far.socket);
    near.to_send = 20000;
    side_send(&near);
    tcp_shutdown(near.socket);
    tcp_client_flush(client);
    pass(3000);
    assert_int_equal(near.closes, 1);
    assert_int_equal(far.closes, 0);
    assert_int_equal(tcp_received_bytes(far.socket), 20000);
    far.is_lazy = false;
    side_read(far.socket);
    tcp_client_flush(client);
    assert_received(&far, 20000);
    assert_int_equal(far.closes, 1);
    assert_int_equal(far.why, STATUS_CLOSED);
    assert_clean();
}

static void closing_sends_what_is_buffered_first(void **state)
{
    (void)state;
    connect_sides();
    near.to_send = 30000;
    side_send(&near);
    assert_int_equal(near.sent, 30000);
    tcp_close(near.socket);
    tcp_client_flush(client);
    pass(2000);
    assert_received(&far, 30000);
    assert_int_equal(far.fins, 1);
    assert_int_equal(near.closes, 0);
    tcp_close(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void an_abort_resets_the_peer(void **state)
{
    (void)state;
    connect_sides();
    tcp_abort(near.socket);
    tcp_client_flush(client);
    pass(500);
    assert_int_equal(near.closes, 0);
    assert_int_equal(far.closes, 1);
    assert_int_equal(far.why, STATUS_PEER_DEAD);
    assert_clean();
}

static void nobody_listening_means_refused(void **state)
{
    (void)state;
    memset(&near, 0, sizeof near);
    assert_int_equal(tcp_connect(client, &own, 4, &side_handler, &near, &near.socket), STATUS_OK);
    pass(500);
    assert_int_equal(near.connected, 0);
    assert_int_equal(near.closes, 1);
    assert_int_equal(near.why, STATUS_PEER_DEAD);
}

static void who_does_not_read_stops_only_his_peer(void **state)
{
    struct side stuck_near, stuck_far;

    (void)state;
    connect_sides();
    far.is_lazy = true;
    near.to_send = 390000;
    side_send(&near);
    tcp_client_flush(client);
    pass(3000);
    assert_true(near.sent < 390000);
    assert_true(tcp_received_bytes(far.socket) > 50000);
    stuck_near = near;
    stuck_far = far;
    tcp_set_context(near.socket, &stuck_near);
    tcp_set_context(far.socket, &stuck_far);

    connect_sides();
    near.to_send = 10000;
    side_send(&near);
    tcp_client_flush(client);
    pass(1000);
    assert_received(&far, 10000);
    tcp_close(near.socket);
    tcp_close(far.socket);

    stuck_far.is_lazy = false;
    side_read(stuck_far.socket);
    tcp_client_flush(client);
    pass(10000);
    assert_received(&stuck_far, 390000);
    tcp_close(stuck_near.socket);
    tcp_close(stuck_far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void a_listener_takes_no_more_than_it_said(void **state)
{
    struct tcp_listener *listener;
    struct tcp_socket *sockets[6];

    (void)state;
    memset(&near, 0, sizeof near);
    memset(&far, 0, sizeof far);
    assert_int_equal(tcp_listen(client, 999, 4, &side_handler, &far, &listener), STATUS_OK);
    settle();
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(tcp_connect(client, &own, 999, &side_handler, &near, &sockets[i]),
                         STATUS_OK);
    pass(500);
    assert_int_equal(near.connected, 6);
    assert_int_equal(far.accepted, 4);
    for (unsigned i = 0; i < 4; i++)
        tcp_abort(sockets[i]);
    tcp_client_flush(client);
    pass(500);
    assert_int_equal(far.accepted, 6);
    tcp_abort(sockets[4]);
    tcp_abort(sockets[5]);
    tcp_client_flush(client);
    assert_clean();
}

static unsigned datagrams;

static void on_datagram(struct udp_socket *socket, const struct net_address *from, uint16_t port,
                        const uint8_t *data, size_t length, void *context)
{
    (void)context;
    datagrams++;
    assert_memory_equal(from, &own, sizeof own);
    if (length == 4 && memcmp(data, "ping", 4) == 0)
        assert_int_equal(udp_send(socket, from, port, "pong!", 5), STATUS_OK);
}

static void datagrams_come_and_go(void **state)
{
    struct udp_client *udp;
    struct udp_socket *server, *asker;
    unsigned refusals = 0;

    (void)state;
    assert_int_equal(udp_client_open(&udp), STATUS_OK);
    settle();
    assert_int_equal(udp_bind(udp, 7, on_datagram, NULL, &server), STATUS_OK);
    assert_int_equal(udp_bind(udp, 0, on_datagram, NULL, &asker), STATUS_OK);
    settle();
    for (unsigned i = 0; i < 100; i++) {
        refusals += udp_send(asker, &own, 7, "ping", 4) != STATUS_OK;
        if (i % 8 == 7) {
            udp_client_flush(udp);
            pass(50);
        }
    }
    udp_client_flush(udp);
    pass(100);
    assert_int_equal(refusals, 0);
    assert_int_equal(datagrams, 200);
    udp_close(server);
    udp_close(asker);
    pass(100);
    assert_int_equal(counters().udp_sockets, 0);
    assert_clean();
}

/* The stack comes up again while memory is short, here the launcher's: not the last word. */
static void a_failed_reopening_is_tried_again(void **state)
{
    static const enum status passing[] = {STATUS_OUT_OF_MEMORY, STATUS_OUT_OF_QUOTA};
    struct udp_client *udp;
    struct udp_socket *socket;

    (void)state;
    connect_sides();
    assert_int_equal(udp_client_open(&udp), STATUS_OK);
    assert_int_equal(udp_bind(udp, 0, on_datagram, NULL, &socket), STATUS_OK);
    settle();
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        fake_connect_answer(passing[i]);
        connection_fail(&client->connection);
        connection_fail((struct connection *)(void *)udp); /* which comes first in it */
        settle();
        assert_int_equal(client->connection.state, CONNECTION_CLOSED);
        assert_int_equal(udp_send(socket, &own, 9, "lost", 4), STATUS_WOULD_BLOCK);
        pass(1000);
        pass(1000);
        fake_connect_answer(STATUS_OK);
        pass(1000);
        pass(1000);
        assert_int_equal(client->connection.state, CONNECTION_OPENED);
        assert_int_equal(udp_send(socket, &own, 9, "sent", 4), STATUS_OK);
        udp_client_flush(udp);
        connect_sides();
        assert_int_equal(far.accepted, 1);
    }
    tcp_abort(near.socket);
    tcp_client_flush(client);
    udp_close(socket);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_reaches_the_listener),
        cmocka_unit_test(bytes_arrive_in_order_both_ways),
        cmocka_unit_test(a_shut_side_goes_on_receiving),
        cmocka_unit_test(an_end_in_order_waits_for_the_reader),
        cmocka_unit_test(closing_sends_what_is_buffered_first),
        cmocka_unit_test(an_abort_resets_the_peer),
        cmocka_unit_test(nobody_listening_means_refused),
        cmocka_unit_test(who_does_not_read_stops_only_his_peer),
        cmocka_unit_test(a_listener_takes_no_more_than_it_said),
        cmocka_unit_test(datagrams_come_and_go),
        cmocka_unit_test(a_failed_reopening_is_tried_again),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

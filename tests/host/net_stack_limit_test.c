/*
 * A program that wants all there is: limits are counted by program, however many connections it
 * has, so others get theirs.
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
#include "net/status_client.h"
#include "tests/host/net_stack/liar.h"

/* Send `m` `count` times over each of two connections; how many answers said OK. */
static unsigned ask_for_all(struct connection *two, const char *service, struct net_message m,
                            unsigned count)
{
    struct net_message answer;
    unsigned granted = 0;

    for (struct connection *c = two; c < two + 2; c++) {
        *c = (struct connection){0};
        liar_open(c, service);
        for (unsigned i = 0; i < count; i++) {
            m.port++;
            liar_send(c, &m);
        }
        pass(100);
        while (liar_receive(c, &answer))
            granted += answer.status == STATUS_OK;
    }
    return granted;
}

static void listeners_are_counted_by_program(void **state)
{
    const struct net_message listen = {.kind = NET_TCP_LISTEN, .port = 6000};
    struct connection two[2];

    (void)state;
    assert_int_equal(ask_for_all(two, NET_TCP_SERVICE, listen, 20), NET_TCP_LISTENERS_MAX);
    connection_close(&two[0]);
    connection_close(&two[1]);
    settle();
}

static void a_listener_that_finds_no_place_waits_for_one(void **state)
{
    enum { LATE_PORT = 7000 };
    const struct net_message listen = {.kind = NET_TCP_LISTEN, .port = 6000};
    struct tcp_client *late;
    struct tcp_listener *listener;
    struct connection two[2];

    (void)state;
    memset(&near, 0, sizeof near);
    memset(&far, 0, sizeof far);
    assert_int_equal(ask_for_all(two, NET_TCP_SERVICE, listen, 4), NET_TCP_LISTENERS_MAX);
    fake_connect_as(LIAR);
    assert_int_equal(tcp_client_open(NULL, &late), STATUS_OK);
    settle();
    fake_connect_as(FAKE_SERVER);
    const unsigned lines = fake_lines();
    assert_int_equal(tcp_listen(late, LATE_PORT, 10, &side_handler, &far, &listener), STATUS_OK);
    pass(1000);
    pass(1000);
    assert_int_equal(fake_lines(), lines + 1);
    connection_close(&two[0]);
    connection_close(&two[1]);
    pass(1000);
    assert_int_equal(tcp_connect(client, &own, LATE_PORT, &side_handler, &near, &near.socket),
                     STATUS_OK);
    pass(100);
    assert_int_equal(far.accepted, 1);
    tcp_abort(near.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void udp_sockets_are_counted_by_program(void **state)
{
    const struct net_message bind = {.kind = NET_UDP_BIND, .port = 6000};
    struct connection two[2];

    (void)state;
    assert_int_equal(ask_for_all(two, NET_UDP_SERVICE, bind, 30), NET_UDP_SOCKETS_MAX);
    connection_close(&two[0]);
    connection_close(&two[1]);
    settle();
    assert_int_equal(counters().udp_sockets, 0);
}

static void tcp_sockets_are_counted_by_program(void **state)
{
    const struct net_message connect = {
        .kind = NET_TCP_CONNECT, .port = 80, .address = net_address_v4(10, 0, 2, 77)};
    const uint64_t before = counters().tcp_sockets;
    struct connection two[2];

    (void)state;
    for (struct connection *c = two; c < two + 2; c++) {
        *c = (struct connection){0};
        liar_open(c, NET_TCP_SERVICE);
        for (unsigned i = 0; i < 600; i++) {
            liar_send(c, &connect);
            driver_report();
        }
    }
    assert_in_range(counters().tcp_sockets - before, 1000, NET_TCP_SOCKETS_MAX);
    connect_sides();
    assert_int_equal(far.accepted, 1);
    tcp_abort(near.socket);
    tcp_client_flush(client);
    connection_close(&two[0]);
    connection_close(&two[1]);
    assert_clean();
}

static unsigned resolutions;
static enum status resolve_status;

static void on_resolved(enum status s, const struct net_address *address, void *context)
{
    (void)address;
    (void)context;
    resolutions++;
    resolve_status = s;
}

/* No server answers: who asked first has lwIP's places for long. */
static void names_are_looked_up_for_every_program(void **state)
{
    struct net_message resolve = {.kind = NET_STATUS_RESOLVE, .length = 6};
    struct net_status_client *status;
    struct net_message answer;
    struct connection two[2];
    unsigned refused = 0;

    (void)state;
    for (struct connection *c = two; c < two + 2; c++) {
        *c = (struct connection){0};
        liar_open(c, NET_STATUS_SERVICE);
        uint64_t bytes;
        uint8_t *names = connection_buffer(c, &bytes);
        for (unsigned i = 0; i < NET_STATUS_REQUESTS_MAX; i++) {
            memcpy(names + i * resolve.length, "host.x", resolve.length);
            names[i * resolve.length] = (uint8_t)('a' + i + (c > two ? 8 : 0));
            resolve.offset = i * resolve.length;
            resolve.socket = i;
            liar_send(c, &resolve);
        }
        while (liar_receive(c, &answer))
            refused += answer.status == STATUS_WOULD_BLOCK;
    }
    assert_int_equal(refused, NET_STATUS_REQUESTS_MAX);

    assert_int_equal(net_status_open(&status), STATUS_OK);
    settle();
    assert_int_equal(net_status_resolve(status, "www.x", on_resolved, NULL), STATUS_OK);
    settle();
    assert_int_equal(resolutions, 0);
    for (unsigned s = 0; s < 60; s++)
        pass(1000);
    assert_int_equal(resolutions, 1);
    assert_int_equal(resolve_status, STATUS_NOT_FOUND);
    net_status_close(status);
    connection_close(&two[0]);
    connection_close(&two[1]);
    settle();
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_counted_by_program),
        cmocka_unit_test(a_listener_that_finds_no_place_waits_for_one),
        cmocka_unit_test(udp_sockets_are_counted_by_program),
        cmocka_unit_test(tcp_sockets_are_counted_by_program),
        cmocka_unit_test(names_are_looked_up_for_every_program),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

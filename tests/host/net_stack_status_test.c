/*
 * What net:Status tells of the interface, of sockets and of names, and its pings.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "net/status_client.h"
#include "tests/host/net_stack/liar.h"
#include "tests/host/net_stack/peer.h"

static struct net_interface_record interface_seen;
static unsigned sockets_seen, pongs;
static enum status ping_status;

static void on_interface(enum status s, const struct net_interface_record *record, void *context)
{
    (void)context;
    assert_int_equal(s, STATUS_OK);
    interface_seen = *record;
}

static void on_sockets(enum status s, const struct net_socket_record *records, size_t count,
                       void *context)
{
    (void)context;
    assert_int_equal(s, STATUS_OK);
    for (size_t i = 0; i < count; i++)
        sockets_seen += records[i].state == NET_SOCKET_LISTENING;
}

static void on_pong(enum status s, const struct net_address *from, uint32_t us, void *context)
{
    (void)from;
    (void)us;
    (void)context;
    ping_status = s;
    pongs++;
}

static void status_is_told_and_pings_run(void **state)
{
    const struct net_address nobody = net_address_v4(10, 0, 2, 77);
    struct net_status_client *status;

    (void)state;
    listen_for_sides();
    assert_int_equal(net_status_open(&status), STATUS_OK);
    settle();
    assert_int_equal(net_status_interface(status, on_interface, NULL), STATUS_OK);
    assert_int_equal(net_status_sockets(status, 0, on_sockets, NULL), STATUS_OK);
    assert_int_equal(net_status_ping(status, &own, 56, on_pong, NULL), STATUS_OK);
    pass(100);
    assert_true(interface_seen.has_driver && interface_seen.is_up);
    assert_memory_equal(&interface_seen.addresses[0].address, &own, sizeof own);
    assert_true(sockets_seen > 0);
    assert_int_equal(pongs, 1);
    assert_int_equal(ping_status, STATUS_OK);

    assert_int_equal(net_status_ping(status, &nobody, 56, on_pong, NULL), STATUS_OK);
    pass(6000);
    assert_int_equal(pongs, 2);
    assert_int_equal(ping_status, STATUS_TIMED_OUT);
    net_status_close(status);
    settle();
    assert_clean();
}

/* The gateway's hardware address is known, so the frame would leave at once. */
static void a_ping_without_a_driver_says_so(void **state)
{
    const struct net_address gateway = net_address_v4(10, 0, 2, 2);
    struct net_status_client *status;

    (void)state;
    driver_receive(arp_request, sizeof arp_request);
    settle();
    assert_int_equal(net_status_open(&status), STATUS_OK);
    settle();
    fake_service_up(false);
    connection_close(driver.connection);
    settle();
    pongs = 0;
    assert_int_equal(net_status_ping(status, &gateway, 56, on_pong, NULL), STATUS_OK);
    settle();
    assert_int_equal(pongs, 1);
    assert_int_equal(ping_status, STATUS_BAD_STATE);
    assert_int_equal(net_status_ping(status, &own, 56, on_pong, NULL), STATUS_OK);
    pass(100);
    assert_int_equal(pongs, 2);
    assert_int_equal(ping_status, STATUS_OK);
    fake_service_up(true);
    settle();
    const unsigned before = driver.sent_count;

    assert_int_equal(net_status_ping(status, &gateway, 56, on_pong, NULL), STATUS_OK);
    settle();
    assert_int_equal(driver.sent_count, before + 1);
    net_status_close(status);
    settle();
    assert_clean();
}

static unsigned resolutions;
static enum status resolve_status;
static struct net_address resolved;

static void on_resolved(enum status s, const struct net_address *address, void *context)
{
    (void)context;
    resolve_status = s;
    resolved = *address;
    resolutions++;
}

/* The name goes to the connection of now: the last one's memory is nobody's. */
static void a_name_is_looked_up_after_the_stack_was_gone(void **state)
{
    const struct net_address gateway = net_address_v4(10, 0, 2, 2);
    struct net_status_client *status;

    (void)state;
    assert_int_equal(net_status_open(&status), STATUS_OK);
    settle();
    connection_fail((struct connection *)(void *)status); /* which comes first in it */
    settle();
    assert_int_equal(net_status_resolve(status, "10.0.2.2", on_resolved, NULL), STATUS_OK);
    settle();
    assert_int_equal(resolutions, 1);
    assert_int_equal(resolve_status, STATUS_OK);
    assert_memory_equal(&resolved, &gateway, sizeof gateway);
    net_status_close(status);
    settle();
    assert_clean();
}

enum { SHOWN_PORT = 6100, SHOWN_BUFFER_BYTES = NET_TCP_SEND_BYTES_MAX };

static uint32_t shown_bytes; /* to its program, of the open connection to SHOWN_PORT */

static void on_shown(enum status s, const struct net_socket_record *records, size_t count,
                     void *context)
{
    (void)context;
    assert_int_equal(s, STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        if (records[i].local_port == SHOWN_PORT && records[i].state != NET_SOCKET_LISTENING)
            shown_bytes = records[i].queued_to_client_bytes;
    }
}

static uint32_t look_at_shown(void)
{
    struct net_status_client *status;

    shown_bytes = UINT32_MAX;
    assert_int_equal(net_status_open(&status), STATUS_OK);
    settle();
    assert_int_equal(net_status_sockets(status, 0, on_shown, NULL), STATUS_OK);
    settle();
    net_status_close(status);
    settle();
    return shown_bytes;
}

/* The next message of this kind; others are left out. */
static struct net_message liar_await(struct connection *c, uint16_t kind)
{
    struct net_message m = {0};

    while (m.kind != kind)
        assert_true(liar_receive(c, &m));
    return m;
}

static void a_chunk_that_comes_back_late_is_not_counted_twice(void **state)
{
    static const struct connection_config config = {
        .capacity = 64, .buffer_bytes = SHOWN_BUFFER_BYTES, .wanted_bytes = NET_STACK_BUFFER_BYTES};
    enum { PEER = 11, FRIEND = 79, BYTES = 200 };
    struct net_message m = {.kind = NET_TCP_LISTEN, .port = SHOWN_PORT, .count = 10};
    struct connection c = {0};

    (void)state;
    fake_connect_as(FRIEND);
    assert_int_equal(connection_open(&c, NET_TCP_SERVICE, &config, &liar_ops, NULL), STATUS_OK);
    fake_connect_as(FAKE_SERVER);
    liar_send(&c, &m);
    listen_for_peers();
    peer_window = 0;
    uint32_t own_next = peer_connect(PEER, SHOWN_PORT);
    peer_send(PEER, SHOWN_PORT, FLAG_ACK, 1001, own_next, BYTES);
    uint32_t socket = liar_await(&c, NET_TCP_ACCEPTED).socket;
    uint32_t chunk = liar_await(&c, NET_TCP_DATA).offset;
    assert_int_equal(look_at_shown(), BYTES);

    /* More than lwIP takes, so that it goes on after CLOSE. */
    m = (struct net_message){.kind = NET_TCP_SEND, .socket = socket, .length = SHOWN_BUFFER_BYTES};
    for (unsigned i = 0; i < 4; i++)
        liar_send(&c, &m);
    liar_send(&c, &(struct net_message){.kind = NET_TCP_CLOSE, .socket = socket});
    assert_int_equal(look_at_shown(), 0);
    liar_send(&c, &(struct net_message){.kind = NET_FREE, .offset = chunk});
    assert_int_equal(look_at_shown(), 0);
    peer_window = 30000;
    connection_close(&c);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_told_and_pings_run),
        cmocka_unit_test(a_ping_without_a_driver_says_so),
        cmocka_unit_test(a_name_is_looked_up_after_the_stack_was_gone),
        cmocka_unit_test(a_chunk_that_comes_back_late_is_not_counted_twice),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

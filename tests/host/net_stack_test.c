/*
 * The whole stack with its clients in one process: lwIP, the services, the client library and the
 * runtime as they are, over a kernel and a driver that the test plays.  Connections go through
 * lwIP's loop, to the stack's own address.
 */
// include first: tests/host/fake
// library: net_lwip_host
// source: tests/host/fake/fake_kernel.c
// source: tests/host/net_stack/status_client.c
// source: tests/host/net_stack/tcp_client.c
// source: tests/host/net_stack/tcp_connection.c
// source: tests/host/net_stack/tcp_socket.c
// source: tests/host/net_stack/udp_client.c
// source: userland/net/client/address.c
// source: userland/net/client/reopening.c
// source: userland/net/client/send_buffer.c
// source: userland/net/server/chance.c
// source: userland/net/server/checksum.c
// source: userland/net/server/checksum_offload.c
// source: userland/net/server/chunk_pool.c
// source: userland/net/server/client.c
// source: userland/net/server/clockwork.c
// source: userland/net/server/configuration.c
// source: userland/net/server/endpoint.c
// source: userland/net/server/endpoint_life.c
// source: userland/net/server/endpoint_output.c
// source: userland/net/server/endpoint_pool.c
// source: userland/net/server/endpoint_report.c
// source: userland/net/server/frame.c
// source: userland/net/server/handshake.c
// source: userland/net/server/interface.c
// source: userland/net/server/link_port.c
// source: userland/net/server/lwip_address.c
// source: userland/net/server/packet_memory.c
// source: userland/net/server/pinger.c
// source: userland/net/server/receive_pool.c
// source: userland/net/server/siphash.c
// source: userland/net/server/socket_table.c
// source: userland/net/server/stack.c
// source: userland/net/server/stack_counters.c
// source: userland/net/server/status_service.c
// source: userland/net/server/syn_cookie.c
// source: userland/net/server/tcp_service.c
// source: userland/net/server/transmit_queue.c
// source: userland/net/server/udp_service.c
// source: userland/runtime/src/app.c
// source: userland/runtime/src/client.c
// source: userland/runtime/src/connection.c
// source: userland/runtime/src/handle.c
// source: userland/runtime/src/loop.c
// source: userland/runtime/src/memory.c
// source: userland/runtime/src/ring.c
// source: userland/runtime/src/service.c
// source: userland/runtime/src/service_name.c
// source: userland/runtime/src/timer.c
// source: core/abi/status.c
#include "tests/host/net_stack/client_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "net/link.h"
#include "net/status_client.h"
#include "net/tcp_client.h"
#include "net/udp_client.h"
#include "rt/log.h"
#include "rt/service.h"
#include "userland/net/client/tcp_link.h"
#include "userland/net/server/chance.h"
#include "userland/net/server/clockwork.h"
#include "userland/net/server/interface.h"
#include "userland/net/server/link_port.h"
#include "userland/net/server/packet_memory.h"
#include "userland/net/server/receive_pool.h"
#include "userland/net/server/stack_counters.h"
#include "userland/net/server/status_service.h"
#include "userland/net/server/tcp_service.h"
#include "userland/net/server/udp_service.h"
#include "userland/runtime/src/program.h"

void lwip_init(void);

static nsec_t now_ns;

/* --- the driver --- */

enum { DRIVER_BUFFERS = 256, FRAME_BYTES_MAX = 1600 };

static struct {
    struct service service;
    struct connection *connection;
    struct memory transmit, receive;
    uint16_t posted[DRIVER_BUFFERS];
    unsigned posted_count;
    uint8_t sent[FRAME_BYTES_MAX]; /* the last frame that the stack sent */
    unsigned sent_length, sent_count;
    uint16_t unreported[DRIVER_BUFFERS];
    unsigned unreported_count;
    unsigned asked_count; /* how often the stack asked for what has left */
} driver;

static void driver_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    if (m->word[0] == LINK_OP_INFO) {
        *m = (struct portal_message){.word = {STATUS_OK, UINT64_C(0x563412005452), 1500, 0,
                                              DRIVER_BUFFERS, DRIVER_BUFFERS, 1}};
        return;
    }
    assert_int_equal(m->word[0], LINK_OP_POOLS);
    assert_int_equal(m->word[1] * m->word[2], RECEIVE_POOL_BYTES);
    assert_int_equal(memory_adopt(m->handle[0], RIGHT_READ, &driver.transmit), STATUS_OK);
    assert_int_equal(memory_adopt(m->handle[1], RIGHT_READ, &driver.receive), STATUS_OK);
    *m = (struct portal_message){.word = {STATUS_OK}};
    driver.connection = c;
    driver.posted_count = 0;
    driver.unreported_count = 0;
}

static void driver_transmit(const struct link_message *m)
{
    driver.sent_length = 0;
    driver.sent_count++;
    for (unsigned i = 0; i < m->count; i++) {
        assert_true(m->tx.offset[i] + m->tx.length[i] <= driver.transmit.length_bytes);
        memcpy(driver.sent + driver.sent_length,
               (const uint8_t *)driver.transmit.address + m->tx.offset[i], m->tx.length[i]);
        driver.sent_length += m->tx.length[i];
    }
    driver.unreported[driver.unreported_count++] = m->tx.cookie;
}

static void driver_messages(void *context, struct connection *c)
{
    struct ring_message raw;
    struct link_message m;

    (void)context;
    while (connection_receive(c, &raw)) {
        memcpy(&m, &raw, sizeof m);
        if (m.kind == LINK_TX) {
            driver_transmit(&m);
            continue;
        }
        assert_int_equal(m.kind, LINK_RX);
        driver.asked_count += m.count == 0;
        for (unsigned i = 0; i < m.count; i++)
            driver.posted[driver.posted_count++] = m.batch.number[i];
    }
}

static void driver_send(const struct link_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    assert_true(connection_send(driver.connection, &raw));
    connection_flush(driver.connection);
}

static void driver_report(void)
{
    while (driver.unreported_count > 0) {
        struct link_message m = {.kind = LINK_TX_DONE};
        while (m.count < LINK_BATCH && driver.unreported_count > 0)
            m.batch.number[m.count++] = driver.unreported[--driver.unreported_count];
        driver_send(&m);
    }
}

static void driver_receive(const uint8_t *frame, uint16_t length)
{
    assert_true(driver.posted_count > 0);
    uint16_t buffer = driver.posted[--driver.posted_count];
    struct link_message m = {.kind = LINK_RX_FILLED,
                             .filled = {.buffer = buffer, .length = length}};

    memcpy((uint8_t *)driver.receive.address + (size_t)buffer * RECEIVE_BUFFER_BYTES, frame,
           length);
    driver_send(&m);
}

static void driver_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)c;
    (void)why;
    memory_release(&driver.transmit);
    memory_release(&driver.receive);
}

static const struct connection_ops driver_ops = {
    .on_messages = driver_messages, .on_call = driver_call, .on_close = driver_close};

/* --- the machine --- */

static void settle(void)
{
    fake_time_limit(now_ns);
    fake_on_idle(loop_stop);
    loop_run();
}

/* Let `ms` milliseconds pass, with everything that is due in them. */
static void pass(unsigned ms)
{
    now_ns += ms * UINT64_C(1000000);
    settle();
}

static int start(void **state)
{
    static const uint8_t secret[CHANCE_SECRET_BYTES] = {1, 2, 3};
    struct configuration configuration;
    const char *bad;

    (void)state;
    fake_reset();
    now_ns = 1000000;
    fake_time(now_ns);
    loop_init();
    chance_init(secret);
    lwip_init();
    if (configuration_parse("address=10.0.2.15/24 gateway=10.0.2.2 dns=10.0.2.3", &configuration,
                            &bad)
            != STATUS_OK
        || service_offer("net:Link", NULL, &driver_ops, NULL, &driver.service) != STATUS_OK)
        return -1;
    interface_init(&configuration);
    if (link_port_start(interface_netif()) != STATUS_OK)
        return -1;
    interface_start();
    if (tcp_service_start() != STATUS_OK || udp_service_start() != STATUS_OK
        || status_service_start() != STATUS_OK)
        return -1;
    clockwork_start();
    settle();
    pass(3000);
    return 0;
}

static struct net_counters counters(void)
{
    struct net_counters c;

    stack_counters_fill(&c);
    return c;
}

static const struct net_address own = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 2, 15}};

/* --- a program with sockets --- */

enum { SIDE_BYTES_MAX = 400000 };

/* One end of a connection, with what it has seen. */
struct side {
    struct tcp_socket *socket; /* NULL: none, or closed */
    uint8_t received[SIDE_BYTES_MAX];
    size_t received_count, to_send, sent;
    unsigned accepted, connected, fins, closes;
    enum status why;
    bool is_lazy; /* leaves what it receives where it is */
};

static struct side near, far;
static struct tcp_client *client;

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static void side_send(struct side *s)
{
    uint8_t part[3000];

    while (s->sent < s->to_send) {
        size_t length = s->to_send - s->sent;
        length = length < sizeof part ? length : sizeof part;
        for (size_t i = 0; i < length; i++)
            part[i] = pattern(s->sent + i);
        size_t taken = tcp_send(s->socket, part, length);
        s->sent += taken;
        if (taken < length)
            return;
    }
}

static void on_accepted(struct tcp_socket *socket)
{
    struct side *s = tcp_context(socket);

    s->socket = socket;
    s->accepted++;
    side_send(s);
}

static void on_connected(struct tcp_socket *socket)
{
    struct side *s = tcp_context(socket);

    s->connected++;
    side_send(s);
}

static void on_readable(struct tcp_socket *socket)
{
    struct side *s = tcp_context(socket);

    if (!s->is_lazy)
        s->received_count += tcp_receive(socket, s->received + s->received_count,
                                         sizeof s->received - s->received_count);
}

static void on_writable(struct tcp_socket *socket)
{
    side_send(tcp_context(socket));
}

static void on_peer_fin(struct tcp_socket *socket)
{
    struct side *s = tcp_context(socket);

    s->fins++;
}

static void on_closed(struct tcp_socket *socket, enum status why)
{
    struct side *s = tcp_context(socket);

    s->closes++;
    s->why = why;
    s->socket = NULL;
}

static const struct tcp_handler handler = {
    .on_accepted = on_accepted,
    .on_connected = on_connected,
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_peer_fin = on_peer_fin,
    .on_closed = on_closed,
};

static void assert_received(const struct side *s, size_t count)
{
    assert_int_equal(s->received_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(s->received[i], pattern(i));
}

enum { PORT = 1001, FLOODS_PORT = 5001 };

/* Fresh sides, and a listener for the far one. */
static void listen_for_sides(void)
{
    static struct tcp_listener *listener;

    memset(&near, 0, sizeof near);
    memset(&far, 0, sizeof far);
    if (listener == NULL)
        assert_int_equal(tcp_listen(client, PORT, 10, &handler, &far, &listener), STATUS_OK);
    settle();
}

static void connect_sides(void)
{
    listen_for_sides();
    assert_int_equal(tcp_connect(client, &own, PORT, &handler, &near, &near.socket), STATUS_OK);
    settle();
    pass(100);
}

static int open_client(void **state)
{
    (void)state;
    if (client == NULL && tcp_client_open(NULL, &client) != STATUS_OK)
        return -1;
    settle();
    return 0;
}

/* Everything that connections used is free again once lwIP has forgotten them. */
static void assert_clean(void)
{
    driver_report();
    pass(60000);
    driver_report();
    pass(1000);
    assert_int_equal(counters().receive_buffers_held, 0);
    assert_int_equal(counters().packet_memory_bytes, 0);
}

/* --- claims --- */

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
    on_readable(far.socket);
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
    assert_int_equal(tcp_connect(client, &own, 4, &handler, &near, &near.socket), STATUS_OK);
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
    on_readable(stuck_far.socket);
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
    assert_int_equal(tcp_listen(client, 999, 4, &handler, &far, &listener), STATUS_OK);
    settle();
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(tcp_connect(client, &own, 999, &handler, &near, &sockets[i]), STATUS_OK);
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

/* Who has 10.0.2.15?  Tell 10.0.2.2 at 52:55:0a:00:02:02. */
static const uint8_t arp_request[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x55, 0x0a, 0, 2, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
    1,    0x52, 0x55, 10,   0,    2,    2,    10,   0,    2, 2, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15,
};

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

/* The gateway's hardware address is known by now, so the frame would leave at once. */
static void a_ping_without_a_driver_says_so(void **state)
{
    const struct net_address gateway = net_address_v4(10, 0, 2, 2);
    struct net_status_client *status;

    (void)state;
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

/* --- peers behind the gateway --- */

enum { PEER_FRAME_BYTES = 14 + 20 + 20, BACKLOG = 255, COOKIES_FROM = 32 };
enum { FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

static uint16_t sum_of(const uint8_t *data, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i += 2)
        sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static uint32_t get(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint16_t peer_window = 30000;

/* A segment from 11.0.x.x, port 5000, with `data_bytes` (even) of pattern() behind it. */
static void peer_send(uint16_t peer, uint16_t port, uint8_t flags, uint32_t sequence,
                      uint32_t acknowledged, uint16_t data_bytes)
{
    uint8_t frame[PEER_FRAME_BYTES + 512] = {0};
    uint8_t *ip = frame + 14, *tcp = ip + 20;
    uint16_t tcp_bytes = (uint16_t)(20 + data_bytes);

    memcpy(frame, "\x52\x54\x00\x12\x34\x56\x52\x55\x0a\x00\x02\x02\x08\x00", 14);
    memcpy(ip, "\x45\x00\x00\x00\x00\x00\x40\x00\x40\x06\x00\x00\x0b\x00", 14);
    put(ip + 2, 20U + tcp_bytes, 2);
    put(ip + 14, peer, 2);
    memcpy(ip + 16, "\x0a\x00\x02\x0f", 4);
    put(ip + 10, (uint16_t)~sum_of(ip, 20, 0), 2);
    put(tcp, 5000, 2);
    put(tcp + 2, port, 2);
    put(tcp + 4, sequence, 4);
    put(tcp + 8, acknowledged, 4);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put(tcp + 14, peer_window, 2);
    for (uint16_t i = 0; i < data_bytes; i++)
        tcp[20 + i] = pattern(i);
    put(tcp + 16, (uint16_t)~sum_of(tcp, tcp_bytes, sum_of(ip + 12, 8, 6U + tcp_bytes)), 2);
    driver_receive(frame, (uint16_t)(PEER_FRAME_BYTES + data_bytes));
    settle();
    driver_report();
}

/* What the stack said last was to this peer, with these flags; the sequence number. */
static uint32_t peer_heard(uint16_t peer, uint8_t flags)
{
    const uint8_t *ip = driver.sent + 14;

    assert_int_equal(get(ip + 16), 0x0b000000U | peer);
    assert_int_equal(ip[20 + 13], flags);
    return get(ip + 20 + 4);
}

static uint16_t listen_for_peers(void)
{
    listen_for_sides();
    driver_receive(arp_request, sizeof arp_request);
    settle();
    return PORT;
}

static void a_flood_of_syns_keeps_nobody_out(void **state)
{
    enum { FORGED = 1000, HONEST = 4000, LIAR = 5000 };
    struct net_counters before = counters();
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i < FORGED; i++) {
        peer_send(i, port, FLAG_SYN, i, 0, 0);
        (void)peer_heard(i, FLAG_SYN | FLAG_ACK);
    }
    assert_int_equal(counters().syn_cookies_sent - before.syn_cookies_sent, FORGED - COOKIES_FROM);

    /* Who answers is let in, with what it says at once; who guesses isn't. */
    peer_send(HONEST, port, FLAG_SYN, 77, 0, 0);
    uint32_t cookie = peer_heard(HONEST, FLAG_SYN | FLAG_ACK);
    peer_send(LIAR, port, FLAG_ACK, 78, cookie + 1, 0);
    (void)peer_heard(LIAR, FLAG_RST | FLAG_ACK);
    peer_send(HONEST, port, FLAG_ACK, 79, cookie + 1, 0);
    (void)peer_heard(HONEST, FLAG_RST | FLAG_ACK);
    peer_send(HONEST, port, FLAG_ACK, 78, cookie, 0);
    (void)peer_heard(HONEST, FLAG_RST | FLAG_ACK);
    assert_int_equal(far.accepted, 0);
    peer_send(HONEST, port, FLAG_ACK, 78, cookie + 1, 200);
    pass(300);
    assert_int_equal(far.accepted, 1);
    assert_received(&far, 200);
    assert_int_equal(counters().syn_cookies_honoured - before.syn_cookies_honoured, 1);
    far.to_send = 100;
    side_send(&far);
    tcp_client_flush(client);
    settle();
    assert_int_equal(peer_heard(HONEST, FLAG_ACK | 8), cookie + 1);
    tcp_abort(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void a_cookie_grows_old(void **state)
{
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i <= COOKIES_FROM; i++)
        peer_send(i, port, FLAG_SYN, i, 0, 0);
    uint32_t cookie = peer_heard(COOKIES_FROM, FLAG_SYN | FLAG_ACK);
    pass(33000);
    peer_send(COOKIES_FROM, port, FLAG_ACK, COOKIES_FROM + 1, cookie + 1, 0);
    (void)peer_heard(COOKIES_FROM, FLAG_RST | FLAG_ACK);
    assert_int_equal(far.accepted, 0);
    assert_clean();
}

/* A peer may use its port again while we still wait for late packets of the last connection. */
static void a_port_is_used_again_at_once(void **state)
{
    enum { PEER = 7, FLAG_FIN = 1 };
    uint16_t port = listen_for_peers();

    (void)state;
    peer_send(PEER, port, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(PEER, FLAG_SYN | FLAG_ACK) + 1;
    peer_send(PEER, port, FLAG_ACK, 1001, own_next, 0);
    assert_int_equal(far.accepted, 1);
    far.to_send = 1000;
    side_send(&far);
    tcp_close(far.socket);
    tcp_client_flush(client);
    settle();
    own_next += 1000 + 1;
    peer_send(PEER, port, FLAG_ACK, 1001, own_next, 0);
    peer_send(PEER, port, FLAG_ACK | FLAG_FIN, 1001, own_next, 0);

    /* An old SYN, late: the peer is told how far it was.  A new one begins beyond the last. */
    peer_send(PEER, port, FLAG_SYN, 900, 0, 0);
    (void)peer_heard(PEER, FLAG_ACK);
    peer_send(PEER, port, FLAG_SYN, 2000, 0, 0);
    uint32_t sequence = peer_heard(PEER, FLAG_SYN | FLAG_ACK);
    assert_true(sequence - own_next < INT32_MAX);
    peer_send(PEER, port, FLAG_ACK, 2001, sequence + 1, 100);
    pass(300);
    assert_int_equal(far.accepted, 2);
    assert_received(&far, 100);
    tcp_abort(far.socket);
    tcp_client_flush(client);
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

/* Real connections that nobody accepts fill the backlog; cookies don't get past its end. */
static void cookies_end_with_the_backlog(void **state)
{
    enum { CREDITS = 10 };
    struct net_counters before = counters();
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i < BACKLOG + CREDITS + 20; i++) {
        peer_send(i, port, FLAG_SYN, i, 0, 0);
        uint32_t sequence = peer_heard(i, FLAG_SYN | FLAG_ACK);
        peer_send(i, port, FLAG_ACK, i + 1U, sequence + 1, 0);
    }
    assert_int_equal(counters().syn_cookies_honoured - before.syn_cookies_honoured,
                     BACKLOG - COOKIES_FROM);
    for (uint16_t i = 0; i < BACKLOG + CREDITS + 20; i++)
        peer_send(i, port, FLAG_RST, i + 1U, 0, 0);
    assert_clean();
}

/* --- peers that read nothing --- */

/* A connection over which zeros are sent, as many as are taken. */
struct flood {
    size_t left; /* of them */
    struct tcp_socket *socket;
};

static struct flood *next_flood; /* of the next connection */

static void flood_send(struct tcp_socket *socket)
{
    static const uint8_t zeros[8192];
    struct flood *flood = tcp_context(socket);
    size_t taken = 1;

    flood->socket = socket;
    while (flood->left > 0 && taken > 0) {
        taken = tcp_send(socket, zeros, flood->left < sizeof zeros ? flood->left : sizeof zeros);
        flood->left -= taken;
    }
}

static void flood_begins(struct tcp_socket *socket)
{
    tcp_set_context(socket, next_flood);
    next_flood->socket = socket;
    flood_send(socket);
}

static void flood_ends(struct tcp_socket *socket, enum status why)
{
    struct flood *flood = tcp_context(socket);

    (void)why;
    flood->socket = NULL;
}

static const struct tcp_handler flood_handler = {
    .on_accepted = flood_begins, .on_writable = flood_send, .on_closed = flood_ends};

/* The stack's next sequence number. */
static uint32_t peer_connect(uint16_t peer, uint16_t port)
{
    peer_send(peer, port, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(peer, FLAG_SYN | FLAG_ACK) + 1;
    peer_send(peer, port, FLAG_ACK, 1001, own_next, 0);
    return own_next;
}

static uint16_t listen_for_floods(void)
{
    static struct tcp_listener *listener;

    if (listener == NULL)
        assert_int_equal(tcp_listen(client, FLOODS_PORT, 200, &flood_handler, NULL, &listener),
                         STATUS_OK);
    driver_receive(arp_request, sizeof arp_request);
    settle();
    return FLOODS_PORT;
}

/* Acknowledge all that the stack says until it has said `bytes`. */
static bool peer_reads(uint16_t peer, uint16_t port, uint32_t own_next, uint32_t bytes)
{
    uint32_t heard = 0;

    while (heard < bytes) {
        uint32_t length = driver.sent_length - PEER_FRAME_BYTES;
        uint32_t sequence = get(driver.sent + 14 + 20 + 4);
        if (get(driver.sent + 14 + 16) != (0x0b000000U | peer) || length == 0
            || sequence + length - own_next <= heard)
            return false;
        heard = sequence + length - own_next;
        peer_send(peer, port, FLAG_ACK, 1001, own_next + heard, 0);
    }
    return true;
}

/* Readers of nothing, who take all the memory that there is for them. */
enum { CROWD = 100 };
static struct flood crowd[CROWD];

static void crowd_comes(void)
{
    uint16_t port = listen_for_floods();

    peer_window = 0;
    for (uint16_t i = 0; i < CROWD; i++) {
        next_flood = &crowd[i];
        next_flood->left = SIZE_MAX;
        (void)peer_connect(i, port);
        assert_non_null(crowd[i].socket);
    }
    peer_window = 30000;
}

static void crowd_goes(void)
{
    for (unsigned i = 0; i < CROWD; i++)
        tcp_abort(crowd[i].socket);
    tcp_client_flush(client);
}

static void readers_of_nothing_leave_memory_to_others(void **state)
{
    enum { HONEST = 6000, BYTES = 20000 };

    (void)state;
    crowd_comes();
    uint16_t port = listen_for_peers();
    uint32_t own_next = peer_connect(HONEST, port);
    far.to_send = BYTES;
    side_send(&far);
    tcp_client_flush(client);
    settle();
    assert_true(peer_reads(HONEST, port, own_next, BYTES));
    tcp_abort(far.socket);
    crowd_goes();
    assert_clean();
}

/* Its peer acknowledges each probe: lwIP alone would keep it for as long as it does. */
static void what_nobody_reads_or_waits_for_goes_when_memory_is_short(void **state)
{
    enum { FEW = 5, BYTES = 125000 };
    static struct flood floods[FEW];
    uint16_t port = listen_for_floods();
    uint32_t own_next[FEW];

    (void)state;
    peer_window = 0;
    for (uint16_t i = 0; i < FEW; i++) {
        next_flood = &floods[i];
        next_flood->left = BYTES;
        own_next[i] = peer_connect(i, port);
        tcp_close(floods[i].socket);
        tcp_client_flush(client);
    }
    assert_true(counters().packet_memory_bytes > PACKET_MEMORY_BYTES / 3);
    for (unsigned i = 0; i < 8; i++) {
        pass(250);
        for (uint16_t peer = 0; peer < FEW; peer++)
            peer_send(peer, port, FLAG_ACK, 1001, own_next[peer], 0);
    }
    peer_window = 30000;
    assert_true(counters().packet_memory_bytes < PACKET_MEMORY_BYTES / 8);
    for (uint16_t peer = 0; peer < FEW; peer++)
        peer_send(peer, port, FLAG_RST, 1001, 0, 0);
    assert_clean();
}

/* --- a client that lies --- */

static unsigned expulsions;

static void on_expelled(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)c;
    (void)why;
    expulsions++;
}

static const struct connection_ops liar_ops = {.on_close = on_expelled};
static const struct connection_config liar_config = {
    .capacity = 64, .buffer_bytes = 8192, .wanted_bytes = NET_STACK_BUFFER_BYTES};

static struct connection liar;

/* A program of its own, with as many connections as it likes. */
enum { LIAR = 77 };

static void liar_open(struct connection *c, const char *service)
{
    fake_connect_as(LIAR);
    assert_int_equal(connection_open(c, service, &liar_config, &liar_ops, NULL), STATUS_OK);
    fake_connect_as(FAKE_SERVER);
}

static void liar_send(struct connection *c, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    if (connection_send(c, &raw))
        connection_flush(c);
    settle();
}

static bool liar_receive(struct connection *c, struct net_message *out)
{
    struct ring_message raw;

    if (!connection_receive(c, &raw))
        return false;
    memcpy(out, &raw, sizeof *out);
    return true;
}

static void lie(const struct net_message *m)
{
    if (liar.state != CONNECTION_OPENED)
        liar_open(&liar, NET_TCP_SERVICE);
    liar_send(&liar, m);
}

/* Though the stack takes it piece by piece, and each SEND asked for quiet. */
static void what_is_shut_is_told_to_the_last_byte(void **state)
{
    enum { PEER = 6001, SHUT_PORT = 6100, SENDS = 3, BYTES = 2500 };
    struct connection program = {0};
    struct net_message m = {.kind = NET_TCP_LISTEN, .port = SHUT_PORT, .count = 1};
    uint32_t told = 0;

    (void)state;
    crowd_comes();
    liar_open(&program, NET_TCP_SERVICE);
    liar_send(&program, &m);
    assert_true(liar_receive(&program, &m) && m.status == STATUS_OK);
    uint32_t own_next = peer_connect(PEER, SHUT_PORT);
    assert_true(liar_receive(&program, &m) && m.kind == NET_TCP_ACCEPTED);
    m = (struct net_message){
        .kind = NET_TCP_SEND, .socket = m.socket, .flags = NET_SEND_QUIET, .length = BYTES};
    for (unsigned i = 0; i < SENDS; i++)
        liar_send(&program, &m);
    m.kind = NET_TCP_SHUTDOWN;
    liar_send(&program, &m);
    assert_true(peer_reads(PEER, SHUT_PORT, own_next, SENDS * BYTES));
    while (liar_receive(&program, &m))
        told += m.kind == NET_TCP_SENT ? m.length : 0;
    assert_int_equal(told, SENDS * BYTES);
    connection_close(&program);
    crowd_goes();
    assert_clean();
}

static void rule_breakers_are_cut_off(void **state)
{
    static const struct net_message lies[] = {
        {.kind = 0},
        {.kind = 9999},
        {.kind = NET_FREE, .offset = 0},
        {.kind = NET_FREE, .offset = UINT32_MAX},
        {.kind = NET_TCP_DATA},
    };
    uint64_t before = counters().clients_expelled;

    (void)state;
    expulsions = 0;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        lie(&lies[i]);
    pass(100);
    assert_int_equal(counters().clients_expelled - before, sizeof lies / sizeof lies[0]);
}

static void random_messages_hurt_nobody_else(void **state)
{
    (void)state;
    srand(3);
    connect_sides();
    for (unsigned i = 0; i < 20000; i++) {
        struct net_message m = {
            .kind = (uint16_t)((unsigned)rand() % 8),
            .port = (uint16_t)(2000 + rand() % 4),
            .socket = (uint32_t)(rand() % 40),
            .offset = (uint32_t)(rand() % 9000),
            .length = (uint32_t)(rand() % 3000),
            .address = own,
        };
        if (m.kind == 0)
            m.kind = i % 100 == 0 ? NET_FREE : NET_TCP_LISTEN;
        if (i % 5 == 0)
            m.socket |= (uint32_t)(rand() % 8) << 16;
        lie(&m);
        if (i % 50 == 0)
            pass(50);
    }
    if (liar.state == CONNECTION_OPENED)
        connection_close(&liar);
    near.to_send = 100000;
    side_send(&near);
    tcp_client_flush(client);
    pass(5000);
    assert_received(&far, 100000);
    tcp_close(near.socket);
    tcp_close(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

/* --- a program that wants all there is --- */

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
    assert_int_equal(tcp_listen(late, LATE_PORT, 10, &handler, &far, &listener), STATUS_OK);
    pass(1000);
    pass(1000);
    assert_int_equal(fake_lines(), lines + 1);
    connection_close(&two[0]);
    connection_close(&two[1]);
    pass(1000);
    assert_int_equal(tcp_connect(client, &own, LATE_PORT, &handler, &near, &near.socket),
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

/* --- what people are shown --- */

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

/* --- coming back --- */

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
        cmocka_unit_test_setup(a_connection_reaches_the_listener, open_client),
        cmocka_unit_test(bytes_arrive_in_order_both_ways),
        cmocka_unit_test(a_shut_side_goes_on_receiving),
        cmocka_unit_test(an_end_in_order_waits_for_the_reader),
        cmocka_unit_test(closing_sends_what_is_buffered_first),
        cmocka_unit_test(an_abort_resets_the_peer),
        cmocka_unit_test(nobody_listening_means_refused),
        cmocka_unit_test(who_does_not_read_stops_only_his_peer),
        cmocka_unit_test(a_listener_takes_no_more_than_it_said),
        cmocka_unit_test(datagrams_come_and_go),
        cmocka_unit_test(status_is_told_and_pings_run),
        cmocka_unit_test(the_driver_is_answered_and_may_die),
        cmocka_unit_test(a_ping_without_a_driver_says_so),
        cmocka_unit_test(frames_that_are_out_are_asked_for),
        cmocka_unit_test(frames_of_noise_do_no_harm),
        cmocka_unit_test_setup(a_flood_of_syns_keeps_nobody_out, open_client),
        cmocka_unit_test(a_cookie_grows_old),
        cmocka_unit_test(a_port_is_used_again_at_once),
        cmocka_unit_test(what_a_driver_took_along_is_sent_again_at_once),
        cmocka_unit_test(cookies_end_with_the_backlog),
        cmocka_unit_test(readers_of_nothing_leave_memory_to_others),
        cmocka_unit_test(what_nobody_reads_or_waits_for_goes_when_memory_is_short),
        cmocka_unit_test(what_is_shut_is_told_to_the_last_byte),
        cmocka_unit_test(rule_breakers_are_cut_off),
        cmocka_unit_test(random_messages_hurt_nobody_else),
        cmocka_unit_test(listeners_are_counted_by_program),
        cmocka_unit_test(a_listener_that_finds_no_place_waits_for_one),
        cmocka_unit_test(udp_sockets_are_counted_by_program),
        cmocka_unit_test(tcp_sockets_are_counted_by_program),
        cmocka_unit_test(names_are_looked_up_for_every_program),
        cmocka_unit_test(a_chunk_that_comes_back_late_is_not_counted_twice),
        cmocka_unit_test(a_failed_reopening_is_tried_again),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

// include first: tests/host/fake
// library: net_lwip_host
// source: tests/host/fake/fake_kernel.c
// source: tests/host/net_stack/liar.c
// source: tests/host/net_stack/peer.c
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
#include "net_stack_fixture.h"

#include "fake_kernel.h"
#include "net/link.h"
#include "userland/net/server/chance.h"
#include "userland/net/server/clockwork.h"
#include "userland/net/server/interface.h"
#include "userland/net/server/link_port.h"
#include "userland/net/server/receive_pool.h"
#include "userland/net/server/stack_counters.h"
#include "userland/net/server/status_service.h"
#include "userland/net/server/tcp_service.h"
#include "userland/net/server/udp_service.h"
#include "userland/runtime/src/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void lwip_init(void);

struct driver driver;
struct side near, far;
struct tcp_client *client;

static nsec_t now_ns;

/* --- the driver --- */

static void driver_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    if (m->word[0] == LINK_OP_INFO) {
        *m = (struct portal_message){.word = {STATUS_OK, UINT64_C(0x563412005452), 1500, 0,
                                              DRIVER_BUFFERS, DRIVER_BUFFERS, 1}};
        return;
    }
    assert_int_equal(m->word[0], LINK_OP_POOLS);
    if (driver.is_refusing) {
        driver.refused_count++;
        m->word[0] = STATUS_BUSY;
        return;
    }
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

void driver_report(void)
{
    while (driver.unreported_count > 0) {
        struct link_message m = {.kind = LINK_TX_DONE};
        while (m.count < LINK_BATCH && driver.unreported_count > 0)
            m.batch.number[m.count++] = driver.unreported[--driver.unreported_count];
        driver_send(&m);
    }
}

void driver_receive(const uint8_t *frame, uint16_t length)
{
    assert_true(driver.posted_count > 0);
    uint16_t buffer = driver.posted[--driver.posted_count];
    struct link_message m = {.kind = LINK_RX_FILLED,
                             .filled = {.buffer = buffer, .length = length}};

    memcpy((uint8_t *)driver.receive.address + (size_t)buffer * RECEIVE_BUFFER_BYTES, frame,
           length);
    driver_send(&m);
}

void hold_buffers(unsigned count)
{
    static struct pbuf *held[RECEIVE_BUFFER_COUNT - DRIVER_BUFFERS];
    static unsigned held_count;

    while (held_count > count)
        pbuf_free(held[--held_count]);
    while (held_count < count) {
        uint16_t buffer;
        assert_true(receive_pool_post(&buffer));
        held[held_count] = receive_pool_filled(buffer, 60);
        assert_non_null(held[held_count]);
        held_count++;
    }
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

const uint8_t arp_request[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x55, 0x0a, 0, 2, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
    1,    0x52, 0x55, 10,   0,    2,    2,    10,   0,    2, 2, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15,
};

/* --- the machine --- */

void settle(void)
{
    fake_time_limit(now_ns);
    fake_on_idle(loop_stop);
    loop_run();
}

void pass(unsigned ms)
{
    now_ns += ms * UINT64_C(1000000);
    settle();
}

int start(void **state)
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
    if (tcp_client_open(NULL, &client) != STATUS_OK)
        return -1;
    settle();
    return 0;
}

struct net_counters counters(void)
{
    struct net_counters c;

    stack_counters_fill(&c);
    return c;
}

const struct net_address own = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 2, 15}};

/* --- a program with sockets --- */

uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

void side_send(struct side *s)
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

void side_read(struct tcp_socket *socket)
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

const struct tcp_handler side_handler = {
    .on_accepted = on_accepted,
    .on_connected = on_connected,
    .on_readable = side_read,
    .on_writable = on_writable,
    .on_peer_fin = on_peer_fin,
    .on_closed = on_closed,
};

void assert_received(const struct side *s, size_t count)
{
    assert_int_equal(s->received_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(s->received[i], pattern(i));
}

void listen_for_sides(void)
{
    static struct tcp_listener *listener;

    memset(&near, 0, sizeof near);
    memset(&far, 0, sizeof far);
    if (listener == NULL)
        assert_int_equal(tcp_listen(client, PORT, 10, &side_handler, &far, &listener), STATUS_OK);
    settle();
}

void connect_sides(void)
{
    listen_for_sides();
    assert_int_equal(tcp_connect(client, &own, PORT, &side_handler, &near, &near.socket),
                     STATUS_OK);
    settle();
    pass(100);
}

void assert_clean(void)
{
    driver_report();
    pass(60000);
    driver_report();
    pass(1000);
    assert_int_equal(counters().receive_buffers_held, 0);
    assert_int_equal(counters().packet_memory_bytes, 0);
}

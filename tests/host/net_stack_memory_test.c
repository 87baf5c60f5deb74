/*
 * Packet memory that is short, as peers read nothing: others go on, and who waits is told.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/net_stack/liar.h"
#include "tests/host/net_stack/peer.h"
#include "userland/net/server/packet_memory.h"

enum { FLOODS_PORT = 5001 };

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

/* A flood of `bytes` to this peer, whose program closes it at once; the stack's next number. */
static uint32_t peer_is_left(uint16_t peer, uint16_t port, size_t bytes)
{
    static struct flood flood;

    next_flood = &flood;
    flood.left = bytes;
    uint32_t own_next = peer_connect(peer, port);
    assert_non_null(flood.socket);
    tcp_close(flood.socket);
    tcp_client_flush(client);
    settle();
    assert_int_equal(flood.left, 0);
    return own_next;
}

/* More than the stack has places for, of which each takes next to no memory. */
static void what_nobody_waits_for_makes_room_for_who_comes(void **state)
{
    enum { MANY = 1200, FRESH = 5000, BYTES = 7 };
    static uint32_t own_next[MANY];
    uint16_t port = listen_for_floods();

    (void)state;
    peer_window = 0;
    for (uint16_t i = 0; i < MANY; i++)
        own_next[i] = peer_is_left(i, port, BYTES);
    for (unsigned i = 0; i < 8; i++) {
        pass(250);
        for (uint16_t peer = MANY / 2; peer < MANY; peer++)
            peer_send(peer, port, FLAG_ACK, 1001, own_next[peer], 0);
    }
    peer_window = 30000;
    (void)peer_connect(FRESH, listen_for_peers());
    assert_int_equal(far.accepted, 1);
    tcp_abort(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void what_nobody_waits_for_has_ten_seconds_without_progress(void **state)
{
    enum { READER = 5001, SILENT = 5002, WINDOW = 536, WINDOWS = 12, BYTES = 7 };
    uint16_t port = listen_for_floods();

    (void)state;
    peer_window = 0;
    uint32_t own_next = peer_is_left(SILENT, port, BYTES);
    for (unsigned s = 0; s < 8; s++) {
        pass(1000);
        peer_send(SILENT, port, FLAG_ACK, 1001, own_next, 0);
    }
    assert_true(counters().packet_memory_bytes > 0);
    for (unsigned s = 0; s < 4; s++) {
        pass(1000);
        peer_send(SILENT, port, FLAG_ACK, 1001, own_next, 0);
    }
    driver_report();
    settle();
    assert_int_equal(counters().packet_memory_bytes, 0);

    peer_window = WINDOW;
    own_next = peer_is_left(READER, port, (size_t)WINDOWS * WINDOW);
    for (unsigned i = 1; i <= WINDOWS / 2; i++) {
        pass(6000);
        assert_true(peer_reads(READER, port, own_next, i * WINDOW));
    }
    assert_true(peer_reads(READER, port, own_next, WINDOWS * WINDOW));
    peer_window = 30000;
    assert_clean();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_nothing_leave_memory_to_others),
        cmocka_unit_test(what_nobody_reads_or_waits_for_goes_when_memory_is_short),
        cmocka_unit_test(what_nobody_waits_for_makes_room_for_who_comes),
        cmocka_unit_test(what_nobody_waits_for_has_ten_seconds_without_progress),
        cmocka_unit_test(what_is_shut_is_told_to_the_last_byte),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

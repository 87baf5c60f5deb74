/*
 * A client that names the sockets of another, which everybody can look up: the stack does nothing
 * about them for it and tells it nothing, and whose they are doesn't notice.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/status_client.h"
#include "net/udp_client.h"
#include "tests/host/net_stack/liar.h"

enum { SOCKETS_MAX = 8, FULL_PORT = 2001, LIARS_PORT = 2002, UDP_PORT = 7 };

/* --- all sockets that there are, as anybody is shown them --- */

static struct net_status_client *status;

static struct sockets {
    struct net_socket_record record[SOCKETS_MAX];
    size_t count;
} seen;

static void on_sockets(enum status s, const struct net_socket_record *records, size_t count,
                       void *context)
{
    (void)context;
    assert_int_equal(s, STATUS_OK);
    assert_in_range(count, 1, SOCKETS_MAX);
    memcpy(seen.record, records, count * sizeof records[0]);
    seen.count = count;
}

static struct sockets look(void)
{
    memset(&seen, 0, sizeof seen);
    assert_int_equal(net_status_sockets(status, 0, on_sockets, NULL), STATUS_OK);
    settle();
    return seen;
}

static int open_clients(void **state)
{
    if (start(state) != 0 || net_status_open(&status) != STATUS_OK)
        return -1;
    settle();
    return 0;
}

/* --- lies --- */

/* The same about each socket: there is no answer and no change. */
static void lie_about_all(struct connection *liar, struct net_message lie)
{
    const struct sockets before = look();
    const uint64_t expelled = counters().clients_expelled;
    struct net_message answer;

    for (size_t i = 0; i < before.count; i++) {
        lie.socket = before.record[i].socket;
        liar_send(liar, &lie);
    }
    pass(1000);
    assert_false(liar_receive(liar, &answer));
    assert_int_equal(counters().clients_expelled, expelled);
    const struct sockets after = look();
    assert_memory_equal(&after, &before, sizeof before);
}

/* What the stack says to a message that is in order, the lies before it having been read. */
static struct net_message answer_to(struct connection *liar, struct net_message m)
{
    struct net_message answer = {0};

    liar_send(liar, &m);
    pass(100);
    assert_true(liar_receive(liar, &answer));
    return answer;
}

/* Chunks are numbered by connection: the liar has none at this offset, and loses its connection. */
static void free_what_another_has(struct connection *liar, uint32_t offset)
{
    const struct sockets before = look();
    const uint64_t expelled = counters().clients_expelled;

    liar_send(liar, &(struct net_message){.kind = NET_FREE, .offset = offset});
    pass(1000);
    assert_int_equal(counters().clients_expelled, expelled + 1);
    assert_int_not_equal(liar->state, CONNECTION_OPENED);
    const struct sockets after = look();
    assert_memory_equal(&after, &before, sizeof before);
}

/* --- claims --- */

static struct side taken, waiting, server;

/* It takes one connection, whose bytes lie unread in chunks; another waits for its turn. */
static void fill_listener(void)
{
    struct tcp_listener *listener;

    assert_int_equal(tcp_listen(client, FULL_PORT, 1, &side_handler, &server, &listener),
                     STATUS_OK);
    settle();
    assert_int_equal(tcp_connect(client, &own, FULL_PORT, &side_handler, &taken, &taken.socket),
                     STATUS_OK);
    pass(1000);
    assert_int_equal(tcp_connect(client, &own, FULL_PORT, &side_handler, &waiting, &waiting.socket),
                     STATUS_OK);
    server.is_lazy = true;
    taken.to_send = 20000;
    side_send(&taken);
    tcp_client_flush(client);
    pass(3000);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(waiting.connected, 1);
    assert_int_equal(tcp_received_bytes(server.socket), 20000);
}

static void who_names_connections_of_another_does_nothing_to_them(void **state)
{
    static const uint16_t kinds[] = {NET_TCP_ACCEPT, NET_TCP_SEND, NET_TCP_SHUTDOWN, NET_TCP_CLOSE,
                                     NET_TCP_ABORT};
    struct connection liar = {0};

    (void)state;
    fill_listener();
    assert_int_equal(look().count, 5);
    liar_open(&liar, NET_TCP_SERVICE);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        lie_about_all(&liar, (struct net_message){.kind = kinds[i], .length = 100});
        assert_int_equal(server.accepted, 1);
    }
    struct net_message m = {.kind = NET_TCP_LISTEN, .port = FULL_PORT, .count = 10};
    assert_int_equal(answer_to(&liar, m).status, STATUS_BUSY);
    m.port = LIARS_PORT;
    m = answer_to(&liar, m);
    assert_int_equal(m.status, STATUS_OK);
    m.kind = NET_TCP_ABORT;
    assert_int_equal(answer_to(&liar, m).kind, NET_TCP_CLOSED);
    free_what_another_has(&liar, 0);

    server.is_lazy = false;
    side_read(server.socket);
    taken.to_send = 100000;
    side_send(&taken);
    server.to_send = 50000;
    side_send(&server);
    tcp_client_flush(client);
    pass(3000);
    assert_received(&server, 100000);
    assert_received(&taken, 50000);
    assert_int_equal(taken.fins + taken.closes + waiting.closes + server.fins + server.closes, 0);
    assert_int_equal(server.accepted, 1);

    /* Its turn comes by what the listener's own client does. */
    tcp_abort(taken.socket);
    tcp_client_flush(client);
    pass(500);
    assert_int_equal(server.accepted, 2);
    tcp_abort(waiting.socket);
    tcp_client_flush(client);
    assert_clean();
}

static unsigned pings, pongs;

static void on_datagram(struct udp_socket *socket, const struct net_address *from, uint16_t port,
                        const uint8_t *data, size_t length, void *context)
{
    (void)context;
    assert_memory_equal(from, &own, sizeof own);
    assert_int_equal(length, 4);
    if (memcmp(data, "pong", 4) == 0) {
        pongs++;
        return;
    }
    assert_memory_equal(data, "ping", 4);
    pings++;
    assert_int_equal(udp_send(socket, from, port, "pong", 4), STATUS_OK);
}

static void ping(struct udp_client *udp, struct udp_socket *asker)
{
    assert_int_equal(udp_send(asker, &own, UDP_PORT, "ping", 4), STATUS_OK);
    udp_client_flush(udp);
    pass(100);
}

static void who_names_udp_sockets_of_another_does_nothing_to_them(void **state)
{
    struct net_message lie = {.kind = NET_UDP_SEND, .port = UDP_PORT, .length = 4, .address = own};
    struct connection liar = {0};
    struct udp_client *udp;
    struct udp_socket *echo, *asker;

    (void)state;
    assert_int_equal(udp_client_open(&udp), STATUS_OK);
    settle();
    assert_int_equal(udp_bind(udp, UDP_PORT, on_datagram, NULL, &echo), STATUS_OK);
    assert_int_equal(udp_bind(udp, 0, on_datagram, NULL, &asker), STATUS_OK);
    settle();
    ping(udp, asker);
    assert_int_equal(pongs, 1);

    liar_open(&liar, NET_UDP_SERVICE);
    lie_about_all(&liar, lie);
    lie.kind = NET_UDP_UNBIND;
    lie_about_all(&liar, lie);
    struct net_message m = {.kind = NET_UDP_BIND, .port = UDP_PORT};
    assert_int_equal(answer_to(&liar, m).status, STATUS_BUSY);
    m.port = LIARS_PORT;
    m = answer_to(&liar, m);
    assert_int_equal(m.status, STATUS_OK);
    m.kind = NET_UDP_UNBIND;
    assert_int_equal(answer_to(&liar, m).kind, NET_UDP_CLOSED);
    free_what_another_has(&liar, 0);

    ping(udp, asker);
    assert_int_equal(pings, 2);
    assert_int_equal(pongs, 2);
    udp_close(echo);
    udp_close(asker);
    pass(100);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_names_connections_of_another_does_nothing_to_them),
        cmocka_unit_test(who_names_udp_sockets_of_another_does_nothing_to_them),
    };

    return cmocka_run_group_tests(tests, open_clients, NULL);
}

/*
 * echo: sends back what it gets, over TCP and UDP on port 7, and on TCP port 10 connects to where
 * the first line says ("10.0.2.2 8000") and passes bytes on, both ways.
 *
 * Shows the client library's three things: a listener, a connection of one's own, a datagram
 * socket; and what back-pressure takes: bytes are consumed only when they have found room.
 */
#include <stdlib.h>
#include <string.h>

#include "net/tcp_client.h"
#include "net/udp_client.h"
#include "rt/log.h"
#include "rt/loop.h"

enum {
    PORT_ECHO = 7,
    PORT_RELAY = 10,
    SOCKETS_MAX = 200,
    LINE_BYTES = 64,
};

/* Two sockets that pass on to each other; an echo is its own other end. */
struct pair {
    struct tcp_socket *ends[2]; /* NULL: gone, or not there yet */
};

static struct tcp_client *tcp;
static struct udp_client *udp;

static struct tcp_socket *other_end(struct tcp_socket *socket)
{
    struct pair *pair = tcp_context(socket);

    return pair->ends[0] == socket ? pair->ends[1] : pair->ends[0];
}

static void pass_on(struct tcp_socket *from)
{
    struct tcp_socket *to = other_end(from);
    const uint8_t *bytes;
    size_t length;

    while (to != NULL && (length = tcp_peek(from, &bytes)) > 0) {
        size_t sent = tcp_send(to, bytes, length);
        tcp_consume(from, sent);
        if (sent < length)
            return; /* on_writable of `to` goes on */
    }
    if (to != NULL && tcp_peer_has_finished(from) && tcp_received_bytes(from) == 0)
        tcp_shutdown(to);
}

static void on_writable(struct tcp_socket *socket)
{
    struct tcp_socket *from = other_end(socket);

    if (from != NULL)
        pass_on(from);
}

static void on_closed(struct tcp_socket *socket, enum status why)
{
    struct pair *pair = tcp_context(socket);
    struct tcp_socket *other = other_end(socket);

    if (other == NULL || other == socket) {
        free(pair);
        return;
    }
    /* After an end in order the other one still has bytes to send. */
    pair->ends[0] = other;
    pair->ends[1] = NULL;
    if (why != STATUS_CLOSED) {
        free(pair);
        tcp_abort(other);
    }
}

static const struct tcp_handler passing = {
    .on_connected = pass_on,
    .on_readable = pass_on,
    .on_writable = on_writable,
    .on_peer_fin = pass_on,
    .on_closed = on_closed,
};

static struct pair *pair_create(struct tcp_socket *socket)
{
    struct pair *pair = calloc(1, sizeof *pair);

    if (pair == NULL) {
        tcp_abort(socket);
        return NULL;
    }
    pair->ends[0] = socket;
    tcp_set_context(socket, pair);
    return pair;
}

static void on_echo(struct tcp_socket *socket)
{
    struct pair *pair = pair_create(socket);

    if (pair == NULL)
        return;
    pair->ends[1] = socket;
    tcp_set_handler(socket, &passing);
}

/* The first line of a relay: an address and a port. */
static bool read_target(struct tcp_socket *socket, struct net_address *address, uint16_t *port)
{
    const uint8_t *bytes;
    size_t length = tcp_peek(socket, &bytes);
    char line[LINE_BYTES] = {0};

    memcpy(line, bytes, length < sizeof line - 1 ? length : sizeof line - 1);
    char *end = strchr(line, '\n');
    char *space = strchr(line, ' ');
    if (end == NULL || space == NULL)
        return false;
    tcp_consume(socket, (size_t)(end - line) + 1);
    *space = '\0';
    *port = (uint16_t)strtoul(space + 1, NULL, 10);
    return net_address_parse(line, address);
}

static void on_relay_line(struct tcp_socket *socket)
{
    struct pair *pair = tcp_context(socket);
    struct net_address address;
    uint16_t port;

    if (!read_target(socket, &address, &port)
        || tcp_connect(tcp, &address, port, &passing, pair, &pair->ends[1]) != STATUS_OK) {
        free(pair);
        tcp_abort(socket);
        return;
    }
    tcp_set_handler(socket, &passing);
}

static const struct tcp_handler waiting_for_line = {
    .on_readable = on_relay_line,
    .on_closed = on_closed,
};

static void on_relay(struct tcp_socket *socket)
{
    if (pair_create(socket) != NULL)
        tcp_set_handler(socket, &waiting_for_line);
}

static const struct tcp_handler echo_listener = {.on_accepted = on_echo};
static const struct tcp_handler relay_listener = {.on_accepted = on_relay};

static void on_datagram(struct udp_socket *socket, const struct net_address *from, uint16_t port,
                        const uint8_t *data, size_t length, void *context)
{
    (void)context;
    if (udp_send(socket, from, port, data, length) != STATUS_OK)
        log_line("a datagram is lost");
}

static void insist(enum status s, const char *what)
{
    if (s != STATUS_OK)
        log_die("%s: %s", what, status_text(s));
}

int main(void)
{
    struct tcp_listener *listener;
    struct udp_socket *socket;

    insist(tcp_client_open(NULL, &tcp), "net:Tcp");
    insist(udp_client_open(&udp), "net:Udp");
    insist(tcp_listen(tcp, PORT_ECHO, SOCKETS_MAX, &echo_listener, NULL, &listener), "echo");
    insist(tcp_listen(tcp, PORT_RELAY, SOCKETS_MAX, &relay_listener, NULL, &listener), "relay");
    insist(udp_bind(udp, PORT_ECHO, on_datagram, NULL, &socket), "datagrams");
    loop_run();
    return 0;
}

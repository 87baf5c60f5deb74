/*
 * Datagrams are sent from fixed slots of the client's segment, used in turn: SENT gives them back
 * in the order in which each socket sent them.
 */
#include "net/udp_client.h"

#include <stdlib.h>
#include <string.h>

#include "net/protocol.h"
#include "reopening.h"
#include "rt/connection.h"
#include "rt/log.h"

enum {
    SLOTS = 32, /* of one socket, each for one datagram under way */
    DATAGRAM_BYTES = 1536,
    RECEIVED_BYTES_MAX = 64 * NET_CHUNK_BYTES,
};

struct udp_socket {
    struct udp_client *client;
    struct udp_socket *next;
    udp_handler handler;
    void *context;
    uint32_t number; /* 0: not bound now */
    uint32_t tag;
    uint32_t index; /* of its slots in the segment */
    uint16_t port;
    uint16_t lengths[SLOTS]; /* of the datagrams under way, the oldest at `first` */
    uint32_t first, count;
};

struct udp_client {
    struct connection connection;
    struct reopening reopening;
    struct udp_socket *sockets;
    uint32_t last_tag;
};

static bool send_message(struct udp_client *client, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    return connection_send(&client->connection, &raw);
}

static struct udp_socket *find(const struct udp_client *client, uint32_t number)
{
    struct udp_socket *s = client->sockets;

    while (s != NULL && s->number != number)
        s = s->next;
    return number != 0 ? s : NULL;
}

static void bind_socket(struct udp_socket *s)
{
    struct net_message m = {.kind = NET_UDP_BIND, .port = s->port, .tag = s->tag};

    if (!send_message(s->client, &m))
        log_line("no room to bind UDP port %u", s->port);
}

/* --- from the stack; false: it broke the protocol --- */

static bool take_bound(struct udp_client *client, const struct net_message *m)
{
    struct udp_socket *s = client->sockets;

    while (s != NULL && s->tag != m->tag)
        s = s->next;
    if (m->status != STATUS_OK) {
        log_line("no UDP port: %s", status_text((enum status)m->status));
        return true;
    }
    if (s != NULL) {
        s->number = m->socket;
        return true;
    }
    /* It was closed before it was bound. */
    struct net_message unbind = {.kind = NET_UDP_UNBIND, .socket = m->socket};
    return send_message(client, &unbind);
}

static bool take_datagram(struct udp_client *client, const struct net_message *m)
{
    struct udp_socket *s = find(client, m->socket);
    struct net_message give_back = {.kind = NET_FREE, .offset = m->offset};
    uint64_t limit;
    const uint8_t *base = connection_peer_buffer(&client->connection, &limit);

    if (base == NULL || m->offset > limit || m->length > limit - m->offset)
        return false;
    if (s != NULL)
        s->handler(s, &m->address, m->port, base + m->offset, m->length, s->context);
    return send_message(client, &give_back);
}

static bool take_sent(struct udp_client *client, const struct net_message *m)
{
    struct udp_socket *s = find(client, m->socket);
    uint32_t bytes = m->length;

    if (s == NULL)
        return true;
    while (s->count > 0 && bytes >= s->lengths[s->first]) {
        bytes -= s->lengths[s->first];
        s->first = (s->first + 1) % SLOTS;
        s->count--;
    }
    return bytes == 0;
}

static bool take(struct udp_client *client, const struct net_message *m)
{
    switch (m->kind) {
    case NET_UDP_BOUND:
        return take_bound(client, m);
    case NET_UDP_DATAGRAM:
        return take_datagram(client, m);
    case NET_UDP_SENT:
        return take_sent(client, m);
    case NET_UDP_CLOSED:
        return true;
    default:
        return false;
    }
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message raw;

    while (connection_receive(c, &raw)) {
        struct net_message m;
        memcpy(&m, &raw, sizeof m);
        if (!take(context, &m)) {
            connection_fail(c);
            return;
        }
    }
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    struct udp_client *client = context;

    (void)c;
    (void)config;
    reopening_end(&client->reopening);
    for (struct udp_socket *s = client->sockets; s != NULL; s = s->next)
        bind_socket(s);
    return STATUS_OK;
}

static void on_close(void *context, struct connection *c, enum status why)
{
    struct udp_client *client = context;

    for (struct udp_socket *s = client->sockets; s != NULL; s = s->next) {
        s->number = 0;
        s->count = 0;
    }
    reopening_begin(&client->reopening, c, why);
}

/* --- for programs --- */

enum status udp_client_open(struct udp_client **out)
{
    static const struct connection_ops ops = {
        .on_open = on_open, .on_messages = on_messages, .on_close = on_close};
    static const struct connection_config config = {
        .capacity = NET_RING_MESSAGES,
        .buffer_bytes = (uint64_t)NET_UDP_SOCKETS_MAX * SLOTS * DATAGRAM_BYTES,
        .wanted_bytes = RECEIVED_BYTES_MAX,
    };
    struct udp_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return STATUS_OUT_OF_MEMORY;
    enum status s = connection_start(&client->connection, NET_UDP_SERVICE, &config, &ops, client);
    if (s != STATUS_OK) {
        free(client);
        return s;
    }
    *out = client;
    return STATUS_OK;
}

void udp_client_flush(struct udp_client *client)
{
    connection_flush(&client->connection);
}

static bool index_is_taken(const struct udp_client *client, uint32_t index)
{
    const struct udp_socket *s = client->sockets;

    while (s != NULL && s->index != index)
        s = s->next;
    return s != NULL;
}

enum status udp_bind(struct udp_client *client, uint16_t port, udp_handler handler, void *context,
                     struct udp_socket **out)
{
    uint32_t index = 0;

    while (index < NET_UDP_SOCKETS_MAX && index_is_taken(client, index))
        index++;
    struct udp_socket *s = calloc(1, sizeof *s);
    if (index == NET_UDP_SOCKETS_MAX || s == NULL) {
        free(s);
        return STATUS_OUT_OF_MEMORY;
    }
    *s = (struct udp_socket){
        .client = client,
        .next = client->sockets,
        .handler = handler,
        .context = context,
        .tag = ++client->last_tag,
        .index = index,
        .port = port,
    };
    client->sockets = s;
    if (client->connection.state == CONNECTION_OPENED) {
        bind_socket(s);
        connection_flush(&client->connection);
    }
    *out = s;
    return STATUS_OK;
}

enum status udp_send(struct udp_socket *s, const struct net_address *to, uint16_t port,
                     const void *data, size_t length)
{
    uint64_t limit;
    uint8_t *base = connection_buffer(&s->client->connection, &limit);
    uint32_t slot = (s->first + s->count) % SLOTS;
    uint32_t offset = (s->index * SLOTS + slot) * DATAGRAM_BYTES;
    struct net_message m = {
        .kind = NET_UDP_SEND,
        .port = port,
        .socket = s->number,
        .offset = offset,
        .length = (uint32_t)length,
        .address = *to,
    };

    if (length > NET_UDP_BYTES_MAX)
        return STATUS_BAD_ARGUMENT;
    if (s->number == 0 || s->count == SLOTS)
        return STATUS_WOULD_BLOCK;
    memcpy(base + offset, data, length);
    if (!send_message(s->client, &m))
        return STATUS_WOULD_BLOCK;
    if (length > 0) { /* an empty one leaves nothing to give back */
        s->lengths[slot] = (uint16_t)length;
        s->count++;
    }
    return STATUS_OK;
}

void udp_close(struct udp_socket *s)
{
    struct net_message m = {.kind = NET_UDP_UNBIND, .socket = s->number};
    struct udp_socket **link = &s->client->sockets;

    if (s->number != 0 && !send_message(s->client, &m))
        log_line("no room to unbind UDP port %u", s->port);
    connection_flush(&s->client->connection);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    free(s);
}

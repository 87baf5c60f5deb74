/*
 * A TCP client as the program sees it: opening, listening, connecting.
 */
#include "net/tcp_client.h"

#include <stdlib.h>
#include <string.h>

#include "tcp_link.h"

static const struct tcp_client_limits default_limits = {
    .sockets = NET_TCP_SOCKETS_MAX,
    .send_buffer_bytes = NET_CLIENT_BUFFER_BYTES,
    .socket_send_bytes = NET_TCP_SENDS_MAX * SEND_CHUNK_BYTES,
};

enum status tcp_client_open(const struct tcp_client_limits *limits, struct tcp_client **out)
{
    struct tcp_client *client = calloc(1, sizeof *client);
    enum status s = STATUS_OUT_OF_MEMORY;

    if (client == NULL)
        return s;
    client->limits = limits != NULL ? *limits : default_limits;
    TAILQ_INIT(&client->all);
    TAILQ_INIT(&client->dirty);
    TAILQ_INIT(&client->waiting);
    client->pool.count = client->limits.send_buffer_bytes / SEND_CHUNK_BYTES;
    client->pool.chunks = calloc(client->pool.count, sizeof *client->pool.chunks);
    if (client->pool.chunks == NULL)
        goto no_chunks;
    s = tcp_connection_start(client);
    if (s != STATUS_OK)
        goto no_connection;
    *out = client;
    return STATUS_OK;

no_connection:
    free(client->pool.chunks);
no_chunks:
    free(client);
    return s;
}

void tcp_client_flush(struct tcp_client *client)
{
    tcp_connection_push(client);
    connection_flush(&client->connection);
}

enum status tcp_listen(struct tcp_client *client, uint16_t port, uint32_t sockets_max,
                       const struct tcp_handler *handler, void *context, struct tcp_listener **out)
{
    struct tcp_listener *l = calloc(1, sizeof *l);

    if (l == NULL)
        return STATUS_OUT_OF_MEMORY;
    *l = (struct tcp_listener){
        .client = client,
        .next = client->listeners,
        .handler = handler,
        .context = context,
        .tag = ++client->last_tag,
        .sockets_max = sockets_max,
        .port = port,
    };
    client->listeners = l;
    tcp_client_flush(client);
    *out = l;
    return STATUS_OK;
}

enum status tcp_connect(struct tcp_client *client, const struct net_address *address, uint16_t port,
                        const struct tcp_handler *handler, void *context, struct tcp_socket **out)
{
    struct net_message m = {
        .kind = NET_TCP_CONNECT, .port = port, .tag = ++client->last_tag, .address = *address};
    struct ring_message raw;

    if (client->connection.state != CONNECTION_OPENED)
        return STATUS_PEER_DEAD;
    if (client->socket_count >= client->limits.sockets)
        return STATUS_OUT_OF_MEMORY;

    struct tcp_socket *s = tcp_socket_create(client);
    if (s == NULL)
        return STATUS_OUT_OF_MEMORY;
    s->handler = handler;
    s->context = context;
    s->remote = *address;
    s->remote_port = port;
    s->tag = m.tag;
    memcpy(&raw, &m, sizeof raw);
    if (!connection_send(&client->connection, &raw)) {
        s->is_closing = true; /* it ends without a callback */
        tcp_socket_end(s, STATUS_OUT_OF_MEMORY);
        return STATUS_OUT_OF_MEMORY;
    }
    connection_flush(&client->connection);
    *out = s;
    return STATUS_OK;
}

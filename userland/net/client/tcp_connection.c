/*
 * A TCP client's connection to the stack: messages both ways, and starting again when it dies.
 */
#include <stdlib.h>
#include <string.h>

#include "rt/log.h"
#include "rt/time.h"
#include "tcp_link.h"

/* Between two tries of a port that somebody else has, or for which there was no room. */
#define LISTEN_AGAIN_NS (50 * NS_PER_MS)

static bool send_message(struct tcp_client *client, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    return connection_send(&client->connection, &raw);
}

/* --- to the stack; false: the ring is full, on_room goes on --- */

static bool push_frees(struct tcp_client *client)
{
    while (client->frees_count > 0) {
        uint32_t number = client->frees[client->frees_count - 1];
        struct net_message m = {.kind = NET_FREE, .offset = number * NET_CHUNK_BYTES};
        if (!send_message(client, &m))
            return false;
        client->frees_count--;
    }
    return true;
}

static bool push_listener(struct tcp_listener *l)
{
    struct net_message listen = {
        .kind = NET_TCP_LISTEN, .port = l->port, .tag = l->tag, .count = l->sockets_max};
    struct net_message accept = {
        .kind = NET_TCP_ACCEPT, .socket = l->number, .count = l->credits_owed};

    if (!l->is_told) {
        l->is_told = send_message(l->client, &listen);
        return l->is_told;
    }
    if (l->number == 0 || l->credits_owed == 0)
        return true;
    /* Few at a time aren't worth a message while the stack has enough others. */
    if (l->credits_owed < l->sockets_max / 4
        && l->sockets_open + l->credits_owed < l->sockets_max / 4 * 3)
        return true;
    if (!send_message(l->client, &accept))
        return false;
    l->credits_owed = 0;
    return true;
}

/* SENT may wait if nobody can come to wait for it: see NET_SEND_QUIET. */
static bool may_be_quiet(const struct tcp_socket *s)
{
    const struct tcp_client *client = s->client;

    return !s->is_room_wanted && s->sends_count < NET_TCP_SENDS_MAX / 2
           && s->send.unsent_bytes <= client->limits.socket_send_bytes / 2
           && client->pool.free_count >= client->pool.count / 2;
}

static bool push_sends(struct tcp_socket *s)
{
    struct net_message m = {.kind = NET_TCP_SEND, .socket = s->number};

    while (s->sends_count < NET_TCP_SENDS_MAX
           && send_queue_next(&s->client->pool, &s->send, &m.offset, &m.length)) {
        bool is_last = m.length == s->send.unhanded_bytes;
        m.flags =
            (uint16_t)((is_last ? 0 : NET_SEND_MORE) | (may_be_quiet(s) ? NET_SEND_QUIET : 0));
        if (!send_message(s->client, &m))
            return false;
        s->sends[(s->sends_first + s->sends_count) % NET_TCP_SENDS_MAX] = m.length;
        s->sends_count++;
        send_queue_handed(&s->client->pool, &s->send, m.length);
    }
    return true;
}

static bool push_end(struct tcp_socket *s)
{
    struct net_message m = {.kind = NET_TCP_SHUTDOWN, .socket = s->number};

    if (s->is_end_told || (s->is_shut_told && !s->is_closing) || !(s->is_shut || s->is_closing))
        return true;
    if (s->is_closing)
        m.kind = s->is_aborting ? NET_TCP_ABORT : NET_TCP_CLOSE;
    if (!send_message(s->client, &m))
        return false;
    s->is_end_told = s->is_closing;
    s->is_shut_told = true;
    return true;
}

static bool push_socket(struct tcp_socket *s)
{
    if (s->is_ended && (s->is_closing || s->received_first == 0)) {
        tcp_socket_end(s, STATUS_CLOSED);
        return true;
    }
    if (s->number == 0 || s->is_end_told)
        return true;
    if (!s->is_aborting && !push_sends(s))
        return false;
    /* What isn't handed over waits for SENT, and the end waits behind it. */
    if (!s->is_aborting && s->send.unhanded_bytes > 0)
        return true;
    return push_end(s);
}

void tcp_connection_push(struct tcp_client *client)
{
    struct tcp_socket *s;

    if (client->connection.state != CONNECTION_OPENED)
        return;
    for (struct tcp_listener *l = client->listeners; l != NULL; l = l->next) {
        if (!push_listener(l))
            return;
    }
    if (TAILQ_EMPTY(&client->dirty) && client->frees_count < FREES_HELD_BACK)
        return;
    if (!push_frees(client))
        return;
    while ((s = TAILQ_FIRST(&client->dirty)) != NULL) {
        TAILQ_REMOVE(&client->dirty, s, dirty);
        s->is_dirty = false;
        if (!push_socket(s)) {
            tcp_socket_dirty(s);
            return;
        }
    }
}

/* --- from the stack; errors: BAD_DATA, it broke the protocol --- */

static enum status take_listening(struct tcp_client *client, const struct net_message *m)
{
    struct tcp_listener *l = client->listeners;

    while (l != NULL && l->tag != m->tag)
        l = l->next;
    if (l == NULL)
        return STATUS_BAD_DATA;
    if (m->status == STATUS_OK)
        l->number = m->socket;
    else if (!l->is_refused)
        log_line("no listening on port %u: %s", l->port, status_text((enum status)m->status));
    l->is_refused = m->status != STATUS_OK;
    if (l->is_refused)
        loop_timer_start(&client->listen_again, time_after_ns(LISTEN_AGAIN_NS));
    return STATUS_OK;
}

/* Who had the port, or what else was short, may have let go of it. */
static void on_listen_again(void *context, struct loop_timer *timer)
{
    struct tcp_client *client = context;

    (void)timer;
    for (struct tcp_listener *l = client->listeners; l != NULL; l = l->next) {
        if (l->is_refused && client->connection.state == CONNECTION_OPENED)
            l->is_told = false;
    }
    tcp_client_flush(client);
}

static struct tcp_listener *listener_find(const struct tcp_client *client, uint32_t number)
{
    struct tcp_listener *l = client->listeners;

    while (l != NULL && l->number != number)
        l = l->next;
    return l;
}

/* Without memory for it there will be no socket: reset it at once. */
static void refuse(struct tcp_client *client, uint32_t number)
{
    struct net_message m = {.kind = NET_TCP_ABORT, .socket = number};

    if (!send_message(client, &m))
        connection_fail(&client->connection);
}

static enum status take_accepted(struct tcp_client *client, const struct net_message *m)
{
    struct tcp_listener *l = listener_find(client, m->listener);

    if (l == NULL || m->socket == 0 || tcp_socket_find(client, m->socket) != NULL)
        return STATUS_BAD_DATA;

    struct tcp_socket *s = tcp_socket_create(client);
    if (s == NULL) {
        l->credits_owed++;
        refuse(client, m->socket);
        return STATUS_OK;
    }
    s->listener = l;
    s->handler = l->handler;
    s->context = l->context;
    s->remote = m->address;
    s->remote_port = m->port;
    l->sockets_open++;
    tcp_socket_number(s, m->socket);
    if (s->handler->on_accepted != NULL)
        s->handler->on_accepted(s);
    return STATUS_OK;
}

static struct tcp_socket *connecting_find(const struct tcp_client *client, uint32_t tag)
{
    struct tcp_socket *s;

    TAILQ_FOREACH(s, &client->all, all)
    {
        if (s->number == 0 && s->tag == tag)
            return s;
    }
    return NULL;
}

static enum status take_connected(struct tcp_client *client, const struct net_message *m)
{
    struct tcp_socket *s = connecting_find(client, m->tag);

    if (s == NULL)
        return STATUS_BAD_DATA;
    if (m->status != STATUS_OK) {
        tcp_socket_end(s, (enum status)m->status);
        return STATUS_OK;
    }
    if (m->socket == 0 || tcp_socket_find(client, m->socket) != NULL)
        return STATUS_BAD_DATA;
    tcp_socket_number(s, m->socket);
    tcp_socket_dirty(s);
    if (!s->is_closing && s->handler != NULL && s->handler->on_connected != NULL)
        s->handler->on_connected(s);
    return STATUS_OK;
}

static enum status take_data(struct tcp_client *client, const struct net_message *m)
{
    uint32_t number = m->offset / NET_CHUNK_BYTES;
    struct tcp_socket *s = tcp_socket_find(client, m->socket);

    if (s == NULL || number >= RECEIVE_CHUNKS || m->offset % NET_CHUNK_BYTES != 0
        || m->length > NET_CHUNK_BYTES || client->received[number].is_held)
        return STATUS_BAD_DATA;
    tcp_socket_append(s, (uint16_t)(number + 1), (uint16_t)m->length);
    return STATUS_OK;
}

static enum status take_closed(struct tcp_client *client, const struct net_message *m)
{
    struct tcp_listener *l = listener_find(client, m->socket);
    struct tcp_socket *s = tcp_socket_find(client, m->socket);

    if (s != NULL && m->status == STATUS_CLOSED && s->received_first != 0)
        tcp_socket_outlive(s);
    else if (s != NULL)
        tcp_socket_end(s, (enum status)m->status);
    else if (l != NULL)
        l->number = 0;
    return STATUS_OK;
}

static enum status take_peer_fin(struct tcp_socket *s)
{
    s->is_peer_finished = true;
    if (!s->is_closing && s->handler != NULL && s->handler->on_peer_fin != NULL)
        s->handler->on_peer_fin(s);
    return STATUS_OK;
}

static enum status take(struct tcp_client *client, const struct net_message *m)
{
    struct tcp_socket *s;

    switch (m->kind) {
    case NET_TCP_LISTENING:
        return take_listening(client, m);
    case NET_TCP_ACCEPTED:
        return take_accepted(client, m);
    case NET_TCP_CONNECTED:
        return take_connected(client, m);
    case NET_TCP_DATA:
        return take_data(client, m);
    case NET_TCP_CLOSED:
        return take_closed(client, m);
    case NET_TCP_SENT:
        s = tcp_socket_find(client, m->socket);
        return s != NULL ? tcp_socket_sent(s, m->length) : STATUS_BAD_DATA;
    case NET_TCP_PEER_FIN:
        s = tcp_socket_find(client, m->socket);
        return s != NULL ? take_peer_fin(s) : STATUS_BAD_DATA;
    default:
        return STATUS_BAD_DATA;
    }
}

static void on_messages(void *context, struct connection *c)
{
    struct tcp_client *client = context;
    struct ring_message raw;

    while (connection_receive(c, &raw)) {
        struct net_message m;
        memcpy(&m, &raw, sizeof m);
        if (take(client, &m) != STATUS_OK) {
            log_line("the network stack broke its protocol (message kind %u)", m.kind);
            connection_fail(c);
            return;
        }
    }
    tcp_socket_wake_waiting(client);
    tcp_connection_push(client);
}

static void on_room(void *context, struct connection *c)
{
    (void)c;
    tcp_connection_push(context);
}

/* --- coming and going of the stack --- */

static void reset_buffers(struct tcp_client *client)
{
    uint64_t own_bytes, stack_bytes;
    uint8_t *own = connection_buffer(&client->connection, &own_bytes);

    client->stack_bytes = connection_peer_buffer(&client->connection, &stack_bytes);
    send_pool_init(&client->pool, client->pool.chunks, own, client->pool.count);
    memset(client->received, 0, sizeof client->received);
    client->frees_count = 0;
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    struct tcp_client *client = context;

    (void)config;
    if (c->peer_buffer.length_bytes < NET_STACK_BUFFER_BYTES)
        return STATUS_BAD_DATA;
    reopening_end(&client->reopening);
    reset_buffers(client);
    for (struct tcp_listener *l = client->listeners; l != NULL; l = l->next)
        l->is_told = false;
    tcp_connection_push(client);
    return STATUS_OK;
}

static void on_close(void *context, struct connection *c, enum status why)
{
    struct tcp_client *client = context;
    struct tcp_socket *s;

    while ((s = TAILQ_FIRST(&client->all)) != NULL)
        tcp_socket_end(s, STATUS_PEER_DEAD);
    loop_timer_stop(&client->listen_again);
    for (struct tcp_listener *l = client->listeners; l != NULL; l = l->next) {
        l->number = 0;
        l->credits_owed = 0;
        l->is_refused = false;
    }
    client->frees_count = 0;
    reopening_begin(&client->reopening, c, why);
}

enum status tcp_connection_start(struct tcp_client *client)
{
    static const struct connection_ops ops = {
        .on_open = on_open,
        .on_messages = on_messages,
        .on_room = on_room,
        .on_close = on_close,
    };
    struct connection_config config = {
        .capacity = NET_RING_MESSAGES,
        .buffer_bytes = (uint64_t)client->pool.count * SEND_CHUNK_BYTES,
        .wanted_bytes = NET_STACK_BUFFER_BYTES,
    };

    client->listen_again.on_time = on_listen_again;
    client->listen_again.context = client;
    return connection_start(&client->connection, NET_TCP_SERVICE, &config, &ops, client);
}

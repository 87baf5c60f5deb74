/*
 * One function a message.  A message about a socket that is gone is ignored, one that breaks a rule
 * ends the client.
 */
#include "tcp_service.h"

#include "endpoint.h"
#include "stack.h"

static void answer_listen(struct client *client, const struct net_message *m)
{
    struct endpoint *e = NULL;
    enum status s = STATUS_BAD_ARGUMENT;

    if (m->port != 0)
        s = endpoint_listen(client, m->port, m->count, &e);

    struct net_message answer = {
        .kind = NET_TCP_LISTENING,
        .status = (uint16_t)s,
        .socket = s == STATUS_OK ? e->number : 0,
        .tag = m->tag,
    };
    client_answer(client, &answer);
}

static void take_connect(struct client *client, const struct net_message *m)
{
    struct endpoint *e;
    enum status s = endpoint_connect(client, &m->address, m->port, m->tag, &e);
    struct net_message answer = {.kind = NET_TCP_CONNECTED, .status = (uint16_t)s, .tag = m->tag};

    if (s != STATUS_OK)
        client_answer(client, &answer);
}

static void take_free(struct client *client, const struct net_message *m)
{
    struct chunk chunk;

    if (chunk_pool_give(&client->chunks, m->offset, &chunk) != STATUS_OK) {
        client_expel(client, "freed a chunk that it does not have");
        return;
    }
    client->freed_count++;
    endpoint_give_back(client, &chunk);
    if (client->chunks.free_count == 1)
        endpoint_touch_stalled(client);
}

static void take_socket_message(struct client *client, const struct net_message *m)
{
    struct endpoint *e = endpoint_find(client, m->socket);

    if (e == NULL)
        return;
    switch (m->kind) {
    case NET_TCP_ACCEPT:
        endpoint_accept_more(e, m->count);
        break;
    case NET_TCP_SEND:
        if (endpoint_send(e, m->offset, m->length, m->flags) != STATUS_OK)
            client_expel(client, "a send out of bounds or turn");
        break;
    case NET_TCP_SHUTDOWN:
        endpoint_shutdown(e);
        break;
    case NET_TCP_CLOSE:
        endpoint_close(e);
        break;
    case NET_TCP_ABORT:
        endpoint_abort(e);
        break;
    default:
        client_expel(client, "an unknown kind of message");
        break;
    }
}

static void take(struct client *client, const struct net_message *m)
{
    switch (m->kind) {
    case NET_TCP_LISTEN:
        answer_listen(client, m);
        break;
    case NET_TCP_CONNECT:
        take_connect(client, m);
        break;
    case NET_FREE:
        take_free(client, m);
        break;
    case NET_TCP_ACCEPT:
    case NET_TCP_SEND:
    case NET_TCP_SHUTDOWN:
    case NET_TCP_CLOSE:
    case NET_TCP_ABORT:
        take_socket_message(client, m);
        break;
    default:
        client_expel(client, "an unknown kind of message");
        break;
    }
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    struct client *client;

    (void)context;
    enum status s = client_open(c, config, sizeof(struct endpoint_owner), &client);
    if (s != STATUS_OK)
        return s;
    struct endpoint_owner *owner = client->state;
    TAILQ_INIT(&owner->stalled);
    TAILQ_INIT(&owner->quiet);
    client->on_flush = endpoint_tell_quiet;
    return STATUS_OK;
}

static void on_messages(void *context, struct connection *c)
{
    struct client *client = c->user;
    struct net_message m;

    (void)context;
    while (client_receive(client, &m))
        take(client, &m);
    stack_settle();
}

static void on_room(void *context, struct connection *c)
{
    struct client *client = c->user;

    (void)context;
    endpoint_touch_stalled(client);
    client_on_room(client);
    stack_settle();
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)why;
    endpoint_abort_all(c->user);
    client_close(c->user);
    stack_settle();
}

static const struct connection_ops ops = {
    .on_open = on_open,
    .on_messages = on_messages,
    .on_room = on_room,
    .on_close = on_close,
};

static struct service service;

enum status tcp_service_start(void)
{
    endpoint_init();
    return service_offer(NET_TCP_SERVICE, &client_service_config, &ops, NULL, &service);
}

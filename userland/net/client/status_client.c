/*
 * Requests are kept until they are answered, each with the one callback that fits its kind.
 */
#include "net/status_client.h"

#include <stdlib.h>
#include <string.h>

#include "rt/connection.h"

enum { NAME_SLOT_BYTES = NET_NAME_BYTES_MAX + 1 };

struct net_status_request {
    uint16_t kind; /* enum net_status_kind; 0: free */
    void *context;
    union {
        net_interface_handler interface;
        net_counters_handler counters;
        net_sockets_handler sockets;
        net_ping_handler ping;
        net_resolve_handler resolve;
    } done;
};

struct net_status_client {
    struct connection connection;
    struct net_status_request requests[NET_STATUS_REQUESTS_MAX]; /* the index is the tag */
};

/* --- answers --- */

/* A copy of the records of the right size, all zero if the stack sent something else. */
static enum status copy_records(struct net_status_client *client, const struct net_message *m,
                                void *out, size_t bytes)
{
    uint64_t limit;
    const uint8_t *base = connection_peer_buffer(&client->connection, &limit);

    if (m->status != STATUS_OK)
        return (enum status)m->status;
    if (m->length != bytes || base == NULL || m->offset > limit || bytes > limit - m->offset)
        return STATUS_BAD_DATA;
    memcpy(out, base + m->offset, bytes);
    return STATUS_OK;
}

static void end_interface(struct net_status_client *client, const struct net_status_request *r,
                          const struct net_message *m)
{
    struct net_interface_record record;
    enum status s = copy_records(client, m, &record, sizeof record);

    r->done.interface(s, &record, r->context);
}

static void end_counters(struct net_status_client *client, const struct net_status_request *r,
                         const struct net_message *m)
{
    struct net_counters counters;
    enum status s = copy_records(client, m, &counters, sizeof counters);

    r->done.counters(s, &counters, r->context);
}

static void end_sockets(struct net_status_client *client, const struct net_status_request *r,
                        const struct net_message *m)
{
    struct net_socket_record records[NET_CHUNK_BYTES / sizeof(struct net_socket_record)];
    size_t bytes = m->length <= sizeof records ? m->length : 0;
    enum status s = copy_records(client, m, records, bytes - bytes % sizeof records[0]);

    r->done.sockets(s, records, s == STATUS_OK ? bytes / sizeof records[0] : 0, r->context);
}

static void end_request(struct net_status_client *client, struct net_status_request *slot,
                        const struct net_message *m)
{
    struct net_status_request r = *slot;

    /* Free first: the callback may ask for the next thing. */
    slot->kind = 0;
    switch (r.kind) {
    case NET_STATUS_INTERFACE:
        end_interface(client, &r, m);
        break;
    case NET_STATUS_COUNTERS:
        end_counters(client, &r, m);
        break;
    case NET_STATUS_SOCKETS:
        end_sockets(client, &r, m);
        break;
    case NET_STATUS_PING:
        r.done.ping((enum status)m->status, &m->address, m->count, r.context);
        break;
    case NET_STATUS_RESOLVE:
        r.done.resolve((enum status)m->status, &m->address, r.context);
        break;
    default:
        break;
    }
}

static bool answer_fits(uint16_t asked, uint16_t answered)
{
    switch (asked) {
    case NET_STATUS_INTERFACE:
    case NET_STATUS_COUNTERS:
    case NET_STATUS_SOCKETS:
        return answered == NET_STATUS_RECORDS;
    case NET_STATUS_PING:
        return answered == NET_STATUS_PONG;
    case NET_STATUS_RESOLVE:
        return answered == NET_STATUS_RESOLVED;
    default:
        return false;
    }
}

static bool send_message(struct net_status_client *client, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    return connection_send(&client->connection, &raw);
}

static bool take(struct net_status_client *client, const struct net_message *m)
{
    struct net_message give_back = {.kind = NET_FREE, .offset = m->offset};

    if (m->socket >= NET_STATUS_REQUESTS_MAX
        || !answer_fits(client->requests[m->socket].kind, m->kind))
        return false;
    end_request(client, &client->requests[m->socket], m);
    return m->kind != NET_STATUS_RECORDS || m->status != STATUS_OK
           || send_message(client, &give_back);
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

static void on_close(void *context, struct connection *c, enum status why)
{
    struct net_status_client *client = context;
    struct net_message gone = {.status = STATUS_PEER_DEAD};

    (void)c;
    (void)why;
    for (unsigned i = 0; i < NET_STATUS_REQUESTS_MAX; i++)
        end_request(client, &client->requests[i], &gone);
}

/* --- requests --- */

static const struct connection_config config = {
    .capacity = 64,
    .buffer_bytes = NET_STATUS_REQUESTS_MAX * NAME_SLOT_BYTES,
    .wanted_bytes = NET_STATUS_REQUESTS_MAX * NET_CHUNK_BYTES,
};

static const struct connection_ops ops = {.on_messages = on_messages, .on_close = on_close};

enum status net_status_open(struct net_status_client **out)
{
    struct net_status_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return STATUS_OUT_OF_MEMORY;

    enum status s =
        connection_start(&client->connection, NET_STATUS_SERVICE, &config, &ops, client);
    if (s != STATUS_OK) {
        free(client);
        return s;
    }
    *out = client;
    return STATUS_OK;
}

void net_status_close(struct net_status_client *client)
{
    connection_close(&client->connection);
    free(client);
}

static struct net_status_request *find_free(struct net_status_client *client)
{
    for (unsigned i = 0; i < NET_STATUS_REQUESTS_MAX; i++) {
        if (client->requests[i].kind == 0)
            return &client->requests[i];
    }
    return NULL;
}

/* The stack died once, or couldn't be reached again then: by now it may. */
static enum status reach_stack(struct net_status_client *client)
{
    struct connection *c = &client->connection;

    if (c->state == CONNECTION_DEAD || c->state == CONNECTION_CLOSED) {
        enum status s = connection_restart(c);
        if (s != STATUS_OK)
            return s;
    }
    return c->state == CONNECTION_OPENED ? STATUS_OK : STATUS_PEER_DEAD;
}

/* Send `m` and keep `request` for its answer. */
static enum status ask(struct net_status_client *client, struct net_message m,
                       struct net_status_request request)
{
    struct net_status_request *slot = find_free(client);
    enum status s = reach_stack(client);

    if (s != STATUS_OK)
        return s;
    if (slot == NULL)
        return STATUS_WOULD_BLOCK;
    m.kind = request.kind;
    m.socket = (uint32_t)(slot - client->requests);
    if (!send_message(client, &m))
        return STATUS_WOULD_BLOCK;
    *slot = request;
    connection_flush(&client->connection);
    return STATUS_OK;
}

enum status net_status_interface(struct net_status_client *client, net_interface_handler handler,
                                 void *context)
{
    return ask(client, (struct net_message){0},
               (struct net_status_request){
                   .kind = NET_STATUS_INTERFACE, .context = context, .done.interface = handler});
}

enum status net_status_counters(struct net_status_client *client, net_counters_handler handler,
                                void *context)
{
    return ask(client, (struct net_message){0},
               (struct net_status_request){
                   .kind = NET_STATUS_COUNTERS, .context = context, .done.counters = handler});
}

enum status net_status_sockets(struct net_status_client *client, uint32_t skip,
                               net_sockets_handler handler, void *context)
{
    return ask(client, (struct net_message){.count = skip},
               (struct net_status_request){
                   .kind = NET_STATUS_SOCKETS, .context = context, .done.sockets = handler});
}

enum status net_status_ping(struct net_status_client *client, const struct net_address *address,
                            size_t payload_bytes, net_ping_handler handler, void *context)
{
    if (payload_bytes > NET_PING_BYTES_MAX)
        return STATUS_BAD_ARGUMENT;
    return ask(client, (struct net_message){.address = *address, .length = (uint32_t)payload_bytes},
               (struct net_status_request){
                   .kind = NET_STATUS_PING, .context = context, .done.ping = handler});
}

enum status net_status_resolve(struct net_status_client *client, const char *name,
                               net_resolve_handler handler, void *context)
{
    struct net_status_request *slot = find_free(client);
    size_t length = strlen(name);

    if (length == 0 || length > NET_NAME_BYTES_MAX)
        return STATUS_BAD_ARGUMENT;

    enum status s = reach_stack(client);
    if (s != STATUS_OK)
        return s;
    if (slot == NULL)
        return STATUS_WOULD_BLOCK;

    /* Each request has its own place in the buffer, free again once it is answered. */
    uint64_t bytes;
    uint8_t *buffer = connection_buffer(&client->connection, &bytes);
    uint32_t offset = (uint32_t)(slot - client->requests) * NAME_SLOT_BYTES;
    if (buffer != NULL)
        memcpy(buffer + offset, name, length);
    return ask(client, (struct net_message){.offset = offset, .length = (uint32_t)length},
               (struct net_status_request){
                   .kind = NET_STATUS_RESOLVE, .context = context, .done.resolve = handler});
}

/*
 * One allocation a client; all clients in one short list.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "rt/app.h"
#include "rt/log.h"

enum { CHUNK_COUNT_MIN = 2 };

const struct service_config client_service_config = {
    .connection = {.capacity = NET_RING_MESSAGES},
    .client_limit = CLIENTS_PER_SERVICE,
};

/* Protected by the domain's monitor, as everything here. */
static struct client *clients;
static uint16_t last_number;
static uint64_t expelled_count;

/* What the client wants to hold of received bytes, within reason. */
static uint16_t chunk_count(uint64_t wanted_bytes)
{
    uint64_t count = (wanted_bytes + NET_CHUNK_BYTES - 1) / NET_CHUNK_BYTES;

    if (wanted_bytes > NET_STACK_BUFFER_BYTES)
        return CHUNK_COUNT_MAX;
    return (uint16_t)(count < CHUNK_COUNT_MIN ? CHUNK_COUNT_MIN : count);
}

enum status client_open(struct connection *c, struct connection_config *config, size_t state_bytes,
                        struct client **out)
{
    struct client *client = calloc(1, sizeof *client + state_bytes);

    if (client == NULL)
        return STATUS_OUT_OF_MEMORY;

    client->connection = c;
    client->service = c->service;
    chunk_pool_init(&client->chunks, chunk_count(c->wanted_bytes));
    config->buffer_bytes = (uint64_t)client->chunks.count * NET_CHUNK_BYTES;
    client->number = ++last_number;
    client->state = client + 1;
    client->next = clients;
    clients = client;
    c->user = client;
    *out = client;
    return STATUS_OK;
}

uint32_t client_domain(const struct client *client)
{
    return app_badge_domain(client->connection->badge);
}

static bool is_of_one_domain(const struct client *a, const struct client *b)
{
    return a->service == b->service && client_domain(a) == client_domain(b);
}

uint32_t client_domain_sockets(const struct client *client)
{
    uint32_t count = 0;

    for (const struct client *c = clients; c != NULL; c = c->next)
        count += is_of_one_domain(c, client) ? c->socket_count : 0;
    return count;
}

uint32_t client_domain_listeners(const struct client *client)
{
    uint32_t count = 0;

    for (const struct client *c = clients; c != NULL; c = c->next)
        count += is_of_one_domain(c, client) ? c->listener_count : 0;
    return count;
}

void client_close(struct client *client)
{
    struct client **link = &clients;

    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    client->connection->user = NULL;
    free(client);
}

/* The buffers are there from the first message on. */
static void find_buffers(struct client *client)
{
    uint64_t chunk_bytes;

    client->chunk_bytes = connection_buffer(client->connection, &chunk_bytes);
    client->peer_bytes = connection_peer_buffer(client->connection, &client->peer_length);
    if (client->peer_bytes == NULL)
        client->peer_length = 0;
    if (client->peer_length > NET_CLIENT_BUFFER_BYTES_MAX)
        client_expel(client, "a buffer segment too large");
}

bool client_receive(struct client *client, struct net_message *out)
{
    struct ring_message m;

    if (client->chunk_bytes == NULL)
        find_buffers(client);
    if (client->is_expelled || client->answer.kind != 0)
        return false;
    if (!connection_receive(client->connection, &m))
        return false;
    memcpy(out, &m, sizeof *out);
    return true;
}

void client_answer(struct client *client, const struct net_message *m)
{
    if (!client_send(client, m))
        client->answer = *m;
}

bool client_send(struct client *client, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    if (client->is_expelled || !connection_send(client->connection, &raw))
        return false;
    client->is_unflushed = true;
    return true;
}

const uint8_t *client_bytes(const struct client *client, uint32_t offset, uint32_t length)
{
    if (length > client->peer_length || offset > client->peer_length - length)
        return NULL;
    return client->peer_bytes + offset;
}

uint8_t *client_chunk(struct client *client, uint32_t socket, uint16_t length, uint32_t *offset)
{
    if (!chunk_pool_take(&client->chunks, socket, length, offset))
        return NULL;
    return client->chunk_bytes + *offset;
}

void client_chunk_return(struct client *client, uint32_t offset)
{
    struct chunk chunk;

    (void)!chunk_pool_give(&client->chunks, offset, &chunk);
}

void client_expel(struct client *client, const char *reason)
{
    if (client->is_expelled)
        return;
    client->is_expelled = true;
    expelled_count++;
    if (log_is_worth(expelled_count))
        log_line("client %u of %s broke the protocol and is cut off: %s (%llu so far)",
                 client->number, client->service, reason, (unsigned long long)expelled_count);
    connection_fail(client->connection);
}

void client_flush_all(void)
{
    for (struct client *c = clients; c != NULL; c = c->next) {
        if (c->is_unflushed) {
            if (c->on_flush != NULL)
                c->on_flush(c);
            c->is_unflushed = false;
            connection_flush(c->connection);
        }
    }
}

void client_on_room(struct client *client)
{
    if (client->answer.kind != 0 && client_send(client, &client->answer))
        client->answer = (struct net_message){0};
    connection_resume(client->connection);
}

void client_usage_read(struct client_usage *out)
{
    *out = (struct client_usage){.expelled = expelled_count};
    for (const struct client *c = clients; c != NULL; c = c->next)
        out->count++;
}

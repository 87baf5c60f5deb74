/*
 * Sockets as the program sees them.
 */
#include <stdlib.h>
#include <string.h>

#include "tcp_link.h"

static void free_received(struct tcp_client *client, uint16_t place)
{
    client->received[place - 1].is_held = 0;
    client->frees[client->frees_count++] = (uint16_t)(place - 1);
}

static void drop_received(struct tcp_socket *s)
{
    while (s->received_first != 0) {
        uint16_t place = s->received_first;
        s->received_first = s->client->received[place - 1].next;
        free_received(s->client, place);
    }
    s->received_last = 0;
    s->received_skip = 0;
    s->received_bytes = 0;
}

struct tcp_socket *tcp_socket_create(struct tcp_client *client)
{
    struct tcp_socket *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->client = client;
    TAILQ_INSERT_TAIL(&client->all, s, all);
    client->socket_count++;
    return s;
}

static struct tcp_socket **bucket_of(struct tcp_client *client, uint32_t number)
{
    return &client->buckets[number % SOCKET_BUCKETS];
}

void tcp_socket_number(struct tcp_socket *s, uint32_t number)
{
    struct tcp_socket **bucket = bucket_of(s->client, number);

    s->number = number;
    s->next_in_bucket = *bucket;
    *bucket = s;
}

struct tcp_socket *tcp_socket_find(const struct tcp_client *client, uint32_t number)
{
    struct tcp_socket *s = client->buckets[number % SOCKET_BUCKETS];

    while (s != NULL && s->number != number)
        s = s->next_in_bucket;
    return s;
}

static void forget_number(struct tcp_socket *s)
{
    if (s->number == 0)
        return;

    struct tcp_socket **link = bucket_of(s->client, s->number);
    while (*link != s)
        link = &(*link)->next_in_bucket;
    *link = s->next_in_bucket;
    s->number = 0;
    s->tag = 0;
}

void tcp_socket_dirty(struct tcp_socket *s)
{
    if (!s->is_dirty) {
        s->is_dirty = true;
        TAILQ_INSERT_TAIL(&s->client->dirty, s, dirty);
    }
}

static void want_room(struct tcp_socket *s)
{
    if (!s->is_room_wanted) {
        s->is_room_wanted = true;
        TAILQ_INSERT_TAIL(&s->client->waiting, s, waiting);
        s->client->waiting_count++;
    }
}

static void stop_waiting(struct tcp_socket *s)
{
    if (s->is_room_wanted) {
        s->is_room_wanted = false;
        TAILQ_REMOVE(&s->client->waiting, s, waiting);
        s->client->waiting_count--;
    }
}

void tcp_socket_end(struct tcp_socket *s, enum status why)
{
    struct tcp_client *client = s->client;

    if (!s->is_closing && s->handler != NULL && s->handler->on_closed != NULL)
        s->handler->on_closed(s, why);
    stop_waiting(s);
    drop_received(s);
    send_queue_clear(&client->pool, &s->send);
    forget_number(s);
    if (s->is_dirty)
        TAILQ_REMOVE(&client->dirty, s, dirty);
    if (s->listener != NULL) {
        s->listener->sockets_open--;
        s->listener->credits_owed++;
    }
    TAILQ_REMOVE(&client->all, s, all);
    client->socket_count--;
    free(s);
}

void tcp_socket_outlive(struct tcp_socket *s)
{
    s->is_ended = true;
    forget_number(s);
    send_queue_clear(&s->client->pool, &s->send);
}

void tcp_socket_append(struct tcp_socket *s, uint16_t place, uint16_t length)
{
    struct received_chunk *chunks = s->client->received;

    chunks[place - 1] = (struct received_chunk){.length = length, .is_held = 1};
    if (s->is_closing) {
        free_received(s->client, place);
        return;
    }
    if (s->received_last != 0)
        chunks[s->received_last - 1].next = place;
    else
        s->received_first = place;
    s->received_last = place;
    s->received_bytes += length;
    if (s->handler != NULL && s->handler->on_readable != NULL)
        s->handler->on_readable(s);
}

enum status tcp_socket_sent(struct tcp_socket *s, uint32_t length)
{
    if (send_queue_done(&s->client->pool, &s->send, length) != STATUS_OK)
        return STATUS_BAD_DATA;
    while (s->sends_count > 0 && length >= s->sends[s->sends_first]) {
        length -= s->sends[s->sends_first];
        s->sends_first = (s->sends_first + 1) % NET_TCP_SENDS_MAX;
        s->sends_count--;
    }
    if (s->sends_count > 0)
        s->sends[s->sends_first] -= length;
    if (s->send.unhanded_bytes > 0)
        tcp_socket_dirty(s);
    return STATUS_OK;
}

void tcp_socket_wake_waiting(struct tcp_client *client)
{
    /* Each at most once: who again finds too little goes to the end of the list. */
    for (uint32_t count = client->waiting_count; count > 0; count--) {
        struct tcp_socket *s = TAILQ_FIRST(&client->waiting);
        if (s == NULL)
            return;
        stop_waiting(s);
        if (tcp_send_space(s) == 0)
            want_room(s);
        else if (s->handler != NULL && s->handler->on_writable != NULL)
            s->handler->on_writable(s);
    }
}

/* --- for programs --- */

void tcp_set_handler(struct tcp_socket *s, const struct tcp_handler *handler)
{
    s->handler = handler;
}

void tcp_set_context(struct tcp_socket *s, void *context)
{
    s->context = context;
}

void *tcp_context(const struct tcp_socket *s)
{
    return s->context;
}

struct tcp_client *tcp_socket_client(const struct tcp_socket *s)
{
    return s->client;
}

const struct net_address *tcp_remote_address(const struct tcp_socket *s)
{
    return &s->remote;
}

uint16_t tcp_remote_port(const struct tcp_socket *s)
{
    return s->remote_port;
}

size_t tcp_peek(struct tcp_socket *s, const uint8_t **out)
{
    if (s->received_first == 0)
        return 0;

    uint16_t place = s->received_first;
    *out = s->client->stack_bytes + (size_t)(place - 1) * NET_CHUNK_BYTES + s->received_skip;
    return s->client->received[place - 1].length - s->received_skip;
}

void tcp_consume(struct tcp_socket *s, size_t length)
{
    while (length > 0 && s->received_first != 0) {
        uint16_t place = s->received_first;
        const struct received_chunk *chunk = &s->client->received[place - 1];
        size_t part = chunk->length - s->received_skip;
        part = part < length ? part : length;
        length -= part;
        s->received_skip += (uint32_t)part;
        s->received_bytes -= (uint32_t)part;
        if (s->received_skip < chunk->length)
            return;
        s->received_first = chunk->next;
        s->received_skip = 0;
        if (s->received_first == 0)
            s->received_last = 0;
        free_received(s->client, place);
    }
    if (s->is_ended && s->received_first == 0)
        tcp_socket_dirty(s);
}

size_t tcp_receive(struct tcp_socket *s, void *out, size_t length)
{
    uint8_t *to = out;
    size_t copied = 0;

    while (copied < length) {
        const uint8_t *from;
        size_t part = tcp_peek(s, &from);
        if (part == 0)
            break;
        part = part < length - copied ? part : length - copied;
        memcpy(to + copied, from, part);
        tcp_consume(s, part);
        copied += part;
    }
    return copied;
}

size_t tcp_received_bytes(const struct tcp_socket *s)
{
    return s->received_bytes;
}

bool tcp_peer_has_finished(const struct tcp_socket *s)
{
    return s->is_peer_finished;
}

/* What the socket's own limit leaves. */
/* While the buffer is half empty any socket may have its limit; of the other half, its share. */
static uint32_t send_limit(const struct tcp_client *client)
{
    uint32_t share = client->pool.count / 2 / client->limits.sockets * SEND_CHUNK_BYTES;
    uint32_t limit = client->limits.socket_send_bytes;

    if (client->pool.free_count >= client->pool.count / 2)
        return limit;
    if (share < SEND_CHUNK_BYTES)
        share = SEND_CHUNK_BYTES;
    return share < limit ? share : limit;
}

static size_t allowance(const struct tcp_socket *s)
{
    uint32_t limit = send_limit(s->client);

    if (s->is_shut || s->is_closing || s->is_ended || s->send.unsent_bytes >= limit)
        return 0;
    return limit - s->send.unsent_bytes;
}

size_t tcp_send_space(const struct tcp_socket *s)
{
    const struct send_pool *pool = &s->client->pool;
    size_t room = (size_t)pool->free_count * SEND_CHUNK_BYTES;

    if (s->send.last != 0)
        room += (size_t)SEND_CHUNK_BYTES - pool->chunks[s->send.last - 1].filled;
    return room < allowance(s) ? room : allowance(s);
}

uint8_t *tcp_reserve(struct tcp_socket *s, size_t *space)
{
    size_t allowed = allowance(s);
    uint8_t *bytes = NULL;

    if (allowed > 0)
        bytes = send_queue_reserve(&s->client->pool, &s->send, space);
    if (bytes == NULL)
        want_room(s);
    else if (*space > allowed)
        *space = allowed;
    return bytes;
}

void tcp_commit(struct tcp_socket *s, size_t length)
{
    send_queue_commit(&s->client->pool, &s->send, length);
    tcp_socket_dirty(s);
}

size_t tcp_send(struct tcp_socket *s, const void *data, size_t length)
{
    const uint8_t *from = data;
    size_t sent = 0;

    while (sent < length) {
        size_t space;
        uint8_t *to = tcp_reserve(s, &space);
        if (to == NULL)
            break;
        space = space < length - sent ? space : length - sent;
        memcpy(to, from + sent, space);
        tcp_commit(s, space);
        sent += space;
    }
    return sent;
}

size_t tcp_unsent_bytes(const struct tcp_socket *s)
{
    return s->send.unsent_bytes;
}

void tcp_shutdown(struct tcp_socket *s)
{
    s->is_shut = true;
    tcp_socket_dirty(s);
}

void tcp_close(struct tcp_socket *s)
{
    s->is_closing = true;
    stop_waiting(s);
    drop_received(s);
    tcp_socket_dirty(s);
}

void tcp_abort(struct tcp_socket *s)
{
    s->is_aborting = true;
    tcp_close(s);
}

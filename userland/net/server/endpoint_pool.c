/*
 * A socket table over the heap, and the endpoints as records for people.
 */
#include "endpoint_pool.h"

#include <stdlib.h>

#include "lwip/priv/tcp_priv.h"
#include "lwip_address.h"
#include "socket_table.h"

static struct socket_table table;

void endpoint_init(void)
{
    socket_table_init(&table);
}

struct endpoint *endpoint_pool_take(void)
{
    struct endpoint *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->number = socket_table_add(&table, e);
    if (e->number == 0) {
        free(e);
        return NULL;
    }
    return e;
}

void endpoint_pool_release(struct endpoint *e)
{
    socket_table_remove(&table, e->number);
    free(e);
}

struct endpoint *endpoint_pool_find(uint32_t number)
{
    return socket_table_find(&table, number);
}

struct endpoint *endpoint_pool_next(size_t *slot)
{
    return socket_table_next(&table, slot);
}

size_t endpoint_count(void)
{
    return table.used;
}

static enum net_socket_state record_state(const struct endpoint *e)
{
    switch (e->state) {
    case ENDPOINT_CONNECTING:
        return NET_SOCKET_CONNECTING;
    case ENDPOINT_LISTENING:
        return NET_SOCKET_LISTENING;
    case ENDPOINT_WAITING:
    case ENDPOINT_OPEN:
        return e->is_shut || e->is_peer_finished ? NET_SOCKET_CLOSING : NET_SOCKET_OPEN;
    case ENDPOINT_ENDED:
        return NET_SOCKET_CLOSING;
    }
    return NET_SOCKET_FREE;
}

static uint32_t waiting_to_send(const struct endpoint *e)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < e->send_count; i++)
        bytes += e->sends[(e->send_first + i) % NET_TCP_SENDS_MAX].length;
    return bytes - e->send_done;
}

bool endpoint_record_next(size_t *slot, struct net_socket_record *out)
{
    const struct endpoint *e = endpoint_pool_next(slot);

    if (e == NULL)
        return false;
    *out = (struct net_socket_record){
        .state = (uint16_t)record_state(e),
        .client = e->client->number,
        .socket = e->number,
        .queued_to_send_bytes = waiting_to_send(e),
        .queued_to_client_bytes = e->received_bytes + e->delivered_bytes,
        .received_bytes = e->total_received,
        .sent_bytes = e->total_sent,
    };
    if (e->pcb == NULL)
        return true;
    out->local_port = e->pcb->local_port;
    if (e->state == ENDPOINT_LISTENING)
        return true;
    out->remote = address_from_lwip(&e->pcb->remote_ip);
    out->remote_port = e->pcb->remote_port;
    out->queued_to_send_bytes += (uint32_t)(TCP_SND_BUF - e->pcb->snd_buf);
    out->round_trip_ms = (uint32_t)LWIP_MAX(e->pcb->sa >> 3, 0) * TCP_SLOW_INTERVAL;
    return true;
}

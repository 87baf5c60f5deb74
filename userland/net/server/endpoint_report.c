/*
 * What a client is told, in the order in which it happened.
 */
#include <string.h>

#include "endpoint_life.h"
#include "endpoint_pool.h"
#include "link_port.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip_address.h"
#include "packet_memory.h"
#include "receive_pool.h"

enum { ORPHAN_RETRANSMISSIONS = 2 }; /* in vain, and it is in others' way */

static struct net_message greeting(const struct endpoint *e)
{
    if (e->debts & DEBT_ACCEPTED) {
        return (struct net_message){
            .kind = NET_TCP_ACCEPTED,
            .port = e->pcb->remote_port,
            .socket = e->number,
            .listener = e->listener,
            .address = address_from_lwip(&e->pcb->remote_ip),
        };
    }
    bool is_open = e->state == ENDPOINT_OPEN;
    return (struct net_message){
        .kind = NET_TCP_CONNECTED,
        .status = (uint16_t)(is_open ? STATUS_OK : e->outcome),
        .socket = is_open ? e->number : 0,
        .tag = e->tag,
    };
}

static bool tell_greeting(struct endpoint *e)
{
    if ((e->debts & (DEBT_ACCEPTED | DEBT_CONNECTED)) == 0)
        return true;

    struct net_message m = greeting(e);
    if (!client_send(e->client, &m))
        return false;
    e->debts &= ~(unsigned)(DEBT_ACCEPTED | DEBT_CONNECTED);
    return true;
}

/* How many of the first received bytes fit into a chunk, in whole buffers. */
static uint32_t chunkful(const struct endpoint *e)
{
    uint32_t length = 0;

    for (struct pbuf *p = e->received; p != NULL && length + p->len <= NET_CHUNK_BYTES; p = p->next)
        length += p->len;
    return length;
}

static void free_received(struct endpoint *e, uint32_t length)
{
    e->received_bytes -= length;
    while (length > 0) {
        struct pbuf *p = e->received;
        length -= p->len;
        e->received = p->next;
        p->next = NULL;
        pbuf_free(p);
    }
}

static bool tell_data(struct endpoint *e)
{
    uint32_t length = chunkful(e);
    uint32_t offset, at = 0;
    uint8_t *chunk = client_chunk(e->client, e->number, (uint16_t)length, &offset);

    if (chunk == NULL)
        return false;
    for (const struct pbuf *p = e->received; at < length; p = p->next) {
        memcpy(chunk + at, p->payload, p->len);
        at += p->len;
    }

    struct net_message m = {
        .kind = NET_TCP_DATA, .socket = e->number, .offset = offset, .length = length};
    if (!client_send(e->client, &m)) {
        client_chunk_return(e->client, offset);
        return false;
    }
    free_received(e, length);
    e->delivered_bytes += length;
    e->total_received += length;
    endpoint_counters.received_bytes += length;
    return true;
}

static void keep_quiet(struct endpoint *e)
{
    if (!e->is_quiet) {
        e->is_quiet = true;
        TAILQ_INSERT_TAIL(&endpoint_owner(e)->quiet, e, quiet);
    }
}

/* What its program waits for, or what belongs in front of something else that is told now. */
static bool sent_is_urgent(const struct endpoint *e)
{
    return e->is_sent_urgent || e->is_shut || (e->debts & DEBT_PEER_FIN)
           || e->state == ENDPOINT_ENDED;
}

static bool tell_sent(struct endpoint *e)
{
    struct net_message m = {.kind = NET_TCP_SENT, .socket = e->number, .length = e->sent_owed};

    if (e->sent_owed == 0)
        return true;
    if (!sent_is_urgent(e)) {
        keep_quiet(e);
        return true;
    }
    if (!client_send(e->client, &m))
        return false;
    e->sent_owed = 0;
    e->is_sent_urgent = false;
    return true;
}

static bool tell_end(struct endpoint *e)
{
    struct net_message fin = {.kind = NET_TCP_PEER_FIN, .socket = e->number};
    struct net_message closed = {
        .kind = NET_TCP_CLOSED, .socket = e->number, .status = (uint16_t)e->outcome};

    if ((e->debts & DEBT_PEER_FIN) && !client_send(e->client, &fin))
        return false;
    e->debts &= ~(unsigned)DEBT_PEER_FIN;
    if ((e->debts & DEBT_CLOSED) && !client_send(e->client, &closed))
        return false;
    e->debts &= ~(unsigned)DEBT_CLOSED;
    return true;
}

static bool tell_everything(struct endpoint *e)
{
    if (!tell_greeting(e))
        return false;
    while (e->received != NULL) {
        if (!tell_data(e))
            return false;
    }
    return tell_sent(e) && tell_end(e);
}

static void stall(struct endpoint *e)
{
    if (!e->is_stalled) {
        e->is_stalled = true;
        TAILQ_INSERT_TAIL(&endpoint_owner(e)->stalled, e, stalled);
    }
}

static void settle(struct endpoint *e)
{
    if (e->is_output_due && e->pcb != NULL && !link_port_is_refusing())
        (void)tcp_output(e->pcb);
    e->is_output_due = false;
    if (e->state == ENDPOINT_WAITING)
        return;
    if (!tell_everything(e)) {
        stall(e);
        return;
    }
    if (e->is_peer_finished && e->is_fin_queued && e->state == ENDPOINT_OPEN) {
        (void)endpoint_detach(e);
        endpoint_end(e, STATUS_CLOSED);
    }
    if (e->state == ENDPOINT_ENDED && e->debts == 0)
        endpoint_release(e);
}

void endpoint_settle_touched(void)
{
    struct endpoint *e;

    endpoint_feed_starved();
    while ((e = TAILQ_FIRST(&endpoints_touched)) != NULL) {
        TAILQ_REMOVE(&endpoints_touched, e, touched);
        e->is_touched = false;
        settle(e);
    }
}

void endpoint_touch_stalled(struct client *client)
{
    struct endpoint_owner *owner = client->state;
    struct endpoint *e;

    while ((e = TAILQ_FIRST(&owner->stalled)) != NULL) {
        TAILQ_REMOVE(&owner->stalled, e, stalled);
        e->is_stalled = false;
        endpoint_touch(e);
    }
}

void endpoint_tell_quiet(struct client *client)
{
    struct endpoint_owner *owner = client->state;
    struct endpoint *e;

    while ((e = TAILQ_FIRST(&owner->quiet)) != NULL) {
        struct net_message m = {.kind = NET_TCP_SENT, .socket = e->number, .length = e->sent_owed};
        if (e->sent_owed != 0 && !client_send(client, &m))
            return;
        e->sent_owed = 0;
        e->is_quiet = false;
        TAILQ_REMOVE(&owner->quiet, e, quiet);
    }
}

/* A client that has read nothing for a second, while others' packets find no buffers. */
static bool is_stuck(const struct endpoint *e)
{
    return e->is_stalled && e->received != NULL && e->client->freed_count == e->client->freed_seen;
}

/* Nobody waits for it any more, and it goes on for as long as its peer likes: has had no room for a
 * whole probe, or doesn't answer.  That a window is full just now is every slow reader's. */
static bool is_orphan_in_the_way(const struct tcp_pcb *pcb)
{
    bool is_waiting = pcb->persist_backoff > 1 || pcb->nrtx > ORPHAN_RETRANSMISSIONS;

    return pcb->callback_arg == NULL && pcb->state >= ESTABLISHED && is_waiting;
}

static void drop_orphans(void)
{
    struct tcp_pcb *next;

    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = next) {
        next = pcb->next;
        if (is_orphan_in_the_way(pcb))
            tcp_abort(pcb);
    }
}

void endpoint_relieve(void)
{
    static bool was_short;
    struct endpoint *e;

    if (packet_memory_is_short())
        drop_orphans();

    bool is_short = receive_pool_pressure() >= PRESSURE_HIGH;
    for (size_t slot = 0; is_short && was_short && (e = endpoint_pool_next(&slot)) != NULL;) {
        if (is_stuck(e))
            endpoint_reset(e, STATUS_OUT_OF_MEMORY);
    }
    for (size_t slot = 0; is_short && (e = endpoint_pool_next(&slot)) != NULL;)
        e->client->freed_seen = e->client->freed_count;
    was_short = is_short;
}

void endpoint_counters_read(struct endpoint_counters *out)
{
    *out = endpoint_counters;
}

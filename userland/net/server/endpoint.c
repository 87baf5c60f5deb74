/*
 * What lwIP says about a connection, and what its client asks of it.
 */
#include "endpoint.h"

#include "chance.h"
#include "endpoint_life.h"
#include "endpoint_pool.h"
#include "hooks.h"
#include "lwip_address.h"
#include "receive_pool.h"

enum {
    LISTEN_BACKLOG = 255,
    PORT_TRIES = 32,
    HOLD_UNDER_PRESSURE_BYTES = 4 * TCP_MSS,
};

_Static_assert((int)MEMP_NUM_TCP_PCB_LISTEN >= CLIENTS_PER_SERVICE * NET_TCP_LISTENERS_MAX,
               "each program has its listeners");

/* --- lwIP's callbacks --- */

static err_t on_sent(void *context, struct tcp_pcb *pcb, u16_t length)
{
    struct endpoint *e = context;

    (void)pcb;
    (void)length;
    if (e->send_count > 0)
        endpoint_push(e);
    return ERR_OK;
}

static void on_error(void *context, err_t error)
{
    struct endpoint *e = context;

    e->pcb = NULL; /* lwIP has freed it */
    if (error == ERR_CLSD)
        endpoint_end(e, STATUS_CLOSED);
    else
        endpoint_end(e, error == ERR_RST ? STATUS_PEER_DEAD : STATUS_TIMED_OUT);
}

static void append_received(struct endpoint *e, struct pbuf *p)
{
    if (p->len == 0) {
        pbuf_free(p);
        return;
    }
    if (e->received == NULL)
        e->received = p;
    else
        e->received_last->next = p;
    e->received_last = p;
    e->received_bytes += p->len;
}

static err_t on_received(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    struct endpoint *e = context;

    (void)error;
    if (p == NULL) {
        e->is_peer_finished = true;
        e->debts |= DEBT_PEER_FIN;
    }
    if (p != NULL && e->is_closing) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    }
    while (p != NULL) {
        struct pbuf *rest = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        append_received(e, p);
        p = rest;
    }
    endpoint_touch(e);
    return ERR_OK;
}

static void attach(struct endpoint *e, struct tcp_pcb *pcb)
{
    e->pcb = pcb;
    tcp_arg(pcb, e);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
}

static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t error)
{
    struct endpoint *e = context;

    (void)pcb;
    (void)error; /* lwIP calls this for success only */
    e->state = ENDPOINT_OPEN;
    e->debts |= DEBT_CONNECTED;
    tcp_nagle_disable(e->pcb);
    endpoint_counters.connected++;
    endpoint_touch(e);
    return ERR_OK;
}

static err_t on_accepted(void *context, struct tcp_pcb *pcb, err_t error)
{
    struct endpoint *listener = context;

    if (error != ERR_OK || listener == NULL)
        return ERR_VAL;

    struct endpoint *e = endpoint_create(listener->client, ENDPOINT_WAITING);
    if (e == NULL)
        return ERR_MEM; /* lwIP resets it */
    e->listener = listener->number;
    attach(e, pcb);
    tcp_nagle_disable(pcb);
    tcp_backlog_delayed(pcb);
    TAILQ_INSERT_TAIL(&listener->waiting_list, e, waiting);
    endpoint_accept_more(listener, 0);
    return ERR_OK;
}

/*
 * Buffers that wait for slow programs are missed by all others.  The fewer there are, the less a
 * socket may hold: its peer sends again what is dropped here.
 */
static bool may_hold(size_t held, size_t more)
{
    switch (receive_pool_pressure()) {
    case PRESSURE_NONE:
        return true;
    case PRESSURE_SOME:
        return held + more <= HOLD_UNDER_PRESSURE_BYTES;
    case PRESSURE_HIGH:
        return held == 0;
    case PRESSURE_FULL:
        return false;
    }
    return false;
}

err_t endpoint_admit(struct tcp_pcb *pcb, const struct pbuf *payload)
{
    /* Until the handshake is done lwIP names the listener's endpoint, which may be gone. */
    const bool is_begun = pcb->state >= ESTABLISHED;
    const struct endpoint *e = pcb->callback_arg;

    if (payload->tot_len == 0 || (is_begun && e == NULL)
        || may_hold(is_begun ? e->received_bytes : 0, payload->tot_len))
        return ERR_OK;
    endpoint_counters.drops++;
    return ERR_MEM;
}

/* --- from the client --- */

void endpoint_accept_more(struct endpoint *listener, uint32_t count)
{
    if (listener->state != ENDPOINT_LISTENING)
        return;
    if (__builtin_add_overflow(listener->credits, count, &listener->credits))
        listener->credits = UINT32_MAX;

    struct endpoint *e;
    while (listener->credits > 0 && (e = TAILQ_FIRST(&listener->waiting_list)) != NULL) {
        listener->credits--;
        TAILQ_REMOVE(&listener->waiting_list, e, waiting);
        tcp_backlog_accepted(e->pcb);
        e->state = ENDPOINT_OPEN;
        e->debts |= DEBT_ACCEPTED;
        endpoint_counters.accepted++;
        endpoint_touch(e);
    }
}

enum status endpoint_listen(struct client *client, uint16_t port, uint32_t credits,
                            struct endpoint **out)
{
    if (client_domain_listeners(client) >= NET_TCP_LISTENERS_MAX)
        return STATUS_OUT_OF_QUOTA;

    struct endpoint *e = endpoint_create(client, ENDPOINT_LISTENING);
    struct tcp_pcb *pcb = e != NULL ? tcp_new_ip_type(IPADDR_TYPE_ANY) : NULL;
    enum status s = STATUS_OUT_OF_MEMORY;

    if (pcb == NULL)
        goto no_pcb;
    /* Connections that the port's last owner left, in TIME-WAIT, say, don't keep it. */
    ip_set_option(pcb, SOF_REUSEADDR);
    if (tcp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK) {
        s = STATUS_BUSY;
        goto no_port;
    }

    err_t error;
    struct tcp_pcb *listening = tcp_listen_with_backlog_and_err(pcb, LISTEN_BACKLOG, &error);
    if (listening == NULL) {
        s = error == ERR_USE ? STATUS_BUSY : STATUS_OUT_OF_MEMORY;
        goto no_port;
    }
    e->pcb = listening;
    e->credits = credits;
    tcp_arg(listening, e);
    tcp_accept(listening, on_accepted);
    *out = e;
    return STATUS_OK;

no_port:
    tcp_abort(pcb);
no_pcb:
    if (e != NULL)
        endpoint_release(e);
    return s;
}

/* A port that nobody can foresee, for all that lwIP's own choice counts up from a random start. */
static bool bind_random_port(struct tcp_pcb *pcb)
{
    for (unsigned i = 0; i < PORT_TRIES; i++) {
        if (tcp_bind(pcb, IP_ANY_TYPE, random_port()) == ERR_OK)
            return true;
    }
    return false;
}

enum status endpoint_connect(struct client *client, const struct net_address *address,
                             uint16_t port, uint32_t tag, struct endpoint **out)
{
    ip_addr_t remote = address_to_lwip(address);
    struct endpoint *e = endpoint_create(client, ENDPOINT_CONNECTING);
    struct tcp_pcb *pcb = e != NULL ? tcp_new_ip_type(IP_GET_TYPE(&remote)) : NULL;
    enum status s = STATUS_OUT_OF_MEMORY;

    if (pcb == NULL)
        goto no_pcb;
    if (!bind_random_port(pcb)) {
        s = STATUS_BUSY;
        goto no_connection;
    }
    e->tag = tag;
    attach(e, pcb);
    err_t error = tcp_connect(pcb, &remote, port, on_connected);
    if (error != ERR_OK) {
        s = error == ERR_RTE ? STATUS_NOT_FOUND : STATUS_OUT_OF_MEMORY;
        (void)endpoint_detach(e);
        goto no_connection;
    }
    *out = e;
    return STATUS_OK;

no_connection:
    tcp_abort(pcb);
no_pcb:
    if (e != NULL)
        endpoint_release(e);
    return s;
}

struct endpoint *endpoint_find(const struct client *client, uint32_t number)
{
    struct endpoint *e = endpoint_pool_find(number);

    return e != NULL && e->client == client && e->state != ENDPOINT_ENDED ? e : NULL;
}

enum status endpoint_send(struct endpoint *e, uint32_t offset, uint32_t length, uint16_t flags)
{
    if (e->state != ENDPOINT_OPEN || e->is_shut || e->send_count == NET_TCP_SENDS_MAX)
        return STATUS_BAD_DATA;
    if (length == 0 || length > NET_TCP_SEND_BYTES_MAX
        || client_bytes(e->client, offset, length) == NULL)
        return STATUS_BAD_DATA;

    uint32_t place = (e->send_first + e->send_count) % NET_TCP_SENDS_MAX;
    e->sends[place] = (struct endpoint_send){.offset = offset, .length = length, .flags = flags};
    e->send_count++;
    endpoint_push(e);
    return STATUS_OK;
}

/* Open the peer's window by what the client has read. */
static void acknowledge(struct endpoint *e, uint32_t bytes)
{
    while (bytes > 0) {
        u16_t step = (u16_t)LWIP_MIN(bytes, 0x8000U);
        tcp_recved(e->pcb, step);
        bytes -= step;
    }
}

void endpoint_give_back(const struct client *client, const struct chunk *chunk)
{
    struct endpoint *e = endpoint_find(client, chunk->socket);

    /* Of a closing one all is acknowledged. */
    if (e == NULL || e->pcb == NULL || e->is_closing)
        return;
    e->delivered_bytes -= chunk->length;
    acknowledge(e, chunk->length);
}

void endpoint_shutdown(struct endpoint *e)
{
    if (e->state != ENDPOINT_OPEN || e->is_shut)
        return;
    e->is_shut = true;
    endpoint_push(e);
}

void endpoint_close(struct endpoint *e)
{
    if (e->state != ENDPOINT_OPEN) {
        endpoint_abort(e);
        return;
    }
    /* With its window whole again lwIP ends the connection in order, not by a reset. */
    acknowledge(e, e->received_bytes + e->delivered_bytes);
    endpoint_drop_received(e);
    e->delivered_bytes = 0;
    e->is_closing = true;
    e->is_shut = true;
    endpoint_push(e);
}

void endpoint_abort(struct endpoint *e)
{
    struct endpoint *waiting;

    while ((waiting = TAILQ_FIRST(&e->waiting_list)) != NULL)
        endpoint_reset(waiting, STATUS_CLOSED);
    endpoint_reset(e, STATUS_CLOSED);
}

void endpoint_abort_all(const struct client *client)
{
    struct endpoint *e;

    for (size_t slot = 0; (e = endpoint_pool_next(&slot)) != NULL;) {
        if (e->client != client)
            continue;
        struct tcp_pcb *pcb = endpoint_detach(e);
        if (pcb != NULL && e->state == ENDPOINT_LISTENING)
            (void)tcp_close(pcb);
        else if (pcb != NULL)
            tcp_abort(pcb);
        endpoint_release(e);
    }
}

/*
 * Making and ending endpoints, and the lists that they wait in.
 */
#include "endpoint_life.h"

#include "endpoint_pool.h"
#include "lwip/priv/tcp_priv.h"

/* For a connection that its program has left, without anything new acknowledged. */
enum { ALONE_MS_MAX = 10000 };

/* All state belongs to the one thread that runs the stack. */
struct endpoint_list endpoints_touched = TAILQ_HEAD_INITIALIZER(endpoints_touched);
struct endpoint_list endpoints_starved = TAILQ_HEAD_INITIALIZER(endpoints_starved);
struct endpoint_counters endpoint_counters;

void endpoint_touch(struct endpoint *e)
{
    if (!e->is_touched) {
        e->is_touched = true;
        TAILQ_INSERT_TAIL(&endpoints_touched, e, touched);
    }
}

void endpoint_starve(struct endpoint *e)
{
    if (!e->is_starved) {
        e->is_starved = true;
        TAILQ_INSERT_TAIL(&endpoints_starved, e, starved);
    }
}

struct endpoint_owner *endpoint_owner(const struct endpoint *e)
{
    return e->client->state;
}

void endpoint_drop_received(struct endpoint *e)
{
    while (e->received != NULL) {
        struct pbuf *p = e->received;
        e->received = p->next;
        p->next = NULL;
        pbuf_free(p);
    }
    e->received_bytes = 0;
}

static err_t on_alone_too_long(void *context, struct tcp_pcb *pcb)
{
    (void)context;
    tcp_abort(pcb);
    return ERR_ABRT;
}

struct tcp_pcb *endpoint_detach(struct endpoint *e)
{
    struct tcp_pcb *pcb = e->pcb;

    e->pcb = NULL;
    if (pcb == NULL)
        return NULL;
    tcp_arg(pcb, NULL);
    if (pcb->state != LISTEN) {
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        /* Connections to come are of more use.  lwIP counts time since the last progress. */
        tcp_setprio(pcb, TCP_PRIO_MIN);
        tcp_poll(pcb, on_alone_too_long, ALONE_MS_MAX / TCP_SLOW_INTERVAL);
    }
    return pcb;
}

void endpoint_end(struct endpoint *e, enum status outcome)
{
    struct endpoint *listener = endpoint_pool_find(e->listener);

    if (listener != NULL && e->state == ENDPOINT_WAITING)
        TAILQ_REMOVE(&listener->waiting_list, e, waiting);
    /* The client never hears of this one: its credit serves another. */
    if (listener != NULL && (e->debts & DEBT_ACCEPTED))
        endpoint_accept_more(listener, 1);
    if (outcome != STATUS_CLOSED && e->state == ENDPOINT_OPEN)
        endpoint_counters.resets++;
    /* What the client hasn't heard of needs no CLOSED; a CONNECT needs its answer. */
    if (e->state == ENDPOINT_CONNECTING || (e->debts & DEBT_CONNECTED))
        e->debts = DEBT_CONNECTED;
    else if (e->state == ENDPOINT_WAITING || (e->debts & DEBT_ACCEPTED))
        e->debts = 0;
    else
        e->debts = DEBT_CLOSED;
    /* What arrived before an end in order is still told. */
    if (outcome != STATUS_CLOSED || e->is_closing || e->debts != DEBT_CLOSED)
        endpoint_drop_received(e);
    e->state = ENDPOINT_ENDED;
    e->outcome = outcome;
    e->send_count = 0;
    endpoint_touch(e);
}

void endpoint_reset(struct endpoint *e, enum status outcome)
{
    struct tcp_pcb *pcb = endpoint_detach(e);

    if (pcb != NULL && e->state == ENDPOINT_LISTENING)
        (void)tcp_close(pcb);
    else if (pcb != NULL)
        tcp_abort(pcb);
    endpoint_end(e, outcome);
}

void endpoint_release(struct endpoint *e)
{
    if (e->is_touched)
        TAILQ_REMOVE(&endpoints_touched, e, touched);
    if (e->is_starved)
        TAILQ_REMOVE(&endpoints_starved, e, starved);
    if (e->is_stalled)
        TAILQ_REMOVE(&endpoint_owner(e)->stalled, e, stalled);
    if (e->is_quiet)
        TAILQ_REMOVE(&endpoint_owner(e)->quiet, e, quiet);
    endpoint_drop_received(e);
    e->client->socket_count--;
    if (e->is_listener)
        e->client->listener_count--;
    endpoint_pool_release(e);
}

struct endpoint *endpoint_create(struct client *client, enum endpoint_state state)
{
    if (client_domain_sockets(client) >= NET_TCP_SOCKETS_MAX)
        return NULL;

    struct endpoint *e = endpoint_pool_take();
    if (e == NULL)
        return NULL;
    client->socket_count++;
    e->client = client;
    e->state = state;
    e->is_listener = state == ENDPOINT_LISTENING;
    if (e->is_listener)
        client->listener_count++;
    TAILQ_INIT(&e->waiting_list);
    return e;
}

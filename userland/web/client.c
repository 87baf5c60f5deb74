/*
 * Clients: moves bytes between socket, TLS and HTTP, and keeps the time.
 */
#include "client.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "first_answer.h"
#include "http_connection.h"
#include "rt/loop.h"
#include "rt/time.h"
#include "tls.h"
#include "wall_clock.h"

enum {
    STEPS_MAX = 16, /* reads and writes in a row before others have their turn */
    PORTS_MAX = 2,
    PLACES_SPARE = 32,   /* that are kept for newcomers, */
    SILENT_LEAST_S = 1,  /* at the cost of those who have said nothing for so long, */
    WAITING_LEAST_S = 8, /* or have begun something and kept us waiting for so long; */
    PLACES_SCARCE = 16,  /* of which so many are kept */
    MUTE_LEAST_MS = 100, /* at the cost of those who haven't even begun a handshake for so long */
    HANDSHAKE_S = 15,    /* that a client may keep us waiting in a handshake */
    JAMMED_S = 2,        /* that a client may send on without reading, once our buffer is full */
};

struct client {
    struct client *previous, *next; /* of all clients */
    TAILQ_ENTRY(client) queue;
    bool is_queued;
    bool has_ended; /* we have said goodbye */
    struct client_port *port;
    struct tcp_socket *socket;    /* borrowed from the library */
    struct tls_stream *tls;       /* NULL without TLS, and before the first bytes */
    nsec_t since_ns;              /* while shaking hands: since when we wait for the client, */
    nsec_t waited_ns;             /* and how long we had when it last sent something */
    struct http_connection *http; /* NULL while shaking hands, which needs the memory itself */
};

TAILQ_HEAD(client_queue, client);

static struct tcp_client *network;
static struct client *clients;
static struct client_queue talking = TAILQ_HEAD_INITIALIZER(talking);
static struct client_queue shaking = TAILQ_HEAD_INITIALIZER(shaking);
static struct client_port *ports[PORTS_MAX];
static unsigned work_bit;
static struct loop_timer tick;

/* ---- the queues of those who have work to be done ---- */

static bool client_is_shaking(const struct client *c)
{
    return c->http == NULL;
}

static struct client_queue *queue_of(const struct client *c)
{
    return client_is_shaking(c) ? &shaking : &talking;
}

static void queue_add(struct client *c)
{
    struct client_queue *q = queue_of(c);

    if (c->is_queued)
        return;
    c->is_queued = true;
    /* A handshake that has begun is mostly paid for: finish it before the next one. */
    if (client_is_shaking(c) && c->tls != NULL)
        TAILQ_INSERT_HEAD(q, c, queue);
    else
        TAILQ_INSERT_TAIL(q, c, queue);
    loop_raise(work_bit);
}

static void queue_remove(struct client *c)
{
    if (c->is_queued)
        TAILQ_REMOVE(queue_of(c), c, queue);
    c->is_queued = false;
}

static struct client *queue_take(struct client_queue *q)
{
    struct client *c = TAILQ_FIRST(q);

    if (c != NULL)
        queue_remove(c);
    return c;
}

/* ---- coming and going ---- */

/* The client's memory; its socket is gone or about to go. */
static void client_forget(struct client *c)
{
    queue_remove(c);
    if (c->tls != NULL)
        tls_stream_close(c->tls);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        clients = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    c->port->count--;
    free(c->http);
    free(c);
}

static void client_abort(struct client *c)
{
    struct tcp_socket *socket = c->socket;

    client_forget(c);
    tcp_abort(socket);
}

static void goodbye_say(struct client *c)
{
    if (c->has_ended)
        return;
    c->has_ended = true;
    if (c->tls != NULL)
        tls_stream_end(c->tls);
    tcp_shutdown(c->socket);
}

static void client_end(struct client *c)
{
    struct tcp_socket *socket = c->socket;

    goodbye_say(c);
    client_forget(c);
    tcp_close(socket);
}

/* Ready for requests.  False: no memory. */
static bool client_begin_talking(struct client *c)
{
    c->http = malloc(sizeof(*c->http));
    if (c->http == NULL)
        return false;
    http_connection_open(c->http, &c->port->service, time_now_ns());
    return true;
}

static struct client *client_create(struct client_port *port, struct tcp_socket *socket)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->port = port;
    c->socket = socket;
    c->since_ns = time_now_ns();
    if (!port->uses_tls && !client_begin_talking(c)) {
        free(c);
        return NULL;
    }
    c->next = clients;
    if (clients != NULL)
        clients->previous = c;
    clients = c;
    port->count++;
    return c;
}

/* ---- talking ---- */

static struct tls_result plain_result(const struct client *c, size_t size)
{
    if (size > 0)
        return (struct tls_result){TLS_DONE, size};
    return (struct tls_result){tcp_peer_has_finished(c->socket) ? TLS_ENDED : TLS_WAITS, 0};
}

static struct tls_result client_read(struct client *c, char *data, size_t size)
{
    if (c->tls != NULL)
        return tls_stream_read(c->tls, data, size);
    return plain_result(c, tcp_receive(c->socket, data, size));
}

static struct tls_result client_write(struct client *c, struct text head, struct text body)
{
    size_t sent = 0;

    if (c->tls != NULL)
        return tls_stream_write(c->tls, head, body);
    if (head.size > 0)
        sent = tcp_send(c->socket, head.data, head.size);
    if (sent == head.size && body.size > 0)
        sent += tcp_send(c->socket, body.data, body.size);
    return (struct tls_result){sent > 0 ? TLS_DONE : TLS_WAITS, sent};
}

/* Each step returns whether another one may follow at once. */
static bool step_output(struct client *c, nsec_t now_ns)
{
    struct text head, body;

    http_connection_output(c->http, &head, &body);

    struct tls_result r = client_write(c, head, body);

    if (r.progress == TLS_DONE)
        http_connection_on_sent(c->http, r.size, now_ns);
    else if (r.progress != TLS_WAITS)
        http_connection_on_failure(c->http);
    if (r.progress == TLS_DONE && c->tls != NULL && c->http->state != HTTP_SENDING)
        first_answer_on_sent();
    return r.progress == TLS_DONE;
}

static bool step_input(struct client *c, nsec_t now_ns)
{
    struct http_room room = http_connection_room(c->http);

    if (room.size == 0)
        return false;

    struct tls_result r = client_read(c, room.data, room.size);

    if (r.progress == TLS_DONE)
        http_connection_on_input(c->http, r.size, now_ns);
    else if (r.progress == TLS_ENDED)
        http_connection_on_end(c->http, now_ns);
    else if (r.progress == TLS_FAILED)
        http_connection_on_failure(c->http);
    return r.progress == TLS_DONE || r.progress == TLS_ENDED;
}

/* Throw away what comes after the last answer; it isn't even decrypted. */
static bool step_discard(struct client *c, nsec_t now_ns)
{
    size_t size = tcp_received_bytes(c->socket);

    goodbye_say(c);
    http_connection_on_unsent(c->http, tcp_unsent_bytes(c->socket), now_ns);
    if (size == 0) {
        if (tcp_peer_has_finished(c->socket))
            http_connection_on_end(c->http, now_ns);
        return false;
    }
    tcp_consume(c->socket, size);
    http_connection_on_input(c->http, size, now_ns);
    return true;
}

static bool client_step(struct client *c, nsec_t now_ns)
{
    switch (c->http->state) {
    case HTTP_SENDING:
        /* Take requests in ahead: the stack's memory for received bytes is shared by all. */
        return step_output(c, now_ns)
               || (tcp_received_bytes(c->socket) > 0 && step_input(c, now_ns));
    case HTTP_IDLE:
    case HTTP_READING:
        return step_input(c, now_ns);
    case HTTP_DELIVERING:
    case HTTP_LINGERING:
        return step_discard(c, now_ns);
    case HTTP_CLOSED:
        break;
    }
    return false;
}

/* Do what can be done for this client now.  It may be gone afterwards. */
static void client_serve(struct client *c)
{
    nsec_t now_ns = time_now_ns();
    int steps = 0;

    http_service_on_time(&c->port->service, wall_clock_seconds(now_ns));
    while (steps < STEPS_MAX && client_step(c, now_ns))
        steps++;
    if (c->http->state == HTTP_CLOSED)
        client_end(c);
    else if (steps == STEPS_MAX)
        queue_add(c);
}

/* ---- shaking hands ---- */

static void client_shake(struct client *c)
{
    if (c->tls == NULL)
        c->tls = tls_stream_open(c->socket);

    enum tls_progress progress = c->tls == NULL ? TLS_FAILED : tls_stream_handshake(c->tls);

    if (progress == TLS_WAITS) {
        /* Only the client's own time counts, but all of it: a byte now and then gains nothing. */
        c->since_ns = time_now_ns() - c->waited_ns;
        return;
    }
    if (!client_begin_talking(c)) {
        client_abort(c);
        return;
    }
    /* Why a handshake failed is in an alert, which the client loses if it is cut off now. */
    if (progress != TLS_DONE)
        http_connection_linger(c->http, time_now_ns());
    client_serve(c);
}

/* A little of each kind of work, then the loop looks at everything else. */
static void on_work(void *context)
{
    struct client *talker = queue_take(&talking);
    struct client *shaker;

    (void)context;
    if (talker != NULL)
        client_serve(talker);
    shaker = queue_take(&shaking);
    if (shaker != NULL)
        client_shake(shaker);
    if (!TAILQ_EMPTY(&talking) || !TAILQ_EMPTY(&shaking))
        loop_raise(work_bit);
    tcp_client_flush(network);
}

/* ---- time ---- */

/* Since when the client has kept us waiting; UINT64_MAX while it doesn't. */
static nsec_t client_waiting_since(const struct client *c)
{
    if (c->is_queued)
        return UINT64_MAX;
    return client_is_shaking(c) ? c->since_ns : http_connection_waiting_since(c->http);
}

static bool port_is_scarce(const struct client_port *port)
{
    return port->count + PLACES_SCARCE > port->limit;
}

/* How long it may keep us waiting where places run short. */
static nsec_t client_least_ns(const struct client *c)
{
    bool is_mute = client_is_shaking(c) && c->tls == NULL;

    if (is_mute && port_is_scarce(c->port))
        return MUTE_LEAST_MS * NS_PER_MS;
    if (is_mute || (!client_is_shaking(c) && c->http->state == HTTP_IDLE))
        return SILENT_LEAST_S * NS_PER_S;
    return WAITING_LEAST_S * NS_PER_S;
}

/* Would anybody miss it, were its place needed? */
static bool client_may_go(const struct client *c, nsec_t now_ns)
{
    nsec_t since_ns = client_waiting_since(c);

    return since_ns < now_ns && now_ns - since_ns >= client_least_ns(c);
}

/* Make room on a port that is nearly full.  False: there is nobody to blame. */
static bool port_evict(const struct client_port *port, nsec_t now_ns)
{
    struct client *victim = NULL;

    for (struct client *c = clients; c != NULL; c = c->next) {
        if (c->port == port && client_may_go(c, now_ns)
            && (victim == NULL || client_waiting_since(c) < client_waiting_since(victim)))
            victim = c;
    }
    if (victim != NULL)
        client_abort(victim);
    return victim != NULL;
}

/* It sends what we have no room for while it doesn't read what we send. */
static bool client_is_jammed(struct client *c, nsec_t now_ns)
{
    return c->http->state == HTTP_SENDING && tcp_received_bytes(c->socket) > 0
           && http_connection_room(c->http).size == 0
           && now_ns - http_connection_waiting_since(c->http) >= JAMMED_S * NS_PER_S;
}

static bool client_is_late(struct client *c, nsec_t now_ns)
{
    if (client_is_shaking(c))
        return !c->is_queued && now_ns - c->since_ns >= HANDSHAKE_S * NS_PER_S;
    if (client_is_jammed(c, now_ns))
        http_connection_on_failure(c->http);
    http_connection_on_unsent(c->http, tcp_unsent_bytes(c->socket), now_ns);
    http_connection_on_time(c->http, now_ns);
    return c->http->state == HTTP_CLOSED;
}

static void client_on_time(struct client *c, nsec_t now_ns)
{
    if (!client_is_late(c, now_ns)) {
        /* It may have an answer now: that its request took too long. */
        if (!client_is_shaking(c) && c->http->state == HTTP_SENDING)
            queue_add(c);
        return;
    }
    /* What it hasn't taken by now it isn't going to take. */
    if (client_is_shaking(c) || tcp_unsent_bytes(c->socket) > 0)
        client_abort(c);
    else
        client_end(c);
}

static void on_tick(void *context, struct loop_timer *t)
{
    nsec_t now_ns = time_now_ns();
    nsec_t pause_ns = NS_PER_S;
    struct client *next;

    (void)context;
    for (struct client *c = clients; c != NULL; c = next) {
        next = c->next;
        client_on_time(c, now_ns);
    }
    for (int i = 0; i < PORTS_MAX && ports[i] != NULL; i++) {
        while (ports[i]->count + PLACES_SPARE > ports[i]->limit && port_evict(ports[i], now_ns))
            ;
        /* Once all places are taken nobody comes to make room for. */
        if (port_is_scarce(ports[i]))
            pause_ns = MUTE_LEAST_MS * NS_PER_MS;
    }
    if (clients != NULL)
        loop_timer_start(t, now_ns + pause_ns);
    tcp_client_flush(network);
}

/* ---- what the network says ---- */

static void on_accepted(struct tcp_socket *socket)
{
    struct client_port *port = tcp_context(socket);
    bool is_first = clients == NULL;
    struct client *c = client_create(port, socket);

    if (c == NULL) {
        tcp_abort(socket);
        return;
    }
    tcp_set_context(socket, c);
    if (is_first)
        loop_timer_start(&tick, time_after_ns(NS_PER_S));
    if (port->count + PLACES_SPARE > port->limit && !port_evict(port, c->since_ns)
        && port_is_scarce(port))
        loop_timer_start(&tick, c->since_ns + MUTE_LEAST_MS * NS_PER_MS);
}

static void on_activity(struct tcp_socket *socket)
{
    struct client *c = tcp_context(socket);

    if (c->is_queued)
        return;
    if (client_is_shaking(c)) {
        c->waited_ns = time_now_ns() - c->since_ns;
        queue_add(c);
    } else if (c->http->state == HTTP_SENDING) {
        queue_add(c); /* the rest of a long answer: not before others' short ones */
    } else {
        client_serve(c);
    }
}

static void on_closed(struct tcp_socket *socket, enum status status)
{
    (void)status;
    client_forget(tcp_context(socket));
}

static const struct tcp_handler handler = {
    .on_accepted = on_accepted,
    .on_readable = on_activity,
    .on_writable = on_activity,
    .on_peer_fin = on_activity,
    .on_closed = on_closed,
};

enum status client_start(struct tcp_client *net)
{
    network = net;
    tick.on_time = on_tick;
    return loop_bit_allocate(on_work, NULL, &work_bit);
}

enum status client_port_open(struct client_port *port)
{
    int place = 0;

    while (place < PORTS_MAX && ports[place] != NULL)
        place++;
    if (place == PORTS_MAX)
        return STATUS_OUT_OF_SPACE;
    ports[place] = port;
    return tcp_listen(network, port->number, port->limit, &handler, port, &port->listener);
}

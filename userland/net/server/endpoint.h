/*
 * Endpoint: the stack's end of a client's TCP socket, between lwIP's connection and the client's
 * rings.
 *
 *      CONNECTING --handshake--> OPEN --CLOSE, both FINs, reset, time-out--> ENDED --CLOSED told-->
 *      WAITING ----ACCEPT------^
 *      LISTENING --CLOSE--> ENDED
 *
 * WAITING is an accepted connection that its listener has no credit for.  A lwIP connection belongs
 * to its endpoint until that has ended; then lwIP alone finishes it.
 *
 * Nothing is told at once: calls and lwIP's callbacks note what is owed to the client and touch the
 * endpoint, and endpoint_settle_touched() tells as much as ring and chunks have room for.  What is
 * left stays noted, on the client's list of stalled endpoints.
 */
#pragma once

#include <sys/queue.h>

#include "client.h"
#include "lwip/tcp.h"
#include "net/status.h"

enum endpoint_state {
    ENDPOINT_CONNECTING = 1,
    ENDPOINT_LISTENING = 2,
    ENDPOINT_WAITING = 3,
    ENDPOINT_OPEN = 4,
    ENDPOINT_ENDED = 5,
};

/* What the client has yet to be told, besides data and SENT. */
enum endpoint_debt {
    DEBT_ACCEPTED = 1U << 0,
    DEBT_CONNECTED = 1U << 1,
    DEBT_PEER_FIN = 1U << 2,
    DEBT_CLOSED = 1U << 3,
};

struct endpoint_send {
    uint32_t offset, length; /* in the client's segment; inside, as checked once */
    uint16_t flags;
};

TAILQ_HEAD(endpoint_list, endpoint);

/* What a client of net:Tcp has beside its connection. */
struct endpoint_owner {
    struct endpoint_list stalled; /* could not tell all: no room or no chunk */
    struct endpoint_list quiet;   /* have a SENT to tell when something else is told */
};

struct endpoint {
    uint32_t number;
    enum endpoint_state state;
    bool is_listener; /* whatever became of it: it counts as one until it is released */
    struct client *client;
    struct tcp_pcb *pcb; /* owned until ENDED; NULL: gone */

    /* To the peer. */
    struct endpoint_send sends[NET_TCP_SENDS_MAX]; /* a ring, the oldest at `send_first` */
    uint32_t send_first, send_count;
    uint32_t send_done;  /* bytes of the oldest that lwIP has */
    uint32_t sent_owed;  /* bytes to report by SENT */
    bool is_sent_urgent; /* report them even if there is nothing else to tell */
    bool is_shut;        /* no SEND will follow: FIN behind the last */
    bool is_fin_queued;
    bool is_closing; /* the client has closed it */

    /* From the peer. */
    struct pbuf *received, *received_last; /* single buffers, linked by `next` */
    uint32_t received_bytes;               /* in them */
    uint32_t delivered_bytes;              /* in chunks that the client holds */
    bool is_peer_finished;

    unsigned debts; /* set of enum endpoint_debt */
    enum status outcome;
    uint32_t tag;      /* of CONNECT */
    uint32_t listener; /* of an accepted one */
    uint32_t credits;  /* of a listener: connections it may still accept */
    uint64_t total_sent, total_received;

    bool is_touched, is_stalled, is_quiet, is_starved, is_output_due;
    TAILQ_ENTRY(endpoint) touched, stalled, quiet, starved, waiting;
    struct endpoint_list waiting_list; /* of a listener */
};

struct endpoint_counters {
    uint64_t accepted, connected, resets;
    uint64_t sent_bytes, received_bytes;
    uint64_t drops; /* segments that found their program too far behind */
};

void endpoint_init(void);

/* A client's new socket.  Both count against its program's limit.
 * Errors: OUT_OF_MEMORY; of listen: BUSY (port taken), OUT_OF_QUOTA; of connect: NOT_FOUND (no
 * route). */
CHECK_RESULT enum status endpoint_listen(struct client *client, uint16_t port, uint32_t credits,
                                         struct endpoint **out);
CHECK_RESULT enum status endpoint_connect(struct client *client, const struct net_address *address,
                                          uint16_t port, uint32_t tag, struct endpoint **out);

/* The client's socket of this number, NULL if it has none such. */
struct endpoint *endpoint_find(const struct client *client, uint32_t number);

/* Errors: BAD_DATA, the client broke a rule. */
CHECK_RESULT enum status endpoint_send(struct endpoint *e, uint32_t offset, uint32_t length,
                                       uint16_t flags);
void endpoint_accept_more(struct endpoint *listener, uint32_t count);
void endpoint_give_back(const struct client *client, const struct chunk *chunk);
void endpoint_shutdown(struct endpoint *e);
void endpoint_close(struct endpoint *e);
void endpoint_abort(struct endpoint *e);

/* The client is gone: reset all it had. */
void endpoint_abort_all(const struct client *client);

/* Tell clients what is owed, hand lwIP what waits for memory, let lwIP send. */
void endpoint_settle_touched(void);

/* The client has room, or chunks, again. */
void endpoint_touch_stalled(struct client *client);

/* The client is about to be woken: tell what could wait for that. */
void endpoint_tell_quiet(struct client *client);

/* What was on its way when a driver died is to be sent again now, not when its timer says so.  It
 * counts as no sign of a bad path.  endpoint_output_all() comes next. */
void endpoint_send_again(void);

/* The driver takes frames again after it took none. */
void endpoint_output_all(void);

/* Once a second: when receive buffers are short, reset the connections that hold them for clients
 * that don't read; when packet memory is, those that clients have closed and whose peers don't read
 * what is left. */
void endpoint_relieve(void);

void endpoint_counters_read(struct endpoint_counters *out);
size_t endpoint_count(void);

/* For people: the sockets from slot `*slot` on. */
bool endpoint_record_next(size_t *slot, struct net_socket_record *out);

/*
 * Connections: what a client gets for a service's name.
 *
 * A connection is the service's portal, for requests that are answered at once, and a pair of
 * rings, for everything that streams, with a shared buffer of either side for what doesn't fit
 * into a 32-byte message.  Each side makes its own segment (one *area* with the index it writes,
 * and its outgoing messages) and lets the other map it read-only; each side's doorbell is one bit
 * of the other's event.  Both ends look alike: `struct connection`.
 *
 * Life of one end:
 *
 *      CLOSED --start--> WAITING --service up, OPEN answered--> OPEN --close--> CLOSED
 *                           ^                                    |
 *                           +---- connection_start again ---- DEAD (peer died or broke the rules)
 *
 * Opening costs two portal calls; from then on a message costs no system call while the peer is
 * awake.  When the peer dies, on_close runs once with STATUS_PEER_DEAD; a client then usually
 * starts again, and `epoch` tells the new rings from the old: an area of another one is BAD_DATA.
 *
 * Callbacks run on the loop's thread inside the monitor, on_call on the caller's thread inside the
 * monitor.
 *
 * Protocol.  Words 0 of portal calls from 1<<63 up belong to the runtime:
 *   CONNECTION_OPEN   word 1 version, word 2 capacity out, word 3 bytes of buffer wanted from the
 *                     server, word 4 epoch; handle 0 the client's area (R), handle 1 its doorbell
 *                     (SIGNAL, INSPECT), handle 2 its buffer or 0
 *       answer        word 0 status, word 1 capacity out of the server; handles likewise
 * The area starts with struct connection_area; its messages follow at CONNECTION_MESSAGES_OFFSET.
 * Who ends the connection sets is_closed in its own area and rings.
 */
#pragma once

#include "abi/rights.h"

#include "rt/loop.h"
#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/ring.h"

#define CONNECTION_OPEN  (UINT64_C(1) << 63)
#define CONNECTION_MAGIC UINT64_C(0x314e4e4f434f52) /* "ROCONN1" read as bytes */

enum {
    CONNECTION_VERSION = 1,
    CONNECTION_CAPACITY_MIN = 2,
    CONNECTION_CAPACITY_MAX = 1 << 16,
    CONNECTION_MESSAGES_OFFSET = 256,
    CONNECTION_BATCH = 64, /* messages taken before their room is given back */
};

/* The start of each side's segment; only that side writes it, and its label is "ring" and the
 * service's name, so that the launcher can find it and its other half for the shell. */
struct connection_area {
    uint64_t magic;
    uint64_t epoch;
    uint64_t capacity; /* messages, outgoing */
    uint64_t is_server;
    uaddr_t peer_address;       /* of the other side's area */
    _Atomic uint64_t is_closed; /* this side has ended the connection */
    uint64_t reserved[2];
    struct ring_producer_area out;
    struct ring_consumer_area in;
};
_Static_assert(sizeof(struct connection_area) <= CONNECTION_MESSAGES_OFFSET, "messages follow");

enum connection_state {
    CONNECTION_CLOSED = 0,
    CONNECTION_WAITING = 1, /* for the service to come up */
    CONNECTION_OPENED = 2,
    CONNECTION_DEAD = 3,
};

/* What one side brings. */
struct connection_config {
    uint64_t capacity;           /* of the outgoing ring, a power of two; 0: 64 */
    uint64_t buffer_bytes;       /* of the own shared buffer; 0: none (or `buffer`) */
    unsigned buffer_flags;       /* enum memory_flag */
    rights_t buffer_rights;      /* the peer's, to the own buffer; 0: RIGHT_READ */
    const struct memory *buffer; /* share this instead of a new one; borrowed, stays the caller's */
    uint64_t wanted_bytes;       /* client: the buffer that the server is asked to bring; 0: none */
};

struct connection;

/* What an end does when something happens.  Any may be NULL. */
struct connection_ops {
    /* Client: the rings are there (again).  Server: a client asks, there are no rings yet; `config`
     * is the service's and may be changed for this one, c->wanted_bytes says what it asked for.
     * Anything but OK refuses. */
    enum status (*on_open)(void *context, struct connection *c, struct connection_config *config);
    /* Messages may be there: connection_receive() until false.  Of those that are left nothing is
     * said until connection_resume(), or until they were received elsewhere. */
    void (*on_messages)(void *context, struct connection *c);
    /* There is room again, after connection_send() found none. */
    void (*on_room)(void *context, struct connection *c);
    /* Server: a portal call of this client; the answer is left in `m`, its status by custom in
     * word 0.  Handles as in portal_serve(). */
    void (*on_call)(void *context, struct connection *c, struct portal_message *m);
    /* Over: PEER_DEAD, CLOSED (by the peer), BAD_DATA (it broke the ring) or the reason why a start
     * failed.  Runs once per opening, before the memory goes.  CLOSED comes when the messages that
     * on_messages has left are taken, too; one that waits for room to answer them waits in vain. */
    void (*on_close)(void *context, struct connection *c, enum status why);
};

/* One end.  Fields are to be read, not written, except `user`. */
struct connection {
    enum connection_state state;
    bool is_server;
    bool is_paused;       /* on_messages left some; silent until connection_resume() */
    bool is_room_awaited; /* connection_send() found no room */
    bool is_ending;       /* inside on_close */
    bool is_restart_due;  /* connection_restart() inside on_close */
    bool has_failed;      /* client: WAITING for a service that somebody has to start again */
    struct ring_producer out;
    struct ring_consumer in;
    handle_t doorbell; /* the peer's */
    void *user;        /* the program's, e.g. its state of this client */
    const struct connection_ops *ops;
    void *context;
    uint64_t badge;        /* server: of the client; client: 0 */
    uint64_t epoch;        /* how often the client has opened it */
    uint64_t wanted_bytes; /* server: of buffer, what the client asked for */
    handle_t portal;       /* client: the service's; server: 0 */
    struct memory own_area, peer_area;
    struct memory own_buffer, peer_buffer; /* address NULL: none */
    bool is_buffer_borrowed;
    bool has_bits;         /* client: unless CLOSED */
    unsigned doorbell_bit; /* of the own event */
    unsigned status_bit;   /* client: death of the service, or news of it coming up */
    handle_t status_event; /* client: sets status_bit */
    struct loop_timer retry;
    struct connection_config config;
    const char *service;
    struct connection *next_client; /* server: in the service's list */
};

/*
 * Client: start opening, return at once; ops->on_open or ops->on_close tells the rest.  `c` is
 * zeroed by the caller before the first time and may be started again when CLOSED or DEAD, but not
 * inside on_close: there it is connection_restart().
 * A service that has failed, and stays down until somebody starts it, is waited for like one that
 * will be back soon; the log says so, and c->has_failed.
 * Ownership: borrows c, service, ops and config->buffer until on_close has returned.
 * Errors: BAD_ARGUMENT, BAD_STATE, OUT_OF_QUOTA; DENIED, NOT_FOUND from the launcher.
 */
CHECK_RESULT enum status connection_start(struct connection *c, const char *service,
                                          const struct connection_config *config,
                                          const struct connection_ops *ops, void *context);

/* Client: the same, waiting until it is open.  For main() before loop_run(). */
CHECK_RESULT enum status connection_open(struct connection *c, const char *service,
                                         const struct connection_config *config,
                                         const struct connection_ops *ops, void *context);

/* End it in order, from either side; on_close of the other side runs with CLOSED, ours doesn't.
 * A client's memory is the caller's again, outside its own callbacks; one that is DEAD is closed
 * first, too. */
void connection_close(struct connection *c);

/* Start again after on_close, with the same arguments; for use inside or after on_close. */
CHECK_RESULT enum status connection_restart(struct connection *c);

/* Client: portal_request() to the service. */
CHECK_RESULT enum status connection_call(struct connection *c, struct portal_message *m);

/* The slow half of connection_has_room(). */
CHECK_RESULT bool connection_await_room(struct connection *c);

/* There is room for a message; if not, on_room will tell. */
CHECK_RESULT static inline bool connection_has_room(struct connection *c)
{
    if (__builtin_expect(c->state != CONNECTION_OPENED, 0))
        return false;
    return __builtin_expect(ring_has_room(&c->out), 1) || connection_await_room(c);
}

/* Put one message into the outgoing ring; the peer sees it at connection_flush().
 * False: no room (on_room will tell), or not open. */
CHECK_RESULT static inline bool connection_send(struct connection *c, const struct ring_message *m)
{
    return connection_has_room(c) && ring_put(&c->out, m);
}

/* Publish what was sent, and ring the doorbell if the peer sleeps.  The runtime does it at the end
 * of every callback of this connection; elsewhere it is for the sender to do. */
void connection_flush(struct connection *c);

/* Have on_messages called again for messages that it left; nothing happens if it left none. */
void connection_resume(struct connection *c);

/* Take one message, in on_messages or elsewhere.  False: none left; on_messages tells of more. */
CHECK_RESULT static inline bool connection_receive(struct connection *c, struct ring_message *out)
{
    if (__builtin_expect(c->state == CONNECTION_OPENED, 1) && ring_take(&c->in, out))
        return true;
    connection_resume(c);
    return false;
}

/* The peer broke the protocol: end it, on_close runs with BAD_DATA. */
void connection_fail(struct connection *c);

/*
 * The shared buffers, NULL where there is none.  Memory of the peer may change while it is read:
 * copy, then check.  connection_peer_range() says whether bytes that a message names lie inside.
 */
void *connection_buffer(const struct connection *c, uint64_t *length_bytes);
void *connection_peer_buffer(const struct connection *c, uint64_t *length_bytes);
bool connection_peer_range(const struct connection *c, uaddr_t address, uint64_t length_bytes);

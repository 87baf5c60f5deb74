/*
 * A client of the stack: one connection to one of its services.
 *
 * Wraps the runtime's connection with what all three services need: messages as struct
 * net_message, the client's buffer behind bounds checks, the chunks of the stack's own.  Nothing a
 * client does reaches another: it has its own rings and its own chunks.  What lwIP has only so many
 * of is counted by program: a program may have several connections.
 */
#pragma once

#include "chunk_pool.h"
#include "net/protocol.h"
#include "rt/service.h"

enum { CLIENTS_PER_SERVICE = 16 };

struct client {
    struct connection *connection;
    const char *service;       /* its name */
    uint8_t *chunk_bytes;      /* the stack's buffer segment; NULL until the first message */
    const uint8_t *peer_bytes; /* the client's; may change at any time */
    uint64_t peer_length;
    struct net_message answer; /* found no room in the ring; kind 0: none */
    struct chunk_pool chunks;
    uint16_t number; /* for people */
    uint16_t socket_count, listener_count;
    uint32_t freed_count, freed_seen; /* chunks that came back; the same at the last look */
    bool is_expelled;                 /* broke the protocol: nothing more of it is looked at */
    bool is_unflushed;                /* messages wait for client_flush_all() */
    struct client *next;              /* all clients of all services */
    void (*on_flush)(struct client *client); /* something to add before it wakes; may be NULL */
    void *state;                             /* the service's */
};

struct client_usage {
    uint64_t count;
    uint64_t expelled; /* ever */
};

/* For ops->on_open: make a client of a fresh connection, with `state_bytes` of zeroed state and as
 * many chunks as it asked for. */
CHECK_RESULT enum status client_open(struct connection *c, struct connection_config *config,
                                     size_t state_bytes, struct client **out);

/* The program that it is a connection of, by its domain's id. */
uint32_t client_domain(const struct client *client);

/* What its program has of this service, over all its connections: sockets, and listeners among
 * them. */
uint32_t client_domain_sockets(const struct client *client);
uint32_t client_domain_listeners(const struct client *client);

/* For ops->on_close.  The service has let go of everything that points here. */
void client_close(struct client *client);

/* The next message.  False: none, or an answer waits for room; client_on_room() goes on then. */
bool client_receive(struct client *client, struct net_message *out);

/* Answer a message; without room the answer waits, and with it the client's next message: who
 * doesn't read isn't read. */
void client_answer(struct client *client, const struct net_message *m);

/* Send a message at the next flush.  False: the ring is full; on_room tells when it isn't. */
bool client_send(struct client *client, const struct net_message *m);

/* The bytes that a message names, NULL if they are not all inside the client's segment. */
const uint8_t *client_bytes(const struct client *client, uint32_t offset, uint32_t length);

/* Take a chunk and say where to write; NULL: none free.  `*offset` names it to the client. */
uint8_t *client_chunk(struct client *client, uint32_t socket, uint16_t length, uint32_t *offset);

/* The chunk could not be sent after all. */
void client_chunk_return(struct client *client, uint32_t offset);

/* The client broke the rules: nothing more is taken from it, and its on_close follows soon. */
void client_expel(struct client *client, const char *reason);

/* Show all clients what was sent to them. */
void client_flush_all(void);

/* For ops->on_room. */
void client_on_room(struct client *client);

void client_usage_read(struct client_usage *out);

/* Config of the three services: rings and the stack's buffer segment. */
extern const struct service_config client_service_config;

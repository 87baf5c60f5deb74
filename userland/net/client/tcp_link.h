/*
 * The parts of a TCP client that its sockets and its connection share.  Not for programs: they use
 * net/tcp_client.h.
 */
#pragma once

#include <sys/queue.h>

#include "net/protocol.h"
#include "net/tcp_client.h"
#include "reopening.h"
#include "rt/connection.h"
#include "send_buffer.h"

enum {
    RECEIVE_CHUNKS = NET_STACK_BUFFER_BYTES / NET_CHUNK_BYTES,
    SOCKET_BUCKETS = 256,
    FREES_HELD_BACK = 16, /* chunks that may wait for something else to tell the stack */
};

/* A chunk of the stack's segment that holds received bytes. */
struct received_chunk {
    uint16_t length;
    uint16_t next;    /* place + 1; 0 ends the list */
    uint16_t is_held; /* from DATA until it is noted in `frees` */
};

struct tcp_socket {
    uint32_t number; /* the stack's; 0: not known yet */
    uint32_t tag;    /* of CONNECT */
    struct tcp_client *client;
    struct tcp_listener *listener; /* NULL: it was connected from here */
    const struct tcp_handler *handler;
    void *context;
    struct net_address remote;
    uint16_t remote_port;

    struct send_queue send;
    uint32_t sends[NET_TCP_SENDS_MAX]; /* bytes of each SEND not yet answered, oldest first */
    uint32_t sends_first, sends_count;

    uint16_t received_first, received_last; /* places + 1 in client->received */
    uint32_t received_skip;                 /* consumed of the first */
    uint32_t received_bytes;

    bool is_peer_finished;
    bool is_shut, is_shut_told;
    bool is_closing, is_aborting, is_end_told; /* the program is done with it */
    bool is_room_wanted;                       /* on_writable is due when there is room */
    bool is_ended; /* in order, on the stack's side; bytes to be consumed are left */
    bool is_dirty; /* on the client's list */
    TAILQ_ENTRY(tcp_socket) dirty, waiting, all;
    struct tcp_socket *next_in_bucket;
};

TAILQ_HEAD(tcp_socket_list, tcp_socket);

struct tcp_listener {
    struct tcp_client *client;
    struct tcp_listener *next;
    const struct tcp_handler *handler;
    void *context;
    uint32_t number; /* 0: not listening now */
    uint32_t tag;
    uint32_t sockets_max, sockets_open;
    uint32_t credits_owed; /* ended sockets that the stack doesn't know of */
    uint16_t port;
    bool is_told;    /* LISTEN has been sent */
    bool is_refused; /* and was in vain: to be sent again */
};

struct tcp_client {
    struct connection connection;
    struct reopening reopening;
    struct tcp_client_limits limits;
    struct send_pool pool;
    struct tcp_listener *listeners;
    struct tcp_socket_list all, dirty, waiting; /* waiting: for send space */
    struct tcp_socket *buckets[SOCKET_BUCKETS];
    const uint8_t *stack_bytes;
    struct received_chunk received[RECEIVE_CHUNKS];
    uint16_t frees[RECEIVE_CHUNKS]; /* chunks to give back */
    uint32_t frees_count;
    uint32_t socket_count, waiting_count;
    uint32_t last_tag;
    struct loop_timer listen_again;
};

/* --- tcp_connection.c: what goes to and comes from the stack --- */

CHECK_RESULT enum status tcp_connection_start(struct tcp_client *client);

/* Send all that is due and has room. */
void tcp_connection_push(struct tcp_client *client);

/* --- tcp_socket.c --- */

struct tcp_socket *tcp_socket_create(struct tcp_client *client);

/* The stack has ended it in order: forget its number, keep what it has received. */
void tcp_socket_outlive(struct tcp_socket *socket);

/* Callback, if the program still wants any, and free it. */
void tcp_socket_end(struct tcp_socket *socket, enum status why);

void tcp_socket_number(struct tcp_socket *socket, uint32_t number);
struct tcp_socket *tcp_socket_find(const struct tcp_client *client, uint32_t number);

/* It has something for the stack. */
void tcp_socket_dirty(struct tcp_socket *socket);

/* A chunk's bytes have arrived.  The caller has checked that they lie inside. */
void tcp_socket_append(struct tcp_socket *socket, uint16_t place, uint16_t length);

/* The stack has `length` bytes of what was sent.  Errors: BAD_DATA. */
CHECK_RESULT enum status tcp_socket_sent(struct tcp_socket *socket, uint32_t length);

/* Chunks were freed: call on_writable where it is due. */
void tcp_socket_wake_waiting(struct tcp_client *client);

/*
 * TCP for programs: sockets with callbacks, over one connection to net:Tcp.
 *
 * Everything happens in the program's event loop: callbacks come from it, calls from callbacks (or
 * from anything else that the loop runs) return at once.  What is sent is copied into a send
 * buffer of the socket and handed to the stack when the callback returns, so many small sends make
 * one packet.  What is received stays in place until it is consumed; not consuming it stops the
 * peer.
 *
 * If the stack dies every socket closes with PEER_DEAD; the library connects to the new stack by
 * itself, as soon as that succeeds, and listens there again.
 *
 * Ownership: a socket belongs to the library.  The pointer is good until tcp_close or tcp_abort, or
 * until on_closed has returned.  No callback comes after any of them.
 */
#pragma once

#include "abi/status.h"
#include "net/address.h"

struct tcp_client;
struct tcp_listener;
struct tcp_socket;

struct tcp_client_limits {
    uint32_t sockets;           /* at most NET_TCP_SOCKETS_MAX */
    uint32_t send_buffer_bytes; /* of all sockets together, in the segment shared with the stack */
    uint32_t socket_send_bytes; /* of one socket, as long as half of the buffer is free */
};

/* Any of them may be NULL. */
struct tcp_handler {
    void (*on_accepted)(struct tcp_socket *socket);  /* a listener's new socket */
    void (*on_connected)(struct tcp_socket *socket); /* tcp_connect has succeeded */
    void (*on_readable)(struct tcp_socket *socket);  /* more bytes than at the last call */
    void (*on_writable)(struct tcp_socket *socket);  /* room again after tcp_send took too little */
    void (*on_peer_fin)(struct tcp_socket *socket);  /* no byte follows those there are */
    /* Reset, given up, failed to connect: what was not sent or consumed is lost.  Or CLOSED: both
     * sides are done, and all was consumed. */
    void (*on_closed)(struct tcp_socket *socket, enum status status);
};

/*
 * Start using net:Tcp.  `limits` NULL: the defaults (1,024 sockets, 1 MiB, 32 KiB).
 * Succeeds also while the stack is not up yet: listening begins, and connecting fails, as it is.
 * Errors: OUT_OF_MEMORY, OUT_OF_QUOTA, DENIED (the manifest does not let this program).
 */
CHECK_RESULT enum status tcp_client_open(const struct tcp_client_limits *limits,
                                         struct tcp_client **out);

/* Hand over what callbacks and sends left to be handed over.  Only code that runs outside of
 * this library's callbacks (a timer, say) and has sent, consumed or closed something needs it. */
void tcp_client_flush(struct tcp_client *client);

/*
 * Accept connections to `port`, at most `sockets_max` open at a time (the rest waits with the
 * stack, a short while).  `handler` stays borrowed; `context` is that of every new socket until
 * tcp_set_context.
 * Errors: OUT_OF_MEMORY.  That the port is taken, or that the stack has no room for a listener,
 * shows in the log, and it is tried again and again.
 */
CHECK_RESULT enum status tcp_listen(struct tcp_client *client, uint16_t port, uint32_t sockets_max,
                                    const struct tcp_handler *handler, void *context,
                                    struct tcp_listener **out);

/* Connect; the outcome is on_connected or on_closed.  Errors: OUT_OF_MEMORY, PEER_DEAD. */
CHECK_RESULT enum status tcp_connect(struct tcp_client *client, const struct net_address *address,
                                     uint16_t port, const struct tcp_handler *handler,
                                     void *context, struct tcp_socket **out);

void tcp_set_handler(struct tcp_socket *socket, const struct tcp_handler *handler);
void tcp_set_context(struct tcp_socket *socket, void *context);
void *tcp_context(const struct tcp_socket *socket);
struct tcp_client *tcp_socket_client(const struct tcp_socket *socket);
const struct net_address *tcp_remote_address(const struct tcp_socket *socket);
uint16_t tcp_remote_port(const struct tcp_socket *socket);

/* Copy out and consume up to `length` bytes; 0: nothing there now. */
size_t tcp_receive(struct tcp_socket *socket, void *out, size_t length);

/* The first run of received bytes, in place; good until consumed.  The stack could change them at
 * any time: read each once, or copy. */
size_t tcp_peek(struct tcp_socket *socket, const uint8_t **out);
void tcp_consume(struct tcp_socket *socket, size_t length);

/* All received bytes that are not consumed; and whether the peer will send no more. */
size_t tcp_received_bytes(const struct tcp_socket *socket);
bool tcp_peer_has_finished(const struct tcp_socket *socket);

/* Copy into the send buffer; returns how many bytes fitted.  Less than all: on_writable comes. */
size_t tcp_send(struct tcp_socket *socket, const void *data, size_t length);

/* Write in place instead: room of *space bytes (NULL: none now, on_writable comes), then how many
 * of them were used. */
uint8_t *tcp_reserve(struct tcp_socket *socket, size_t *space);
void tcp_commit(struct tcp_socket *socket, size_t length);

/* Bytes that tcp_send would take now; bytes taken but not yet accepted by the stack. */
size_t tcp_send_space(const struct tcp_socket *socket);
size_t tcp_unsent_bytes(const struct tcp_socket *socket);

void tcp_shutdown(struct tcp_socket *socket); /* no more will be sent; receiving goes on */
void tcp_close(struct tcp_socket *socket);    /* send what is buffered, then end it */
void tcp_abort(struct tcp_socket *socket);    /* reset */

/*
 * What the tests of the network stack share: the whole stack with its clients in one process, lwIP,
 * the services, the client library and the runtime as they are, over a kernel and a driver that are
 * played here.  Connections go through lwIP's loop, to the stack's own address.
 *
 * It begins with client_names.h, so it is included before all that declares the client library.
 */
#pragma once

#include "client_names.h"
#include "net/status.h"
#include "net/tcp_client.h"
#include "rt/service.h"

/* --- the driver --- */

enum { DRIVER_BUFFERS = 256, FRAME_BYTES_MAX = 1600 };

extern struct driver {
    struct service service;
    struct connection *connection;
    struct memory transmit, receive;
    uint16_t posted[DRIVER_BUFFERS];
    unsigned posted_count;
    uint8_t sent[FRAME_BYTES_MAX]; /* the last frame that the stack sent */
    unsigned sent_length, sent_count;
    uint16_t unreported[DRIVER_BUFFERS];
    unsigned unreported_count;
    unsigned asked_count; /* how often the stack asked for what has left */
    bool is_refusing;     /* takes no pools */
    unsigned refused_count;
} driver;

/* All frames that the stack sent have left. */
void driver_report(void);

/* A frame arrives. */
void driver_receive(const uint8_t *frame, uint16_t length);

/* So many receive buffers, at most 256, wait for somebody. */
void hold_buffers(unsigned count);

/* Who has 10.0.2.15?  Tell 10.0.2.2 at 52:55:0a:00:02:02. */
extern const uint8_t arp_request[42];

/* --- the machine --- */

/* For the group of tests: the stack is up and `client` is open. */
int start(void **state);

/* All is done that is due. */
void settle(void);

/* Let `ms` milliseconds pass, with everything that is due in them. */
void pass(unsigned ms);

struct net_counters counters(void);

extern const struct net_address own;

/* --- a program with sockets --- */

enum { SIDE_BYTES_MAX = 400000 };

/* One end of a connection, with what it has seen. */
struct side {
    struct tcp_socket *socket; /* NULL: none, or closed */
    uint8_t received[SIDE_BYTES_MAX];
    size_t received_count, to_send, sent;
    unsigned accepted, connected, fins, closes;
    enum status why;
    bool is_lazy; /* leaves what it receives where it is */
};

extern struct side near, far;
extern struct tcp_client *client;
extern const struct tcp_handler side_handler; /* with a side as the context */

enum { PORT = 1001 };

/* What a side sends: its bytes by their places. */
uint8_t pattern(size_t i);

/* As much of s->to_send as there is room for. */
void side_send(struct side *s);

/* Receive what there is, as on_readable does. */
void side_read(struct tcp_socket *socket);

void assert_received(const struct side *s, size_t count);

/* Fresh sides, and a listener for the far one. */
void listen_for_sides(void);
/* The same, and a connection between them. */
void connect_sides(void);

/* Everything that connections used is free again once lwIP has forgotten them. */
void assert_clean(void);

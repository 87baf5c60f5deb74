/*
 * Clients: everyone who is connected to this server, each with a socket, perhaps an encrypted
 * stream over it, and an HTTP connection on top.
 *
 *      accepted --(first bytes)--> shaking hands --> talking --> gone
 *          `------(port without TLS)-------------------^
 *
 * Memory is bounded by the number of clients, and none of them can hold its place for long: each
 * step has its deadline, and when places run short those go first that have kept us waiting
 * longest.  Handshakes cost a thousand times what a request does, so they wait in a queue of their
 * own and everything else overtakes them.
 */
#pragma once

#include "abi/status.h"
#include "http_service.h"
#include "net/tcp_client.h"

/* A port that clients come to. */
struct client_port {
    uint16_t number;
    bool uses_tls;
    uint32_t limit; /* clients at a time */
    uint32_t count; /* those there are */
    struct http_service service;
    struct tcp_listener *listener;
};

/* Get ready to serve over `net`, before the first port is opened. */
CHECK_RESULT enum status client_start(struct tcp_client *net);

/* Accept clients on a port.  Ownership: borrows it for ever. */
CHECK_RESULT enum status client_port_open(struct client_port *port);

/*
 * UDP for programs: bound sockets with a callback, over one connection to net:Udp.
 *
 * As with TCP everything happens in the event loop.  A datagram that finds no room, here or in the
 * stack, is lost, as datagrams are.  When the stack comes back after a death the library binds its
 * sockets again.
 */
#pragma once

#include "abi/status.h"
#include "net/address.h"

struct udp_client;
struct udp_socket;

/* `data` is good until the callback returns, and the stack could change it: read it once. */
typedef void (*udp_handler)(struct udp_socket *socket, const struct net_address *from,
                            uint16_t port, const uint8_t *data, size_t length, void *context);

/* Errors: OUT_OF_MEMORY, OUT_OF_QUOTA, DENIED. */
CHECK_RESULT enum status udp_client_open(struct udp_client **out);

/* Hand over what was sent outside of a udp_handler. */
void udp_client_flush(struct udp_client *client);

/* Receive what comes to `port` (0: a free port, chosen by the stack).  Errors: OUT_OF_MEMORY. */
CHECK_RESULT enum status udp_bind(struct udp_client *client, uint16_t port, udp_handler handler,
                                  void *context, struct udp_socket **out);

/* Send one datagram of at most NET_UDP_BYTES_MAX bytes.
 * Errors: BAD_ARGUMENT (too long), WOULD_BLOCK (no buffer free, or not bound yet). */
CHECK_RESULT enum status udp_send(struct udp_socket *socket, const struct net_address *to,
                                  uint16_t port, const void *data, size_t length);

void udp_close(struct udp_socket *socket);

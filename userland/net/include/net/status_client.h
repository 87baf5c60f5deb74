/*
 * What the network stack knows, for programs that show it (the shell), and its errands: ping and
 * name resolution.
 *
 * A request is answered by its callback in the event loop, or, if the stack dies, called back with
 * PEER_DEAD.  Every callback comes exactly once.
 */
#pragma once

#include "abi/status.h"
#include "net/status.h"

struct net_status_client;

/* Errors: OUT_OF_MEMORY, OUT_OF_QUOTA, DENIED, NOT_FOUND (no stack is up). */
CHECK_RESULT enum status net_status_open(struct net_status_client **out);
void net_status_close(struct net_status_client *client);

/* Records are good until the callback returns.  With a status other than OK there are none. */
typedef void (*net_interface_handler)(enum status status, const struct net_interface_record *record,
                                      void *context);
typedef void (*net_counters_handler)(enum status status, const struct net_counters *counters,
                                     void *context);
typedef void (*net_sockets_handler)(enum status status, const struct net_socket_record *records,
                                    size_t count, void *context);
typedef void (*net_ping_handler)(enum status status, const struct net_address *from,
                                 uint32_t round_trip_us, void *context);
typedef void (*net_resolve_handler)(enum status status, const struct net_address *address,
                                    void *context);

/* All of them: WOULD_BLOCK if NET_STATUS_REQUESTS_MAX are under way, PEER_DEAD. */
CHECK_RESULT enum status net_status_interface(struct net_status_client *client,
                                              net_interface_handler handler, void *context);
CHECK_RESULT enum status net_status_counters(struct net_status_client *client,
                                             net_counters_handler handler, void *context);
/* The sockets from number `skip` on, as many as one answer holds; a count of 0: that was all. */
CHECK_RESULT enum status net_status_sockets(struct net_status_client *client, uint32_t skip,
                                            net_sockets_handler handler, void *context);
CHECK_RESULT enum status net_status_ping(struct net_status_client *client,
                                         const struct net_address *address, size_t payload_bytes,
                                         net_ping_handler handler, void *context);
CHECK_RESULT enum status net_status_resolve(struct net_status_client *client, const char *name,
                                            net_resolve_handler handler, void *context);

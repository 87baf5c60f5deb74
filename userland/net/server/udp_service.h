/*
 * net:Udp: bound sockets of clients, datagrams in chunks.
 */
#pragma once

#include "abi/status.h"
#include "net/status.h"

/* Offer the service.  Errors: those of service_offer(). */
CHECK_RESULT enum status udp_service_start(void);

/* Tell clients what they are owed. */
void udp_service_settle(void);

size_t udp_service_socket_count(void);
uint64_t udp_service_drops(void);

/* For people: the sockets from slot `*slot` on. */
bool udp_service_record_next(size_t *slot, struct net_socket_record *out);

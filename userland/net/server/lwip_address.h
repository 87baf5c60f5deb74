/*
 * Addresses between lwIP's form and the one that clients see.
 */
#pragma once

#include "lwip/ip_addr.h"
#include "net/address.h"

struct net_address address_from_lwip(const ip_addr_t *address);

/* A link-local address gets the one interface as its zone. */
ip_addr_t address_to_lwip(const struct net_address *address);

/*
 * The one network interface: its addresses, and how it gets them.
 */
#pragma once

#include "configuration.h"
#include "lwip/netif.h"

/* Create it, without a driver.  Borrows `configuration`. */
void interface_init(const struct configuration *configuration);

/* Start looking for addresses; packet memory exists. */
void interface_start(void);

struct netif *interface_netif(void);

/* A driver is there; the same device as before, if there was one before. */
void interface_on_driver(const uint8_t hardware[6], uint32_t mtu_bytes);
void interface_on_link(bool is_up);

/* A driver died, perhaps with our question for an address or its answer: ask again. */
void interface_ask_again(void);

/* Log addresses that are new or gone. */
void interface_report(void);

void interface_record_fill(struct net_interface_record *out);

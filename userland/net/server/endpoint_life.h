/*
 * How endpoints come into being and end, and the lists on which they wait for a pass to end.
 *
 * For the parts of an endpoint only (endpoint*.c).
 */
#pragma once

#include "endpoint.h"

extern struct endpoint_list endpoints_touched; /* owe their client something, or output */
extern struct endpoint_list endpoints_starved; /* have bytes to send and no packet memory */
extern struct endpoint_counters endpoint_counters;

/* A client's new endpoint, NULL if its program has too many, or all do. */
struct endpoint *endpoint_create(struct client *client, enum endpoint_state state);

/* Gone for good: off all lists, number free. */
void endpoint_release(struct endpoint *e);

void endpoint_touch(struct endpoint *e);
void endpoint_starve(struct endpoint *e);

/* lwIP forgets the endpoint; what lwIP still does for its connection is no affair of ours, while
 * its peer goes on acknowledging and nobody else needs the place.
 * Returns the connection, NULL if it is gone. */
struct tcp_pcb *endpoint_detach(struct endpoint *e);

/* The connection is over for this client; `outcome` is what CLOSED says. */
void endpoint_end(struct endpoint *e, enum status outcome);

/* The same, and the peer gets a reset. */
void endpoint_reset(struct endpoint *e, enum status outcome);

void endpoint_drop_received(struct endpoint *e);
struct endpoint_owner *endpoint_owner(const struct endpoint *e);

/* Give lwIP as much of what the client sends as it takes now. */
void endpoint_push(struct endpoint *e);

/* Packet memory may be there again. */
void endpoint_feed_starved(void);

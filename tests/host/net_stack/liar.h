/*
 * A program of its own without the client library: it says to the stack what it likes, the truth
 * too, by as many connections as it likes.
 */
#pragma once

#include <stdbool.h>

#include "net/protocol.h"
#include "rt/connection.h"

enum { LIAR = 77 }; /* its domain */

extern const struct connection_ops liar_ops;

void liar_open(struct connection *c, const char *service);

/* If there is room. */
void liar_send(struct connection *c, const struct net_message *m);

/* false: there is no message. */
bool liar_receive(struct connection *c, struct net_message *out);

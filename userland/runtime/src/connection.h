/*
 * What both ends of a connection share inside the runtime.
 */
#pragma once

#include "rt/connection.h"

/* What one side hands to the other at opening; handles are to be passed with HANDLE_MOVE. */
struct connection_offer {
    uint64_t capacity;
    handle_t area, doorbell, buffer;
};

/* Make the own area and buffer of `c` as c->config says, and handles to them for the peer.
 * `doorbell` isn't touched.  On error nothing is left. */
CHECK_RESULT enum status connection_prepare(struct connection *c, struct connection_offer *out);

/* Take what the peer offered and set up the rings; the state becomes OPENED.
 * Ownership: takes over the peer's handles, on error as well. */
CHECK_RESULT enum status connection_attach(struct connection *c,
                                           const struct connection_offer *peer);

/* Give back all memory and handles of the opening; the state is the caller's business. */
void connection_dismantle(struct connection *c);

/* The doorbell rang: room, messages, the peer's closing. */
void connection_serve(struct connection *c);

/* Client: give its bits back to the loop, if it has them. */
void connection_bits_free(struct connection *c);

/* The connection is over for `why`: on_close, then everything of it goes. */
void connection_end(struct connection *c, enum status why);

/* Is the domain that serves this handle still there? */
bool connection_peer_lives(handle_t h);

/* Close a handle that may be 0. */
void connection_handle_drop(handle_t h);

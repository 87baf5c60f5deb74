/*
 * Reopening: the way back to the stack once a connection to it has ended.
 *
 * What keeps a connection from being opened again, memory that is short just then, say, may pass,
 * and nobody tells when: it is tried until it opens.  Zero is one that hasn't been needed yet.
 */
#pragma once

#include "rt/connection.h"

struct reopening {
    struct connection *connection; /* borrowed */
    struct loop_timer timer;
    unsigned failures; /* in a row */
    bool is_begun;     /* and hasn't ended yet */
};

/* For on_close: open `c` again, now or as soon as that succeeds. */
void reopening_begin(struct reopening *r, struct connection *c, enum status why);

/* For on_open: it has. */
void reopening_end(struct reopening *r);

/*
 * Words: what a hostile client says to each service, nearly right for the most part, so that it
 * is listened to for long.
 */
#pragma once

#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/ring.h"

#include <stdbool.h>

/* To which no other connection can be had than the one that all are born with. */
#define WORDS_LAUNCHER "app:App"

/* How many of the messages named lengths that go wrong. */
struct words_counts {
    uint64_t zeros;    /* 0 */
    uint64_t greatest; /* what the field can hold: 2^32 - 1, or less where it is narrower */
};

extern struct words_counts words_counts;

struct words {
    const char *service;
    /* The next message; NULL: the service reads none. */
    void (*message)(struct ring_message *m);
    /* The next call's words. */
    void (*call)(struct portal_message *m);
    /* A message of the service's: there may be a number in it to use. */
    void (*hear)(const struct ring_message *m);
    /* To be said first, of rings that have just been opened, or of a connection that can't have
     * any; NULL: nothing. */
    void (*begin)(handle_t portal);
    /* Whether events that come with this call are kept, so must be the caller's; NULL: no. */
    bool (*keeps_events)(const struct portal_message *m);
    /* A call was answered with OK: what it says is checked, what it has made is given back; NULL:
     * nothing. */
    void (*answered)(uint64_t operation, const struct portal_message *answer);
    bool is_launchers; /* no rings can be had of it */
};

/* NULL: there is no such service. */
const struct words *words_find(const char *service);

/* A call of any of so many operations, sometimes of none; its other words are edges and noise. */
void words_fill(struct portal_message *m, uint64_t first_operation, uint64_t operations);

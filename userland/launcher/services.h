/*
 * Services: names, who serves them, and who may have a connection.
 *
 * A name belongs to the domain whose manifest entry offers it, also while that domain
 * is down, so nobody can squat on it between a death and the return.  The launcher
 * holds the portal that the owner offered and hands out duplicates, each with a badge
 * of its own (grants.h).
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "supervisor.h"

enum {
    SERVICES_MAX = 96,
    WAITERS_MAX = 128, /* connections that wait for a service to come up */
};

struct service_entry {
    const char *name;
    struct child *owner;
    handle_t portal;        /* 0: down */
    uint32_t offered_in;    /* the owner's latest life that did, by `starts`; 0: none */
    uint32_t waiting_count; /* connections to be told when it comes up */
};

/* Make the table from the manifest.  Errors: OUT_OF_QUOTA (too many names). */
CHECK_RESULT enum status services_init(void);

unsigned services_count(void);
const struct service_entry *services_entry(unsigned index);

/* Whether anybody in the manifest offers a service of that name, or the launcher itself. */
bool services_has(const char *name);

/*
 * `child` serves `name` by `portal` from now on.
 * Ownership: takes over `portal`, also on error.
 * Errors: DENIED (the manifest doesn't let it), BAD_ARGUMENT (not a portal that
 * connections can be made of).
 */
CHECK_RESULT enum status services_offer(struct child *child, const char *name, handle_t portal);

/*
 * A new connection of `child` to `name`.  `*portal` is a handle in the child's own table.
 * Ownership: takes over `event` (0: none), which is signalled once if the answer is WOULD_BLOCK or
 * PEER_DEAD and another try is worth it.
 * Errors: NOT_FOUND (nobody offers it), DENIED (the manifest doesn't let it),
 * NOT_SUPPORTED (the machine lacks the device of its owner), WOULD_BLOCK (not up yet),
 * PEER_DEAD (its owner has failed, was stopped or has ended, and is down until somebody starts it),
 * OUT_OF_QUOTA (it has `quota-connections` of them or no place for a handle, or too many wait).
 */
CHECK_RESULT enum status services_connect(struct child *child, const char *name, handle_t event,
                                          handle_t *portal);

/* What the manifest says of `child` and the service, or else the domain, called `name`. */
void services_explain(const struct child *child, const char *name, struct inspect_why *out);

/* The child's life ends: its offers and its waiting with it. */
void services_withdraw(struct child *child);

/* The child won't come up by itself: let those who wait for it ask again, and hear why.  Who waits
 * for what asking brings back goes on waiting. */
void services_wake_hopeless(struct child *child);

/*
 * Services: the serving end of connections.
 *
 * A service is a name that the manifest lets this program offer, one portal, and a list of clients.
 * Each client is a `struct connection` (rt/connection.h) allocated by the runtime and told apart by
 * the badge of its portal handle; the program keeps its own state of a client in c->user.
 *
 * A call with a badge that has no connection reaches on_call with a passing one that is CLOSED, has
 * only the badge, and whose `user` isn't kept: a service that merely answers calls needs no more.
 */
#pragma once

#include "rt/connection.h"

struct service_config {
    struct connection_config connection; /* what the server brings to each client */
    unsigned client_limit;               /* 0: 32; beyond it, and of one domain beyond a quarter
                                          * of it, OPEN answers OUT_OF_QUOTA */
    unsigned stack_count;                /* calls at a time; 0: 2 */
    size_t stack_bytes;                  /* 0: 16 KiB */
};

struct service {
    const char *name;
    handle_t portal;
    struct service_config config;
    const struct connection_ops *ops;
    void *context;
    struct connection *clients; /* list by next_client */
    unsigned client_count;
    unsigned doorbell_bit, death_bit; /* shared by all clients: the loop looks at each */
    handle_t doorbell;                /* sets doorbell_bit; every client gets a duplicate */
};

/*
 * Offer `name`: create the portal, give it to the launcher, serve clients from the loop.
 * `config` may be NULL for the defaults.
 * Ownership: borrows everything for the life of the program; `*out` is filled in.
 * Errors: DENIED (not in the manifest), OUT_OF_QUOTA, OUT_OF_MEMORY.
 */
CHECK_RESULT enum status service_offer(const char *name, const struct service_config *config,
                                       const struct connection_ops *ops, void *context,
                                       struct service *out);

/* The connection with this badge, NULL if there is none. */
struct connection *service_client_find(const struct service *s, uint64_t badge);

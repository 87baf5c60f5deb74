/*
 * Grants: the connections that the launcher has given, and how many one client may have.
 *
 * A connection's badge says whose it is (domain id, bits 63-32), to which service (its place in the
 * table, bits 31-24), and which of the two's (bits 23-0, from 1).  Rings outlive the handle that
 * they were opened by, and nobody tells the launcher that either is gone.  So a number that was
 * given stays the service's until one of the two ends; once a client has as many numbers as its
 * `quota-connections`, it gets no new ones, but those whose handles it has closed again.  A service
 * ends the rings that it has under a badge when that badge opens others: there are never more than
 * the quota, of handles or of rings.
 *
 * Connections to the launcher itself have no rings, and count while there is a handle.
 *
 * Context: all of it on the loop's thread.
 */
#pragma once

#include "services.h"

/* A life of `child` begins: it has no connections. */
void grants_begin(struct child *child);

/* `service` ends, and whatever anybody has to it. */
void grants_end_of_service(const struct service_entry *service);

/*
 * The badge of the next connection of `child` to `service`, up and in its `connects`; nothing is
 * counted before grants_note().
 * Errors: OUT_OF_QUOTA.
 */
CHECK_RESULT enum status grants_badge(struct child *child, const struct service_entry *service,
                                      uint64_t *badge);

/* The child has got it. */
void grants_note(struct child *child, const struct service_entry *service, uint64_t badge);

/* Whether `child` may have one more to the launcher, and that it has got it. */
CHECK_RESULT bool grants_may_have_builtin(struct child *child);
void grants_note_builtin(struct child *child);

/* How many connections to each service are open now, by the handles that clients have. */
void grants_count_clients(uint32_t counts[SERVICES_MAX]);

/*
 * How many connections `child`, which runs, has by its quota: a number that was given to a service
 * counts until one of the two ends, one to the launcher while there is a handle.
 */
uint32_t grants_held(const struct child *child);

/* How many `child`, which runs, has open to `service`; whether it gets no other by its quota. */
uint32_t grants_count(const struct child *child, const struct service_entry *service,
                      bool *has_all);

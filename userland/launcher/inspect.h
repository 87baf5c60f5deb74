/*
 * Inspect: the launcher's end of app:Inspect (app/inspect.h).
 *
 * Each child has at most one connection, and each connection a buffer that only the
 * launcher writes.  A request names children by their manifest name; what it asks for
 * is looked up afresh, so nothing a client says is remembered.
 */
#pragma once

#include "supervisor.h"

#include "rt/portal.h"

/* A request_handler (request.h): the badge is supervisor.h's. */
void inspect_on_request(uint64_t badge, struct portal_message *m);

/* Tell it the portal that connections are made of. */
void inspect_init(handle_t portal);

/* A connection for `child`, whom the manifest lets have it.  `*portal` is the caller's. */
CHECK_RESULT enum status inspect_connect(const struct child *child, handle_t *portal);

/* The child's life ends: its buffer with it. */
void inspect_withdraw(const struct child *child);

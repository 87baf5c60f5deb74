/*
 * App: the requests of app:App (rt/app.h), decided by the manifest.
 */
#pragma once

#include "rt/portal.h"

/* A request_handler (request.h): the badge is supervisor.h's. */
void app_on_request(uint64_t badge, struct portal_message *m);

/*
 * Partner: threads that answer, wait or compute, for others to be measured beside.
 */
#pragma once

#include "rt/portal.h"

/* `*signal` is an event with a thread of the highest priority that waits, and waits again. */
CHECK_RESULT enum status partner_wait(handle_t *signal);

/* Requests PEER_PONG, PEER_SPIN and PEER_REST; `m` as bench/peer.h says. */
CHECK_RESULT enum status partner_on_pong(struct portal_message *m);
CHECK_RESULT enum status partner_on_spin(struct portal_message *m);
CHECK_RESULT enum status partner_on_rest(struct portal_message *m);

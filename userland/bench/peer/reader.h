/*
 * Reader: the consuming end of a ring, whose messages it adds up and throws away.
 */
#pragma once

#include "rt/portal.h"

/* Requests PEER_RING, PEER_TAKE and PEER_SUM; `m` as bench/peer.h says. */
CHECK_RESULT enum status reader_on_ring(struct portal_message *m);
CHECK_RESULT enum status reader_on_take(struct portal_message *m);
CHECK_RESULT enum status reader_on_sum(struct portal_message *m);

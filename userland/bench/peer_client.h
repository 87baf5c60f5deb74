/*
 * What `bench` asks of its peer: the requests of bench/peer.h as functions.
 *
 * Ownership: passed handles stay the caller's unless it says otherwise; received ones are the
 * caller's.  Errors: what the peer or the way to it says.
 */
#pragma once

#include "abi/status.h"

#include <stdbool.h>

struct bench;

/* Connect, and fill in the peer's handles. */
CHECK_RESULT enum status peer_open(struct bench *bench);
void peer_end(const struct bench *bench);

/* `*partner` is an event whose thread of `priority` answers each ring with one of `own` (moved
 * there). */
CHECK_RESULT enum status peer_pong(handle_t peer, handle_t own, uint32_t priority,
                                   handle_t *partner);

/* The consumer of the ring whose producer is in `producer` (moved there). */
struct peer_ring {
    uint64_t number;
    handle_t consumer; /* segment with its area */
    handle_t bell;
};

CHECK_RESULT enum status peer_ring(handle_t peer, handle_t producer, bool is_by_request,
                                   struct peer_ring *out);

/* Take `count` messages by request; what it cost, and whether without entering the kernel. */
CHECK_RESULT enum status peer_take(handle_t peer, uint64_t ring, uint64_t count, uint64_t *cost,
                                   bool *is_undisturbed);
CHECK_RESULT enum status peer_sum(handle_t peer, uint64_t ring, uint64_t *sum);

/* `*portal` sums lists in `segment` (moved there). */
CHECK_RESULT enum status peer_list(handle_t peer, handle_t segment, handle_t *portal);

/* `*portal` stores to the device `registers`. */
CHECK_RESULT enum status peer_device(handle_t peer, handle_t registers, handle_t *portal);

CHECK_RESULT enum status peer_spin(handle_t peer, uint32_t priority, nsec_t budget_ns,
                                   nsec_t period_ns);
void peer_rest(handle_t peer);

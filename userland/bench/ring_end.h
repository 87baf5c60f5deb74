/*
 * Ring end: the producer's side of a ring that the peer reads.
 */
#pragma once

#include "rt/ring.h"

struct ring_end {
    struct ring_producer producer;
    handle_t bell;
    uint64_t number; /* what the peer calls it */
};

/*
 * Make a ring to `peer`: read by a thread of its that sleeps while it is empty, or by request only
 * (peer_take()).  It stays for as long as the program.
 */
CHECK_RESULT enum status ring_end_open(handle_t peer, bool is_by_request, struct ring_end *out);

/* Send `batch` messages and ring if the reader sleeps.  Errors: WOULD_BLOCK (no room). */
CHECK_RESULT enum status ring_end_send(struct ring_end *end, unsigned batch);

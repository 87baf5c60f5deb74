/*
 * bench:Peer, the other side of everything that `bench` measures between two domains.
 *
 * The service does nothing useful, as cheaply as it can: portals that return at once, a
 * thread that waits for an event and goes back to waiting, a ring that is read and thrown
 * away.  Word 0 of a request is the operation, word 0 of the answer enum status.
 */
#pragma once

#include "rt/ring.h"

#define BENCH_PEER_SERVICE "bench:Peer"

enum bench_peer_operation {
    PEER_PORTALS = 1, /* -> handle 0: portal that returns at once; handle 1: portal that answers
                         a fault with FAULT_SKIP; handle 2: event with a waiting thread; handle 3:
                         portal that uses the FP registers */
    PEER_RING = 2,    /* handle 0: segment with a struct bench_ring_producer, to be read
                         -> handle 0: segment with a struct ring_consumer_area, to be read;
                         handle 1: event that is the consumer's bell */
    PEER_DEVICE = 3,  /* handle 0: segment of device registers -> handle 0: portal that writes
                         word 1 (32 bits) to address word 0, and returns the instruction
                         count just before in word 0 */
    PEER_NOTHING = 4, /* the handles that came are closed; what an ordinary request costs */
    PEER_END = 5,     /* the program ends */
};

enum { BENCH_RING_MESSAGES = 64 };

struct bench_ring_producer {
    struct ring_producer_area area;
    struct ring_message messages[BENCH_RING_MESSAGES];
};

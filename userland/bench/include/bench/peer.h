/*
 * bench:Peer, the other side of everything that `bench` measures between two domains.
 *
 * The service does nothing useful, as cheaply as it can: portals that return at once, threads that
 * wait for an event and go back to waiting, a ring that is read and thrown away.  Word 0 of a
 * request is the operation, word 0 of the answer enum status.
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
                         handle 1: event that is the consumer's bell.  Word 1: 0 to have it read
                         by a thread that sleeps when it is empty, 1 to have it read by PEER_TAKE
                         alone, -> word 1: what PEER_TAKE and PEER_SUM call it */
    PEER_DEVICE = 3,  /* handle 0: segment of device registers -> handle 0: portal that writes
                         word 1 (32 bits) to address word 0, and returns the instruction
                         count just before in word 0 */
    PEER_NOTHING = 4, /* the handles that came are closed; what an ordinary request costs */
    PEER_END = 5,     /* the program ends */
    PEER_PONG = 6,    /* handle 0: event to answer with; word 1: priority -> handle 0: event that
                         has a thread which answers */
    PEER_TAKE = 7,    /* word 1: ring; word 2: messages to take and release -> word 1: what that
                         took, in the meter's unit; word 2: 1 if the kernel wasn't entered */
    PEER_SUM = 8,     /* word 1: ring -> word 1: sum of the words of all messages so far */
    PEER_LIST = 9,    /* handle 0: segment, to be read -> handle 0: portal that sums the list of
                         struct list_node at address word 0 into word 0 */
    PEER_SPIN = 10,   /* word 1: priority; words 2, 3: budget and period, or 0: a thread computes
                         until PEER_REST */
    PEER_REST = 11,
};

enum { BENCH_RING_MESSAGES = 64 };

struct bench_ring_producer {
    struct ring_producer_area area;
    struct ring_message messages[BENCH_RING_MESSAGES];
};

struct list_node {
    uint64_t value;
    const struct list_node *next;
};

/*
 * test:Peer, the service on the other side of the runtime's tests on the target.
 *
 * It echoes what comes through its ring, and does on request what a service should never do.
 */
#pragma once

#define PEER_SERVICE "test:Peer"

enum peer_operation {
    PEER_ADD = 1,       /* words 1, 2 -> word 1 their sum, word 2 the badge's low half */
    PEER_SLEEP = 2,     /* word 1 nanoseconds, inside the handler */
    PEER_CRASH = 3,     /* reads address 0 */
    PEER_BUFFER = 4,    /* -> word 1 the sum of the bytes in the client's buffer */
    PEER_SCRIBBLE = 5,  /* writes into the client's buffer, which it may only read */
    PEER_REGISTERS = 6, /* -> handle 0: portal that answers x18..x30 or'ed together in word 0 */
    PEER_KEEP = 7,      /* leaves the received handles where they are */
    PEER_BREAK = 8,     /* publishes an index that can't be */
};

/*
 * What a program and the network stack say to each other: services net:Tcp and net:Udp.
 *
 * A client has one connection per service: a ring of messages each way, a buffer segment that
 * only the client writes (what it sends) and one that only the stack writes (what it receives).
 * Many sockets share the connection.  A message names bytes in its sender's buffer segment by
 * offset and length; bytes belong to the reader until it gives them back (SENT, FREE).
 *
 * Sockets.  The stack numbers them; a number is not used again until 65,536 others have had its
 * place, and 0 is none.  A message about a socket that is gone is ignored: it crossed CLOSED on
 * its way.  CLOSED is the last message about a socket and frees all that was being sent.
 *
 * Flow control.  SEND waits in the stack until the peer's window takes the bytes, DATA is
 * acknowledged to the peer when its chunk comes back by FREE: who doesn't read stops its peer and
 * nobody else.  A client that leaves its ring full loses no message; they are made when there is
 * room again.
 *
 * Breaking these rules (an unknown kind, bytes outside the segment, a chunk freed twice, more than
 * the limits below) ends the whole connection, and with it all its sockets.
 */
#pragma once

#include "net/address.h"

#define NET_TCP_SERVICE "net:Tcp"
#define NET_UDP_SERVICE "net:Udp"

enum {
    NET_MESSAGE_BYTES = 32,
    NET_RING_MESSAGES = 1024,            /* in each direction */
    NET_CHUNK_BYTES = 2048,              /* the stack hands out its buffer segment in such pieces */
    NET_STACK_BUFFER_BYTES = 512 * 1024, /* of chunks; what wanted_bytes may ask for */
    NET_CLIENT_BUFFER_BYTES = 1024 * 1024, /* default size of the client's own segment */
    NET_CLIENT_BUFFER_BYTES_MAX = 16 * 1024 * 1024,
    NET_TCP_SENDS_MAX = 8,          /* SENDs of one socket that are not yet answered in full */
    NET_TCP_SEND_BYTES_MAX = 65536, /* of one SEND */
    NET_UDP_BYTES_MAX = 1472,       /* of one datagram, either way: no fragments */

    /* Of one program, over all its connections. */
    NET_TCP_SOCKETS_MAX = 1024, /* listening ones included */
    NET_TCP_LISTENERS_MAX = 4,
    NET_UDP_SOCKETS_MAX = 16,
};

/*
 * The fields that each kind uses; others are zero and not looked at.  "-> X" names the answer.
 * A tag is the client's own number, echoed in the answer, which brings the socket's number.
 */
enum net_kind {
    /* net:Tcp, client to stack */
    NET_TCP_LISTEN = 1,   /* tag, port, count: connections that may be accepted -> LISTENING */
    NET_TCP_ACCEPT = 2,   /* socket (a listening one), count: that many more may be accepted */
    NET_TCP_CONNECT = 3,  /* tag, address, port -> CONNECTED, at the latest after a minute */
    NET_TCP_SEND = 4,     /* socket, flags (enum net_send_flag), offset, length -> SENT */
    NET_TCP_SHUTDOWN = 5, /* socket: no more SENDs will come; FIN follows the last byte, and no
                             SENT waits any more */
    NET_TCP_CLOSE = 6,    /* socket: as SHUTDOWN, and what the peer still sends is of no interest
                             -> SENT for what is under way, then CLOSED */
    NET_TCP_ABORT = 7,    /* socket: reset it now -> CLOSED */

    /* net:Tcp, stack to client */
    NET_TCP_LISTENING = 32, /* tag, status; socket if OK.  BUSY: the port is taken; OUT_OF_QUOTA:
                               the program has NET_TCP_LISTENERS_MAX */
    NET_TCP_ACCEPTED = 33,  /* socket, listener, address and port of the peer */
    NET_TCP_CONNECTED = 34, /* tag, status; socket if OK.  PEER_DEAD: refused; TIMED_OUT;
                               NOT_FOUND: no route */
    NET_TCP_DATA = 35,      /* socket, offset, length: in one chunk, give it back by FREE */
    NET_TCP_PEER_FIN = 36,  /* socket: the peer will send no more */
    NET_TCP_SENT = 37,      /* socket, length: so many more bytes of the SENDs, in order */
    NET_TCP_CLOSED = 38,    /* socket, status.  CLOSED: in order; PEER_DEAD: reset by the peer;
                               TIMED_OUT; OUT_OF_MEMORY: the stack gave it up */

    /* net:Udp, client to stack */
    NET_UDP_BIND = 64,   /* tag, port (0: any free one) -> BOUND */
    NET_UDP_SEND = 65,   /* socket, address, port, offset, length -> SENT */
    NET_UDP_UNBIND = 66, /* socket -> CLOSED */

    /* net:Udp, stack to client */
    NET_UDP_BOUND = 96,    /* tag, status, count: the port; socket if OK */
    NET_UDP_DATAGRAM = 97, /* socket, address, port, offset, length: give it back by FREE */
    NET_UDP_SENT = 98,     /* socket, length: so many more bytes of the SENDs, in order */
    NET_UDP_CLOSED = 99,   /* socket */

    /* both, client to stack */
    NET_FREE = 127, /* offset: the chunk that holds this offset is the stack's again */
};

enum net_send_flag {
    NET_SEND_MORE = 1U << 0,  /* more follows at once: don't send a short segment yet */
    NET_SEND_QUIET = 1U << 1, /* SENT may wait until there is something else to tell */
};

struct net_message {
    uint16_t kind; /* enum net_kind */
    union {
        uint16_t port;   /* host byte order */
        uint16_t status; /* enum status */
        uint16_t flags;
    };
    uint32_t socket;
    union {
        uint32_t offset; /* into the sender's buffer segment; FREE: into the stack's */
        uint32_t tag;
        uint32_t listener;
    };
    union {
        uint32_t length;
        uint32_t count;
    };
    struct net_address address;
};
_Static_assert(sizeof(struct net_message) == NET_MESSAGE_BYTES, "protocol");

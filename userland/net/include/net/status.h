/*
 * `net:Status`: looking at the network stack, and the two errands it runs for anybody: ping and
 * name resolution.
 *
 * The same kind of connection as in protocol.h, and the same message, but for the tag: here it
 * stands in `socket`.  Records come in the stack's buffer segment, in one chunk that goes back by
 * NET_FREE.  A client can have NET_STATUS_REQUESTS_MAX pings and resolutions under way; one more
 * ends the connection.  All clients of one program can have as many resolutions under way together.
 */
#pragma once

#include "net/protocol.h"

#define NET_STATUS_SERVICE "net:Status"

enum {
    NET_STATUS_REQUESTS_MAX = 8,
    NET_NAME_BYTES_MAX = 255,    /* of a name to resolve */
    NET_PING_BYTES_MAX = 1400,   /* payload of an echo request */
    NET_PING_TIMEOUT_S = 4,      /* then PONG says TIMED_OUT */
    NET_INTERFACE_ADDRESSES = 4, /* of each family */
    NET_DNS_SERVERS = 2,
};

enum net_status_kind {
    /* client to stack */
    NET_STATUS_INTERFACE = 128, /* tag -> RECORDS: one struct net_interface_record */
    NET_STATUS_COUNTERS = 129,  /* tag -> RECORDS: one struct net_counters */
    NET_STATUS_SOCKETS = 130,   /* tag, count: how many to skip -> RECORDS: as many
                                   struct net_socket_record as fit a chunk; none: that was all */
    NET_STATUS_PING = 131,      /* tag, address, length of the payload -> PONG */
    NET_STATUS_RESOLVE = 132,   /* tag, offset, length of the name -> RESOLVED */

    /* stack to client */
    NET_STATUS_RECORDS = 160,  /* tag, status, offset, length in bytes.  WOULD_BLOCK: no chunk is
                                  free, and none was used */
    NET_STATUS_PONG = 161,     /* tag, status, count: round trip in microseconds, address.
                                  TIMED_OUT; NOT_FOUND: no route; BAD_STATE: no driver */
    NET_STATUS_RESOLVED = 162, /* tag, status, address.  NOT_FOUND: no such name, or no server;
                                  WOULD_BLOCK: too many are under way */
};

enum net_address_origin {
    NET_ORIGIN_NONE = 0,
    NET_ORIGIN_STATIC = 1,
    NET_ORIGIN_DHCP = 2,
    NET_ORIGIN_LINK_LOCAL = 3,
    NET_ORIGIN_ROUTER = 4, /* SLAAC */
};

struct net_interface_address {
    struct net_address address;
    uint32_t prefix_bits;
    uint16_t origin;       /* enum net_address_origin; NONE: the entry is empty */
    uint16_t is_tentative; /* duplicate detection isn't over */
};
_Static_assert(sizeof(struct net_interface_address) == 24, "protocol");

struct net_interface_record {
    uint8_t hardware[6];
    uint8_t has_driver; /* a driver is connected */
    uint8_t is_up;      /* and it says that the link is up */
    uint32_t mtu_bytes;
    uint32_t checksum_offload; /* set of enum link_feature */
    uint32_t driver_losses;    /* drivers that died under us */
    struct net_interface_address addresses[2 * NET_INTERFACE_ADDRESSES];
    struct net_address gateway_v4;
    struct net_address gateway_v6;
    struct net_address dns[NET_DNS_SERVERS];
};

enum net_socket_state {
    NET_SOCKET_FREE = 0,
    NET_SOCKET_LISTENING = 1,
    NET_SOCKET_CONNECTING = 2,
    NET_SOCKET_OPEN = 3,
    NET_SOCKET_CLOSING = 4,
    NET_SOCKET_DATAGRAM = 5,
};

struct net_socket_record {
    struct net_address remote;
    uint16_t remote_port;
    uint16_t local_port;
    uint16_t state;  /* enum net_socket_state */
    uint16_t client; /* the connection that owns it, as numbered by the stack */
    uint32_t socket;
    uint32_t queued_to_send_bytes;
    uint32_t queued_to_client_bytes;
    uint32_t round_trip_ms;
    uint64_t received_bytes;
    uint64_t sent_bytes;
};
_Static_assert(sizeof(struct net_socket_record) == 56, "protocol");

/* Everything since the stack started. */
struct net_counters {
    uint64_t link_received_frames;
    uint64_t link_received_bytes;
    uint64_t link_sent_frames;
    uint64_t link_sent_bytes;
    uint64_t link_receive_drops; /* malformed, or no memory for them */
    uint64_t link_send_drops;    /* no driver, or its ring was full */
    uint64_t ip_received;
    uint64_t ip_sent;
    uint64_t ip_drops;          /* errors, no route, not for us */
    uint64_t checksum_failures; /* all protocols */
    uint64_t icmp_received;
    uint64_t icmp_sent;
    uint64_t udp_received;
    uint64_t udp_sent;
    uint64_t udp_drops;
    uint64_t tcp_received_segments;
    uint64_t tcp_sent_segments;
    uint64_t tcp_received_bytes; /* payload, handed to clients */
    uint64_t tcp_sent_bytes;     /* payload, taken from clients */
    uint64_t tcp_retransmits;
    uint64_t tcp_drops;
    uint64_t tcp_accepted;
    uint64_t tcp_connected;
    uint64_t tcp_resets;          /* connections that ended by reset or were given up */
    uint64_t memory_failures;     /* an allocation of the stack's was refused */
    uint64_t clients_expelled;    /* they broke the protocol */
    uint64_t packet_memory_bytes; /* of the transmit pool, in use now */
    uint64_t packet_memory_limit_bytes;
    uint64_t receive_buffers_held; /* not with the driver now */
    uint64_t receive_buffers;
    uint64_t clients;     /* connected now */
    uint64_t tcp_sockets; /* open now */
    uint64_t udp_sockets;
    uint64_t syn_cookies_sent;     /* SYNs answered without keeping anything */
    uint64_t syn_cookies_honoured; /* connections that came of it */
};
_Static_assert(sizeof(struct net_counters) <= NET_CHUNK_BYTES, "one chunk holds them");

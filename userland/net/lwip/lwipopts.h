/*
 * lwIP as Rotunda builds it: one interface, both IP families, raw callbacks, no threads.
 *
 * Sized for 1,024 TCP connections.  lwIP's own pools are static and small; packet memory is the
 * transmit pool that the driver's device reads (server/packet_memory.h), and received packets stay
 * in the receive pool.  What follows is data for lwIP's preprocessor, hence the macros.
 */
#pragma once

/* Shape: a single-threaded program that drives lwIP from its event loop, with its own clockwork. */
#define NO_SYS                  1
#define SYS_LIGHTWEIGHT_PROT    0
#define LWIP_SOCKET             0
#define LWIP_NETCONN            0
#define LWIP_TIMERS             0
#define LWIP_SINGLE_NETIF       1
#define LWIP_HAVE_LOOPIF        0
#define LWIP_NETIF_LOOPBACK     1
#define LWIP_LOOPBACK_MAX_PBUFS 64
#define LWIP_NETIF_HOSTNAME     1
#define LWIP_HOOK_FILENAME      "hooks.h"
#define LWIP_RAND()             random_u32()

/* Protocols. */
#define LWIP_IPV4                      1
#define LWIP_IPV6                      1
#define LWIP_ARP                       1
#define LWIP_ICMP                      1
#define LWIP_ICMP6                     1
#define LWIP_RAW                       1
#define LWIP_UDP                       1
#define LWIP_TCP                       1
#define LWIP_IGMP                      0
#define LWIP_DHCP                      1
#define LWIP_DHCP_DOES_ACD_CHECK       0
#define LWIP_DHCP_MAX_DNS_SERVERS      2
#define LWIP_DHCP_GET_NTP_SRV          0
#define LWIP_DNS                       1
#define DNS_MAX_SERVERS                2
#define DNS_TABLE_SIZE                 64 /* several programs' */
#define LWIP_IPV6_MLD                  1
#define LWIP_IPV6_AUTOCONFIG           1
#define LWIP_IPV6_NUM_ADDRESSES        4
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 1
#define IP_REASSEMBLY                  1
#define IP_FRAG                        1
#define LWIP_IPV6_REASS                1
#define LWIP_IPV6_FRAG                 1
#define IPV6_FRAG_COPYHEADER           1
#define IP_REASS_MAX_PBUFS             12
#define IPV6_REASS_MAXAGE              15 /* as for IPv4; the standard lets them live for 60 s */
#define IP_FORWARD                     0
#define ARP_TABLE_SIZE                 127 /* room for those that half-open connections ask for */
#define LWIP_ND6_NUM_NEIGHBORS         96
#define LWIP_ND6_NUM_DESTINATIONS      32

/* TCP. */
#define TCP_MSS                   1460
#define LWIP_WND_SCALE            1
#define TCP_RCV_SCALE             2
#define TCP_WND                   (64 * 1024)
#define TCP_SND_BUF               (128 * 1024)
#define TCP_SND_QUEUELEN          256
#define TCP_SNDLOWAT              (4 * TCP_MSS)
#define TCP_SNDQUEUELOWAT         8
#define TCP_QUEUE_OOSEQ           1
#define TCP_OOSEQ_MAX_PBUFS       32
#define LWIP_TCP_SACK_OUT         1
#define LWIP_TCP_TIMESTAMPS       0
#define TCP_LISTEN_BACKLOG        1
#define SO_REUSE                  1
#define TCP_MSL                   10000UL
#define TCP_SYNMAXRTX             4
#define TCP_MAXRTX                8
#define TCP_OVERSIZE              TCP_MSS
#define LWIP_TCP_PCB_NUM_EXT_ARGS 0

/* Memory: 1,024 connections, some more that only wait for their last packets to die out. */
#define MEM_ALIGNMENT            8
#define MEM_CUSTOM_ALLOCATOR     1
#define MEM_CUSTOM_MALLOC        packet_memory_allocate
#define MEM_CUSTOM_CALLOC        packet_memory_allocate_zeroed
#define MEM_CUSTOM_FREE          packet_memory_free
#define MEM_STATS                0
#define MEMP_NUM_TCP_PCB         1152
#define MEMP_NUM_TCP_PCB_LISTEN  64 /* NET_TCP_LISTENERS_MAX for each of 16 programs */
#define MEMP_NUM_TCP_SEG         4096
#define MEMP_NUM_UDP_PCB         324 /* NET_UDP_SOCKETS_MAX likewise, those of DNS, and DHCP's */
#define MEMP_NUM_RAW_PCB         2
#define MEMP_NUM_PBUF            64
#define MEMP_NUM_REASSDATA       4
#define MEMP_NUM_FRAG_PBUF       32
#define MEMP_NUM_ARP_QUEUE       32
#define MEMP_NUM_ND6_QUEUE       32
#define MEMP_NUM_MLD6_GROUP      8
#define PBUF_POOL_SIZE           0
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* Checksums are switched per interface and per received frame (server/link_port.c). */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY        0
#define LWIP_CHKSUM                  checksum_of

/* Counters that net:Status shows. */
#define LWIP_STATS         1
#define LWIP_STATS_LARGE   1
#define LWIP_STATS_DISPLAY 0
#define MIB2_STATS         1

#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK   0

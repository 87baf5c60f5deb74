/*
 * Gathers what lwIP and our own parts have counted.
 */
#include "stack_counters.h"

#include "client.h"
#include "endpoint.h"
#include "handshake.h"
#include "link_port.h"
#include "lwip/stats.h"
#include "packet_memory.h"
#include "receive_pool.h"
#include "udp_service.h"

static uint64_t drops(const struct stats_proto *p)
{
    return (uint64_t)p->drop + p->lenerr + p->rterr + p->proterr + p->opterr;
}

static void fill_link(struct net_counters *out)
{
    struct link_port_counters link;

    link_port_counters_read(&link);
    out->link_received_frames = link.received_frames;
    out->link_received_bytes = link.received_bytes;
    out->link_sent_frames = link.sent_frames;
    out->link_sent_bytes = link.sent_bytes;
    out->link_receive_drops = link.receive_drops + lwip_stats.link.drop + lwip_stats.etharp.drop;
    out->link_send_drops = link.send_drops;
}

static void fill_protocols(struct net_counters *out)
{
    const struct stats_ *s = &lwip_stats;
    struct link_port_counters link;

    link_port_counters_read(&link);
    out->ip_received = (uint64_t)s->ip.recv + s->ip6.recv;
    out->ip_sent = (uint64_t)s->ip.xmit + s->ip6.xmit - link.refused_ip;
    out->ip_drops = drops(&s->ip) + drops(&s->ip6) + s->ip_frag.drop + s->ip6_frag.drop;
    out->checksum_failures = (uint64_t)s->ip.chkerr + s->ip6.chkerr + s->icmp.chkerr
                             + s->icmp6.chkerr + s->udp.chkerr + s->tcp.chkerr;
    out->icmp_received = (uint64_t)s->icmp.recv + s->icmp6.recv + s->nd6.recv;
    out->icmp_sent = (uint64_t)s->icmp.xmit + s->icmp6.xmit + s->nd6.xmit;
    out->udp_received = s->udp.recv;
    out->udp_sent = s->udp.xmit;
    out->udp_drops = drops(&s->udp) + udp_service_drops();
    out->tcp_received_segments = s->tcp.recv;
    out->tcp_sent_segments = s->tcp.xmit - link.refused_tcp;
    out->tcp_retransmits = s->mib2.tcpretranssegs;
    out->tcp_drops = drops(&s->tcp);
}

static void fill_sockets(struct net_counters *out)
{
    struct endpoint_counters endpoints;
    struct client_usage clients;
    struct handshake_counters handshakes;

    endpoint_counters_read(&endpoints);
    client_usage_read(&clients);
    out->tcp_received_bytes = endpoints.received_bytes;
    out->tcp_sent_bytes = endpoints.sent_bytes;
    out->tcp_accepted = endpoints.accepted;
    out->tcp_connected = endpoints.connected;
    out->tcp_resets = endpoints.resets;
    out->tcp_drops += endpoints.drops;
    out->tcp_sockets = endpoint_count();
    out->udp_sockets = udp_service_socket_count();
    handshake_counters_read(&handshakes);
    out->syn_cookies_sent = handshakes.cookies_sent;
    out->syn_cookies_honoured = handshakes.cookies_honoured;
    out->clients = clients.count;
    out->clients_expelled = clients.expelled;
}

static void fill_memory(struct net_counters *out)
{
    struct packet_memory_usage usage;

    packet_memory_usage(&usage);
    out->memory_failures = usage.refusals;
    for (size_t i = 0; i < MEMP_MAX; i++)
        out->memory_failures += lwip_stats.memp[i]->err;
    out->packet_memory_bytes = usage.used_bytes;
    out->packet_memory_limit_bytes = usage.limit_bytes;
    out->receive_buffers = RECEIVE_BUFFER_COUNT;
    out->receive_buffers_held = receive_pool_held();
}

void stack_counters_fill(struct net_counters *out)
{
    *out = (struct net_counters){0};
    fill_link(out);
    fill_protocols(out);
    fill_sockets(out);
    fill_memory(out);
}

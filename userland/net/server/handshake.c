/*
 * Called by lwIP for each segment that has found its connection or listener.
 */
#include "handshake.h"

#include <string.h>

#include "endpoint.h"
#include "hooks.h"
#include "link_port.h"
#include "lwip/inet_chksum.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "lwip_address.h"
#include "netif/ethernet.h"
#include "rt/time.h"
#include "syn_cookie.h"

enum {
    COOKIES_FROM = 32, /* of a listener's 255: half-open connections and those not accepted yet */
    OPTION_END = 0,
    OPTION_NOTHING = 1,
    OPTION_SEGMENT_BYTES = 2,
    SEGMENT_BYTES_OPTION_LENGTH = 4,
    SEGMENT_BYTES_UNSAID = 536, /* RFC 9293 (3.7.1) */
};
#define COOKIE_LIFE_NS (UINT64_C(32) * NS_PER_S)

static struct {
    struct handshake_counters counters;
    uint64_t last_sent_ns;
    bool is_replaying;      /* lwIP is shown what a peer has sent, */
    uint32_t sequence;      /* and this is the initial sequence number to use */
    struct eth_addr sender; /* of the SYN that is being answered */
} handshake;

static struct syn_cookie_ends ends_of(const struct tcp_hdr *head, uint32_t remote_sequence)
{
    struct net_address local = address_from_lwip(ip_current_dest_addr());
    struct net_address remote = address_from_lwip(ip_current_src_addr());
    struct syn_cookie_ends ends = {
        .local_port = head->dest, .remote_port = head->src, .remote_sequence = remote_sequence};

    memcpy(ends.local, local.bytes, sizeof ends.local);
    memcpy(ends.remote, remote.bytes, sizeof ends.remote);
    return ends;
}

/* The largest segment that the peer takes, as its SYN says. */
static uint16_t segment_bytes_said(const uint8_t *options, size_t length)
{
    for (size_t i = 0; i < length && options[i] != OPTION_END;) {
        if (options[i] == OPTION_NOTHING) {
            i++;
            continue;
        }
        if (i + 1 >= length || options[i + 1] < 2 || i + options[i + 1] > length)
            break;
        if (options[i] == OPTION_SEGMENT_BYTES && options[i + 1] == SEGMENT_BYTES_OPTION_LENGTH)
            return (uint16_t)(options[i + 2] << 8 | options[i + 3]);
        i += options[i + 1];
    }
    return SEGMENT_BYTES_UNSAID;
}

/* A segment without data whose one option is the largest segment. */
static struct pbuf *segment_make(pbuf_layer layer, const struct tcp_hdr *fields, uint8_t flags,
                                 uint16_t segment_bytes)
{
    struct pbuf *p = pbuf_alloc(layer, TCP_HLEN + SEGMENT_BYTES_OPTION_LENGTH, PBUF_RAM);

    if (p == NULL)
        return NULL;

    struct tcp_hdr *head = p->payload;
    u32_t option = lwip_htonl(TCP_BUILD_MSS_OPTION(segment_bytes));

    head->src = lwip_htons(fields->src);
    head->dest = lwip_htons(fields->dest);
    head->seqno = lwip_htonl(fields->seqno);
    head->ackno = lwip_htonl(fields->ackno);
    head->wnd = lwip_htons(fields->wnd);
    head->chksum = 0;
    head->urgp = 0;
    TCPH_HDRLEN_FLAGS_SET(head, p->len / 4, flags);
    memcpy(head + 1, &option, sizeof option);
    return p;
}

/* --- straight back to where the frame came from: asking for addresses would keep something --- */

static err_t output_back(struct netif *netif, struct pbuf *p, u16_t type)
{
    struct eth_addr own;

    memcpy(own.addr, netif->hwaddr, sizeof own.addr);
    return ethernet_output(netif, p, &own, &handshake.sender, type);
}

static err_t output_back_v4(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    (void)to;
    return output_back(netif, p, ETHTYPE_IP);
}

static err_t output_back_v6(struct netif *netif, struct pbuf *p, const ip6_addr_t *to)
{
    (void)to;
    return output_back(netif, p, ETHTYPE_IPV6);
}

static void send_back(struct netif *netif, struct pbuf *p)
{
    netif_output_fn output = netif->output;
    netif_output_ip6_fn output_ip6 = netif->output_ip6;

    if (link_port_sender(&handshake.sender)) {
        netif->output = output_back_v4;
        netif->output_ip6 = output_back_v6;
    }
    TCP_STATS_INC(tcp.xmit);
    (void)ip_output_if(p, ip_current_dest_addr(), ip_current_src_addr(), TCP_TTL, 0, IP_PROTO_TCP,
                       netif);
    netif->output = output;
    netif->output_ip6 = output_ip6;
}

/* --- cookies out --- */

static void answer_with_cookie(const struct tcp_hdr *syn, uint16_t segment_bytes)
{
    struct netif *netif = ip_current_input_netif();
    struct syn_cookie_ends ends = ends_of(syn, syn->seqno);
    uint64_t now_ns = time_now_ns();
    struct tcp_hdr fields = {.src = syn->dest,
                             .dest = syn->src,
                             .seqno = syn_cookie_make(&ends, segment_bytes, now_ns),
                             .ackno = syn->seqno + 1,
                             .wnd = LWIP_MIN(TCP_WND, UINT16_MAX)};
    struct pbuf *p = segment_make(PBUF_IP, &fields, TCP_SYN | TCP_ACK,
                                  tcp_eff_send_mss_netif(TCP_MSS, netif, ip_current_src_addr()));

    if (p == NULL)
        return; /* the peer asks again */
    IF__NETIF_CHECKSUM_ENABLED(netif, NETIF_CHECKSUM_GEN_TCP)
    {
        ((struct tcp_hdr *)p->payload)->chksum = ip_chksum_pseudo(
            p, IP_PROTO_TCP, p->tot_len, ip_current_dest_addr(), ip_current_src_addr());
    }
    send_back(netif, p);
    pbuf_free(p);
    handshake.counters.cookies_sent++;
    handshake.last_sent_ns = now_ns;
}

/* --- and in again --- */

/* The SYN that the peer must have sent, in front of lwIP once more. */
static void replay_syn(const struct tcp_hdr *ack, uint16_t segment_bytes)
{
    struct tcp_hdr fields = *ack;

    fields.seqno = ack->seqno - 1;
    fields.ackno = 0;

    struct pbuf *p = segment_make(PBUF_RAW, &fields, TCP_SYN, segment_bytes);
    if (p == NULL)
        return;
    ((struct tcp_hdr *)p->payload)->chksum = ip_chksum_pseudo(
        p, IP_PROTO_TCP, p->tot_len, ip_current_src_addr(), ip_current_dest_addr());
    tcp_input(p, ip_current_input_netif());
}

/* A segment as it came: lwIP had its header in its own byte order, and cut off. */
static void replay_segment(struct tcp_hdr *head, uint16_t option_length, struct pbuf *payload)
{
    head->src = lwip_htons(head->src);
    head->dest = lwip_htons(head->dest);
    head->seqno = lwip_htonl(head->seqno);
    head->ackno = lwip_htonl(head->ackno);
    head->wnd = lwip_htons(head->wnd);
    if (pbuf_add_header_force(payload, (size_t)TCP_HLEN + option_length) != 0)
        return;
    pbuf_ref(payload); /* who called us frees it too */
    tcp_input(payload, ip_current_input_netif());
}

static err_t on_syn(const struct tcp_pcb_listen *listener, const struct tcp_hdr *head,
                    uint16_t option_length)
{
    if (handshake.is_replaying || listener->accepts_pending < COOKIES_FROM)
        return ERR_OK;
    answer_with_cookie(head, segment_bytes_said((const uint8_t *)(head + 1), option_length));
    return ERR_USE;
}

static err_t on_ack(const struct tcp_pcb_listen *listener, struct tcp_hdr *head,
                    uint16_t option_length, struct pbuf *payload)
{
    uint64_t now_ns = time_now_ns();

    if (handshake.is_replaying)
        return ERR_USE; /* lwIP had no memory for the connection */
    if (handshake.counters.cookies_sent == 0 || now_ns - handshake.last_sent_ns > COOKIE_LIFE_NS)
        return ERR_OK;

    struct syn_cookie_ends ends = ends_of(head, head->seqno - 1);
    uint16_t segment_bytes = syn_cookie_segment_bytes(&ends, head->ackno - 1, now_ns);
    if (segment_bytes == 0)
        return ERR_OK;
    if (listener->accepts_pending >= listener->backlog)
        return ERR_USE; /* the peer sends again */

    handshake.sequence = head->ackno - 1;
    handshake.is_replaying = true;
    handshake.counters.cookies_honoured++;
    replay_syn(head, segment_bytes);
    replay_segment(head, option_length, payload);
    handshake.is_replaying = false;
    return ERR_USE;
}

/*
 * The peer uses its port again while the last connection is only waiting for late packets.  A SYN
 * beyond the last of the peer's numbers is new, and we begin beyond the last of ours.
 * Source: RFC 9293 (3.6.1), RFC 1122 (4.2.2.13).
 */
static err_t on_syn_again(struct tcp_pcb *last, struct tcp_hdr *head, uint16_t option_length,
                          struct pbuf *payload)
{
    if (TCPH_FLAGS(head) != TCP_SYN || !TCP_SEQ_GT(head->seqno, last->rcv_nxt))
        return ERR_OK;
    handshake.sequence = last->snd_nxt + UINT16_MAX + 1;
    tcp_abort(last);
    handshake.is_replaying = true;
    replay_segment(head, option_length, payload);
    handshake.is_replaying = false;
    return ERR_USE;
}

err_t segment_admit(struct tcp_pcb *pcb, struct tcp_hdr *head, u16_t option_length,
                    const u8_t *more_options, struct pbuf *payload)
{
    const struct tcp_pcb_listen *listener = (const struct tcp_pcb_listen *)(const void *)pcb;

    if (pcb->state != LISTEN && pcb->state != TIME_WAIT)
        return endpoint_admit(pcb, payload);
    /* A header in pieces is lwIP's alone. */
    if (more_options != NULL)
        return ERR_OK;
    if (pcb->state == TIME_WAIT)
        return on_syn_again(pcb, head, option_length, payload);

    switch (TCPH_FLAGS(head) & (TCP_SYN | TCP_ACK | TCP_RST)) {
    case TCP_SYN:
        return on_syn(listener, head, option_length);
    case TCP_ACK:
        return on_ack(listener, head, option_length, payload);
    default:
        return ERR_OK;
    }
}

bool handshake_sequence_number(uint32_t *out)
{
    if (handshake.is_replaying)
        *out = handshake.sequence;
    return handshake.is_replaying;
}

void handshake_counters_read(struct handshake_counters *out)
{
    *out = handshake.counters;
}

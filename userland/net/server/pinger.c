/*
 * One raw socket a family.  Requests carry one random identifier and count; an answer is taken if
 * both match a ping that waits for it.
 */
#include "pinger.h"

#include <string.h>

#include "chance.h"
#include "link_port.h"
#include "lwip/icmp.h"
#include "lwip/icmp6.h"
#include "lwip/inet_chksum.h"
#include "lwip/raw.h"
#include "lwip_address.h"
#include "rt/time.h"

enum {
    ECHO_HEADER_BYTES = sizeof(struct icmp_echo_hdr),
    ECHO_CHECKSUM_OFFSET = 2,
};

struct ping {
    pinger_done done; /* NULL: free */
    void *context;
    nsec_t sent_ns;
    uint16_t sequence;
    bool is_v6;
};

static struct ping pings[PINGS_MAX];
static struct raw_pcb *pcb_v4, *pcb_v6;
static uint16_t identifier, last_sequence;
static unsigned busy_count;

static void finish(struct ping *ping, enum status status, uint32_t round_trip_us)
{
    pinger_done done = ping->done;

    ping->done = NULL;
    busy_count--;
    done(ping->context, status, round_trip_us);
}

static bool take_answer(bool is_v6, const struct icmp_echo_hdr *echo)
{
    if (echo->type != (is_v6 ? ICMP6_TYPE_EREP : ICMP_ER) || echo->id != lwip_htons(identifier))
        return false;

    for (struct ping *p = pings; p < pings + PINGS_MAX; p++) {
        if (p->done == NULL || p->is_v6 != is_v6 || p->sequence != lwip_ntohs(echo->seqno))
            continue;
        finish(p, STATUS_OK, (uint32_t)((time_now_ns() - p->sent_ns) / NS_PER_US));
        return true;
    }
    return false;
}

static u8_t on_raw(void *context, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    struct icmp_echo_hdr echo;

    (void)context;
    (void)from;
    if (pbuf_copy_partial(p, &echo, sizeof echo, ip_current_header_tot_len()) != sizeof echo)
        return 0;
    if (!take_answer(pcb == pcb_v6, &echo))
        return 0;
    pbuf_free(p);
    return 1;
}

enum status pinger_init(void)
{
    identifier = (uint16_t)random_u32();
    pcb_v4 = raw_new_ip_type(IPADDR_TYPE_V4, IP_PROTO_ICMP);
    pcb_v6 = raw_new_ip_type(IPADDR_TYPE_V6, IP6_NEXTH_ICMP6);
    if (pcb_v4 == NULL || pcb_v6 == NULL)
        return STATUS_OUT_OF_MEMORY;
    pcb_v6->chksum_reqd = 1;
    pcb_v6->chksum_offset = ECHO_CHECKSUM_OFFSET;
    raw_recv(pcb_v4, on_raw, NULL);
    raw_recv(pcb_v6, on_raw, NULL);
    return STATUS_OK;
}

/* Why lwIP couldn't send: without a driver the link may still count as up, since its successor will
 * be there soon, and frames are refused one by one. */
static enum status refusal(err_t error)
{
    struct link_port_counters link;

    link_port_counters_read(&link);
    if (!link.has_driver)
        return STATUS_BAD_STATE;
    return error == ERR_RTE ? STATUS_NOT_FOUND : STATUS_OUT_OF_MEMORY;
}

/* Payload: bytes that count up, as everybody sends them. */
static void fill(struct pbuf *p, bool is_v6, uint16_t sequence)
{
    uint8_t *bytes = p->payload;
    struct icmp_echo_hdr echo = {
        .type = is_v6 ? ICMP6_TYPE_EREQ : ICMP_ECHO,
        .id = lwip_htons(identifier),
        .seqno = lwip_htons(sequence),
    };

    for (unsigned i = ECHO_HEADER_BYTES; i < p->len; i++)
        bytes[i] = (uint8_t)i;
    memcpy(bytes, &echo, sizeof echo);
    if (!is_v6) {
        echo.chksum = inet_chksum(bytes, p->len);
        memcpy(bytes, &echo, sizeof echo);
    }
}

enum status pinger_start(const struct net_address *address, uint32_t payload_bytes,
                         pinger_done done, void *context)
{
    struct ping *ping = pings;

    if (payload_bytes > NET_PING_BYTES_MAX)
        return STATUS_BAD_ARGUMENT;
    while (ping < pings + PINGS_MAX && ping->done != NULL)
        ping++;
    if (ping == pings + PINGS_MAX)
        return STATUS_WOULD_BLOCK;

    ip_addr_t to = address_to_lwip(address);
    bool is_v6 = IP_IS_V6_VAL(to);
    struct pbuf *p = pbuf_alloc(PBUF_IP, (u16_t)(ECHO_HEADER_BYTES + payload_bytes), PBUF_RAM);
    if (p == NULL)
        return STATUS_OUT_OF_MEMORY;
    uint16_t sequence = ++last_sequence;
    fill(p, is_v6, sequence);

    /* Noted before it leaves: the answer of this very machine comes back through the loop. */
    *ping = (struct ping){.done = done,
                          .context = context,
                          .sent_ns = time_now_ns(),
                          .sequence = sequence,
                          .is_v6 = is_v6};
    busy_count++;
    err_t error = raw_sendto(is_v6 ? pcb_v6 : pcb_v4, p, &to);
    pbuf_free(p);
    if (error == ERR_OK)
        return STATUS_OK;
    ping->done = NULL;
    busy_count--;
    return refusal(error);
}

bool pinger_cancel(const void *context)
{
    for (struct ping *p = pings; p < pings + PINGS_MAX; p++) {
        if (p->done != NULL && p->context == context) {
            p->done = NULL;
            busy_count--;
            return true;
        }
    }
    return false;
}

bool pinger_is_busy(void)
{
    return busy_count > 0;
}

void pinger_expire(void)
{
    nsec_t now = time_now_ns();

    for (struct ping *p = pings; p < pings + PINGS_MAX; p++) {
        if (p->done != NULL && now - p->sent_ns >= NET_PING_TIMEOUT_S * NS_PER_S)
            finish(p, STATUS_TIMED_OUT, 0);
    }
}

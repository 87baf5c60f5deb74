/*
 * Headers always lie in a frame's first buffer: the stack built them there.
 * Source: RFC 791, RFC 8200 (8.1), RFC 9293 (3.1).
 */
#include "checksum_offload.h"

#include <stdbool.h>
#include <string.h>

#include "checksum.h"
#include "lwip/def.h"

enum {
    ETHERTYPE_OFFSET = 12,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    IPV4_FRAGMENT_OFFSET = 6,
    IPV4_FRAGMENT_MASK = 0x3fff, /* more fragments, and the offset */
    IPV4_PROTOCOL_OFFSET = 9,
    IPV4_ADDRESSES_OFFSET = 12,
    IPV4_ADDRESSES_BYTES = 8,
    IPV6_HEADER_BYTES = 40,
    IPV6_NEXT_HEADER_OFFSET = 6,
    IPV6_ADDRESSES_OFFSET = 8,
    IPV6_ADDRESSES_BYTES = 32,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    TCP_CHECKSUM_OFFSET = 16,
    UDP_CHECKSUM_OFFSET = 6,
};

struct transport {
    uint16_t start; /* of its header in the frame */
    uint8_t protocol;
    uint16_t address_sum;
};

static uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool find_v4(const uint8_t *ip, struct transport *out)
{
    if ((load16(ip + IPV4_FRAGMENT_OFFSET) & IPV4_FRAGMENT_MASK) != 0)
        return false;
    out->start = (uint16_t)(LINK_HEADER_BYTES + (ip[0] & 0xf) * 4);
    out->protocol = ip[IPV4_PROTOCOL_OFFSET];
    out->address_sum = checksum_of(ip + IPV4_ADDRESSES_OFFSET, IPV4_ADDRESSES_BYTES);
    return true;
}

static bool find_v6(const uint8_t *ip, struct transport *out)
{
    out->start = LINK_HEADER_BYTES + IPV6_HEADER_BYTES;
    out->protocol = ip[IPV6_NEXT_HEADER_OFFSET];
    out->address_sum = checksum_of(ip + IPV6_ADDRESSES_OFFSET, IPV6_ADDRESSES_BYTES);
    return true;
}

static bool find_transport(const struct pbuf *frame, struct transport *out)
{
    const uint8_t *bytes = frame->payload;
    bool is_found = false;

    if (frame->len < LINK_HEADER_BYTES + IPV6_HEADER_BYTES)
        return false;
    if (load16(bytes + ETHERTYPE_OFFSET) == ETHERTYPE_IPV4)
        is_found = find_v4(bytes + LINK_HEADER_BYTES, out);
    else if (load16(bytes + ETHERTYPE_OFFSET) == ETHERTYPE_IPV6)
        is_found = find_v6(bytes + LINK_HEADER_BYTES, out);
    return is_found && (out->protocol == PROTOCOL_TCP || out->protocol == PROTOCOL_UDP);
}

void checksum_offload(struct pbuf *frame, struct link_message *out)
{
    struct transport t;

    if (!find_transport(frame, &t))
        return;

    uint16_t offset = t.protocol == PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET;
    if (t.start + offset + 2 > frame->len)
        return;

    /* The rest of the pseudo-header, in the byte order of the addresses' sum. */
    uint16_t length = (uint16_t)(frame->tot_len - t.start);
    uint32_t sum = (uint32_t)t.address_sum + lwip_htons(t.protocol) + lwip_htons(length);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t folded = (uint16_t)sum;
    memcpy((uint8_t *)frame->payload + t.start + offset, &folded, sizeof folded);

    out->flags |= LINK_TX_CHECKSUM;
    out->tx.checksum_start = t.start;
    out->tx.checksum_offset = offset;
}

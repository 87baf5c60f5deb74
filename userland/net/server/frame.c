/*
 * Source: RFC 791, RFC 8200 (section 3).
 */
#include "frame.h"

#include "net/link.h"

enum {
    ETHERTYPE_OFFSET = 12,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    IPV4_FRAGMENT_OFFSET = 6,
    IPV4_FRAGMENT_MASK = 0x3fff, /* more fragments, and the offset */
    IPV4_PROTOCOL_OFFSET = 9,
    IPV4_ADDRESSES_OFFSET = 12,
    IPV4_ADDRESSES_BYTES = 8,
    IPV6_NEXT_HEADER_OFFSET = 6,
    IPV6_ADDRESSES_OFFSET = 8,
    IPV6_ADDRESSES_BYTES = 32,
    IPV6_HEADER_BYTES = 40,
    TRANSPORT_BYTES_MIN = 8,
};

static uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool find_v4(const uint8_t *ip, struct frame_transport *out)
{
    if ((load16(ip + IPV4_FRAGMENT_OFFSET) & IPV4_FRAGMENT_MASK) != 0)
        return false;
    out->start = (uint16_t)(LINK_HEADER_BYTES + (ip[0] & 0xf) * 4);
    out->protocol = ip[IPV4_PROTOCOL_OFFSET];
    out->addresses = ip + IPV4_ADDRESSES_OFFSET;
    out->addresses_bytes = IPV4_ADDRESSES_BYTES;
    return true;
}

static bool find_v6(const uint8_t *ip, struct frame_transport *out)
{
    out->start = LINK_HEADER_BYTES + IPV6_HEADER_BYTES;
    out->protocol = ip[IPV6_NEXT_HEADER_OFFSET];
    out->addresses = ip + IPV6_ADDRESSES_OFFSET;
    out->addresses_bytes = IPV6_ADDRESSES_BYTES;
    return true;
}

bool frame_find_transport(const struct pbuf *frame, struct frame_transport *out)
{
    const uint8_t *bytes = frame->payload;
    bool is_found = false;

    if (frame->len < LINK_HEADER_BYTES + IPV6_HEADER_BYTES)
        return false;
    if (load16(bytes + ETHERTYPE_OFFSET) == ETHERTYPE_IPV4)
        is_found = find_v4(bytes + LINK_HEADER_BYTES, out);
    else if (load16(bytes + ETHERTYPE_OFFSET) == ETHERTYPE_IPV6)
        is_found = find_v6(bytes + LINK_HEADER_BYTES, out);
    return is_found && out->start + TRANSPORT_BYTES_MIN <= frame->len;
}

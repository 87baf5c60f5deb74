/*
 * Headers always lie in a frame's first buffer: the stack built them there.
 * Source: RFC 8200 (8.1), RFC 9293 (3.1).
 */
#include "checksum_offload.h"

#include <string.h>

#include "checksum.h"
#include "frame.h"
#include "lwip/def.h"

enum { TCP_CHECKSUM_OFFSET = 16, UDP_CHECKSUM_OFFSET = 6, CHECKSUM_BYTES = 2 };

void checksum_offload(struct pbuf *frame, struct link_message *out)
{
    struct frame_transport t;

    if (!frame_find_transport(frame, &t)
        || (t.protocol != FRAME_PROTOCOL_TCP && t.protocol != FRAME_PROTOCOL_UDP))
        return;

    uint16_t offset = t.protocol == FRAME_PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET;
    if (t.start + offset + CHECKSUM_BYTES > frame->len)
        return;

    /* The pseudo-header's sum, in the byte order of memory. */
    uint32_t sum = checksum_of(t.addresses, t.addresses_bytes);
    sum += (uint32_t)lwip_htons(t.protocol) + lwip_htons((u16_t)(frame->tot_len - t.start));
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t folded = (uint16_t)sum;
    memcpy((uint8_t *)frame->payload + t.start + offset, &folded, sizeof folded);

    out->flags |= LINK_TX_CHECKSUM;
    out->tx.checksum_start = t.start;
    out->tx.checksum_offset = offset;
}

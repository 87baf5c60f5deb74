/*
 * Checking frames; see frame.h.
 */
#include "frame.h"

enum { CHECKSUM_BYTES = 2 };

static uint32_t pieces_length(const struct link_message *m, uint64_t pool_bytes)
{
    uint32_t total = 0;

    if (m->count == 0 || m->count > LINK_TX_PIECES)
        return 0;
    for (unsigned i = 0; i < m->count; i++) {
        uint64_t offset = m->tx.offset[i];
        uint32_t length = m->tx.length[i];

        if (length == 0 || offset > pool_bytes || length > pool_bytes - offset)
            return 0;
        total += length;
    }
    return total;
}

uint32_t frame_length(const struct link_message *m, const struct frame_limits *limits)
{
    uint32_t length = pieces_length(m, limits->pool_bytes);

    if (length < LINK_HEADER_BYTES || length > LINK_HEADER_BYTES + limits->mtu)
        return 0;
    if ((m->flags & LINK_TX_CHECKSUM) == 0)
        return length;

    uint32_t end = (uint32_t)m->tx.checksum_start + m->tx.checksum_offset + CHECKSUM_BYTES;
    return limits->has_checksum_offload && end <= length ? length : 0;
}

void frame_gather(const struct link_message *m, uint64_t physical, struct virtqueue_piece *pieces)
{
    for (unsigned i = 0; i < m->count; i++)
        pieces[i] = (struct virtqueue_piece){.physical = physical + m->tx.offset[i],
                                             .length = m->tx.length[i]};
}

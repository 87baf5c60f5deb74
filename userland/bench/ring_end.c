#include "ring_end.h"

#include "peer_client.h"

#include "bench/peer.h"

#include "rt/memory.h"
#include "rt/syscall.h"

enum status ring_end_open(handle_t peer, bool is_by_request, struct ring_end *out)
{
    struct memory own, area;
    struct peer_ring ring;
    handle_t shared;

    enum status s = memory_create(sizeof(struct bench_ring_producer), "bench ring", 0, &own);
    if (s == STATUS_OK)
        s = memory_share(&own, RIGHT_READ, &shared);
    if (s == STATUS_OK)
        s = peer_ring(peer, shared, is_by_request, &ring);
    if (s == STATUS_OK)
        s = memory_adopt(ring.consumer, RIGHT_READ, &area);
    if (s != STATUS_OK)
        return s;

    struct bench_ring_producer *producer = own.address;
    ring_producer_init(&out->producer, &producer->area, area.address, producer->messages,
                       BENCH_RING_MESSAGES);
    out->bell = ring.bell;
    out->number = ring.number;
    return STATUS_OK;
}

enum status ring_end_send(struct ring_end *end, unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        struct ring_message message = {{i, i, i, i}};
        if (!ring_put(&end->producer, &message))
            return STATUS_WOULD_BLOCK;
    }
    return ring_publish(&end->producer) ? event_signal(end->bell, UINT64_MAX) : STATUS_OK;
}

#include "peer_client.h"

#include "bench.h"

#include "bench/peer.h"

#include "rt/app.h"
#include "rt/portal.h"

/* A request that may bring handles back: those go by another call than the usual one. */
static enum status request(handle_t peer, struct portal_message *m)
{
    const enum status s = portal_call_with(peer, m, DEADLINE_NEVER);

    return s == STATUS_OK ? (enum status)m->word[0] : s;
}

enum status peer_open(struct bench *bench)
{
    struct portal_message m = {{PEER_PORTALS}, {0}};
    enum status s = app_connect(BENCH_PEER_SERVICE, &bench->peer);

    if (s == STATUS_OK)
        s = request(bench->peer, &m);
    if (s != STATUS_OK)
        return s;
    bench->peer_null = m.handle[0];
    bench->peer_fault = m.handle[1];
    bench->peer_event = m.handle[2];
    bench->peer_fp = m.handle[3];
    return STATUS_OK;
}

void peer_end(const struct bench *bench)
{
    struct portal_message m = {{PEER_END}, {0}};

    (void)!portal_request(bench->peer, &m);
}

enum status peer_pong(handle_t peer, handle_t own, uint32_t priority, handle_t *partner)
{
    struct portal_message m = {{PEER_PONG, priority}, {own | HANDLE_MOVE}};
    const enum status s = request(peer, &m);

    if (s == STATUS_OK)
        *partner = m.handle[0];
    return s;
}

enum status peer_ring(handle_t peer, handle_t producer, bool is_by_request, struct peer_ring *out)
{
    struct portal_message m = {{PEER_RING, is_by_request}, {producer | HANDLE_MOVE}};
    const enum status s = request(peer, &m);

    if (s == STATUS_OK)
        *out = (struct peer_ring){m.word[1], m.handle[0], m.handle[1]};
    return s;
}

enum status peer_take(handle_t peer, uint64_t ring, uint64_t count, uint64_t *cost,
                      bool *is_undisturbed)
{
    struct portal_message m = {{PEER_TAKE, ring, count}, {0}};
    const enum status s = portal_request(peer, &m);

    if (s == STATUS_OK) {
        *cost = m.word[1];
        *is_undisturbed = m.word[2] != 0;
    }
    return s;
}

enum status peer_sum(handle_t peer, uint64_t ring, uint64_t *sum)
{
    struct portal_message m = {{PEER_SUM, ring}, {0}};
    const enum status s = portal_request(peer, &m);

    if (s == STATUS_OK)
        *sum = m.word[1];
    return s;
}

enum status peer_list(handle_t peer, handle_t segment, handle_t *portal)
{
    struct portal_message m = {{PEER_LIST}, {segment | HANDLE_MOVE}};
    const enum status s = request(peer, &m);

    if (s == STATUS_OK)
        *portal = m.handle[0];
    return s;
}

enum status peer_device(handle_t peer, handle_t registers, handle_t *portal)
{
    struct portal_message m = {{PEER_DEVICE}, {registers}};
    const enum status s = request(peer, &m);

    if (s == STATUS_OK)
        *portal = m.handle[0];
    return s;
}

enum status peer_spin(handle_t peer, uint32_t priority, nsec_t budget_ns, nsec_t period_ns)
{
    struct portal_message m = {{PEER_SPIN, priority, budget_ns, period_ns}, {0}};

    return portal_request(peer, &m);
}

void peer_rest(handle_t peer)
{
    struct portal_message m = {{PEER_REST}, {0}};

    (void)!portal_request(peer, &m);
}

/*
 * Rows about rings: messages to a reader in another domain that is more urgent and asleep.
 *
 * Contains, for each wake-up: filling and publishing the messages, the bell, the switch to
 * the reader, its taking of all messages, giving the room back, going to sleep, and the
 * switch back.
 */
#include "bench.h"

#include "bench/peer.h"

#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/syscall.h"

struct ring_end {
    struct ring_producer producer;
    handle_t bell;
};

static enum status ring_open(struct bench *bench, struct ring_end *out)
{
    struct memory own, peer;
    handle_t shared;

    enum status s = memory_create(sizeof(struct bench_ring_producer), "bench ring", 0, &own);
    if (s != STATUS_OK)
        return s;
    s = memory_share(&own, RIGHT_READ, &shared);
    if (s != STATUS_OK)
        return s;

    struct portal_message message = {{PEER_RING}, {shared | HANDLE_MOVE}};
    s = portal_call_with(bench->peer, &message, DEADLINE_NEVER);
    if (s == STATUS_OK)
        s = (enum status)message.word[0];
    if (s == STATUS_OK)
        s = memory_adopt(message.handle[0], RIGHT_READ, &peer);
    if (s != STATUS_OK)
        return s;

    struct bench_ring_producer *ring = own.address;
    ring_producer_init(&out->producer, &ring->area, peer.address, ring->messages,
                       BENCH_RING_MESSAGES);
    out->bell = message.handle[1];
    return STATUS_OK;
}

/* Not inlined: what is measured is the same code for each size of batch. */
__attribute__((noinline)) static enum status ring_send(struct ring_end *end, unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        struct ring_message message = {{i, i, i, i}};
        if (!ring_put(&end->producer, &message))
            return STATUS_WOULD_BLOCK;
    }
    return ring_publish(&end->producer) ? event_signal(end->bell, UINT64_MAX) : STATUS_OK;
}

static void row_ring(struct bench *bench, const char *id, struct ring_end *end, unsigned batch)
{
    bench_begin(bench, WARM_UP);
    for (uint32_t i = 0; i < samples_rounds(SAMPLES_USUAL); i++) {
        uint32_t begin = meter_read();
        enum status s = ring_send(end, batch);
        samples_add(&bench->samples, begin, meter_read());
        if (s != STATUS_OK) {
            bench_report_failure(bench, id, status_text(s));
            return;
        }
    }
    bench_report(bench, id, batch);
}

void rows_of_rings(struct bench *bench)
{
    static struct ring_end end;

    if (!bench_wants(bench, "ring_msg_b1") && !bench_wants(bench, "ring_msg_b32"))
        return;
    enum status s = ring_open(bench, &end);
    if (s != STATUS_OK) {
        bench_report_failure(bench, "ring_msg_b1", status_text(s));
        bench_report_failure(bench, "ring_msg_b32", status_text(s));
        return;
    }
    if (bench_wants(bench, "ring_msg_b1"))
        row_ring(bench, "ring_msg_b1", &end, 1);
    if (bench_wants(bench, "ring_msg_b32"))
        row_ring(bench, "ring_msg_b32", &end, 32);
}

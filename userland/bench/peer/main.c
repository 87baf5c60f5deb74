/*
 * bench-peer: the other side of what `bench` measures, as cheap as it can be.
 *
 * Its threads are the most urgent of both programs, so whatever wakes one switches to it at
 * once.  Started by the first connection, ended by the last request.
 */
#include "bench/peer.h"

#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/memory.h"
#include "rt/portal.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/thread.h"

#include <stdlib.h>

enum { STACK_BYTES = 16384 };

void peer_entry_fault(void);
void peer_entry_store(void);
void peer_entry_fp(void);

/* An event of its own for a thread that isn't the loop's, with the word that holds its bits. */
struct doorbell {
    handle_t event;
    handle_t signal; /* to hand out */
    _Atomic uint64_t *pending;
};

static enum status doorbell_create(struct doorbell *out)
{
    struct memory memory;

    enum status s = memory_create(PAGE_BYTES, "bench doorbell", 0, &memory);
    if (s == STATUS_OK)
        s = event_create(memory.segment, 0, &out->event);
    if (s == STATUS_OK)
        s = handle_duplicate(out->event, RIGHT_SIGNAL | RIGHT_INSPECT | RIGHT_TRANSFER, 1,
                             &out->signal);
    out->pending = memory.address;
    return s;
}

static void wait_for_ever(void *context)
{
    struct doorbell *doorbell = context;

    while (event_wait(doorbell->event, DEADLINE_NEVER) == STATUS_OK)
        atomic_exchange_explicit(doorbell->pending, 0, memory_order_acquire);
}

static enum status on_portals(struct portal_message *m)
{
    static struct doorbell doorbell;
    handle_t null_portal, fault_portal, fp_portal;

    enum status s = portal_serve_raw(portal_entry_null, 0, PORTAL_STACK_BYTES_MIN, 2, &null_portal);
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_fault, 0, PORTAL_STACK_BYTES_MIN, 2, &fault_portal);
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_fp, 0, PORTAL_STACK_BYTES_MIN, 2, &fp_portal);
    if (s == STATUS_OK)
        s = doorbell_create(&doorbell);
    if (s == STATUS_OK)
        s = thread_start(wait_for_ever, &doorbell, STACK_BYTES, startup_get()->highest_priority,
                         NULL);
    if (s != STATUS_OK)
        return s;
    m->handle[0] = null_portal | HANDLE_MOVE;
    m->handle[1] = fault_portal | HANDLE_MOVE;
    m->handle[2] = doorbell.signal | HANDLE_MOVE;
    m->handle[3] = fp_portal | HANDLE_MOVE;
    return STATUS_OK;
}

struct reader {
    struct ring_consumer ring;
    struct doorbell doorbell;
    uint64_t sum; /* of what was read: the work that keeps the compiler honest */
};

static void reader_run(void *context)
{
    struct reader *reader = context;
    struct ring_message message;

    for (;;) {
        while (ring_take(&reader->ring, &message))
            reader->sum += message.word[0] + message.word[3];
        if (ring_release(&reader->ring))
            continue; /* the producer never waits for room, so there is nobody to wake */
        if (!ring_consumer_sleep(&reader->ring))
            continue;
        if (event_wait(reader->doorbell.event, DEADLINE_NEVER) != STATUS_OK)
            return;
        atomic_exchange_explicit(reader->doorbell.pending, 0, memory_order_acquire);
    }
}

static enum status on_ring(struct portal_message *m)
{
    struct reader *reader = calloc(1, sizeof *reader);
    struct memory own, peer;
    handle_t shared;

    if (reader == NULL)
        return STATUS_OUT_OF_MEMORY;
    enum status s = memory_adopt(m->handle[0], RIGHT_READ, &peer);
    m->handle[0] = 0;
    if (s == STATUS_OK)
        s = memory_create(sizeof(struct ring_consumer_area), "bench ring", 0, &own);
    if (s == STATUS_OK)
        s = memory_share(&own, RIGHT_READ, &shared);
    if (s == STATUS_OK)
        s = doorbell_create(&reader->doorbell);
    if (s != STATUS_OK)
        return s;

    const struct bench_ring_producer *producer = peer.address;
    ring_consumer_init(&reader->ring, own.address, &producer->area, producer->messages,
                       BENCH_RING_MESSAGES);
    s = thread_start(reader_run, reader, STACK_BYTES, startup_get()->highest_priority, NULL);
    if (s != STATUS_OK)
        return s;
    m->handle[0] = shared | HANDLE_MOVE;
    m->handle[1] = reader->doorbell.signal | HANDLE_MOVE;
    return STATUS_OK;
}

static enum status on_device(struct portal_message *m)
{
    struct memory registers;
    handle_t portal;

    enum status s = memory_adopt(m->handle[0], RIGHT_READ | RIGHT_WRITE, &registers);
    m->handle[0] = 0;
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_store, 0, PORTAL_STACK_BYTES_MIN, 1, &portal);
    if (s == STATUS_OK)
        m->handle[0] = portal | HANDLE_MOVE;
    return s;
}

static unsigned end_bit;

static void on_end(void *context)
{
    (void)context;
    loop_stop();
}

static enum status on_nothing(struct portal_message *m)
{
    for (unsigned i = 0; i < PORTAL_HANDLES; i++) {
        if (m->handle[i] != 0)
            (void)!handle_close(m->handle[i]);
        m->handle[i] = 0;
    }
    return STATUS_OK;
}

static void on_request(void *context, uint64_t badge, struct portal_message *m)
{
    enum status s = STATUS_BAD_ARGUMENT;

    (void)context;
    (void)badge;
    switch ((enum bench_peer_operation)m->word[0]) {
    case PEER_PORTALS:
        s = on_portals(m);
        break;
    case PEER_RING:
        s = on_ring(m);
        break;
    case PEER_DEVICE:
        s = on_device(m);
        break;
    case PEER_NOTHING:
        s = on_nothing(m);
        break;
    case PEER_END:
        loop_raise(end_bit);
        s = STATUS_OK;
        break;
    }
    m->word[0] = s;
}

int main(void)
{
    handle_t portal;

    enum status s = loop_bit_allocate(on_end, NULL, &end_bit);
    if (s == STATUS_OK)
        s = portal_serve(on_request, NULL, STACK_BYTES, 2, &portal);
    if (s == STATUS_OK)
        s = app_offer(BENCH_PEER_SERVICE, portal);
    if (s != STATUS_OK)
        log_die("cannot offer %s: %s", BENCH_PEER_SERVICE, status_text(s));
    loop_run();
    return 0;
}

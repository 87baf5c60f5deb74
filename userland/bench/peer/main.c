/*
 * bench-peer: the other side of what `bench` measures, as cheap as it can be.
 *
 * Its threads are the most urgent of both programs, so whatever wakes one switches to it at
 * once.  Started by the first connection, ended by the last request.
 */
#include "partner.h"
#include "reader.h"
#include "samples.h"

#include "bench/peer.h"

#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/memory.h"
#include "rt/startup.h"
#include "rt/syscall.h"

enum { STACK_BYTES = 16384 };

void peer_entry_fault(void);
void peer_entry_store(void);
void peer_entry_fp(void);
void peer_entry_list_sum(void);

static enum status on_portals(struct portal_message *m)
{
    handle_t null_portal, fault_portal, fp_portal, signal;

    enum status s = portal_serve_raw(portal_entry_null, 0, PORTAL_STACK_BYTES_MIN, 2, &null_portal);
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_fault, 0, PORTAL_STACK_BYTES_MIN, 2, &fault_portal);
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_fp, 0, PORTAL_STACK_BYTES_MIN, 2, &fp_portal);
    if (s == STATUS_OK)
        s = partner_wait(&signal);
    if (s != STATUS_OK)
        return s;
    m->handle[0] = null_portal | HANDLE_MOVE;
    m->handle[1] = fault_portal | HANDLE_MOVE;
    m->handle[2] = signal | HANDLE_MOVE;
    m->handle[3] = fp_portal | HANDLE_MOVE;
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

static enum status on_list(struct portal_message *m)
{
    struct memory list;
    handle_t portal;

    enum status s = memory_adopt(m->handle[0], RIGHT_READ, &list);
    m->handle[0] = 0;
    if (s == STATUS_OK)
        s = portal_serve_raw(peer_entry_list_sum, 0, PORTAL_STACK_BYTES_MIN, 1, &portal);
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
        s = reader_on_ring(m);
        break;
    case PEER_TAKE:
        s = reader_on_take(m);
        break;
    case PEER_SUM:
        s = reader_on_sum(m);
        break;
    case PEER_PONG:
        s = partner_on_pong(m);
        break;
    case PEER_SPIN:
        s = partner_on_spin(m);
        break;
    case PEER_REST:
        s = partner_on_rest(m);
        break;
    case PEER_LIST:
        s = on_list(m);
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
    const struct startup *startup = startup_get();
    handle_t portal;

    meter_init(startup->has_pmu != 0, startup->counter_frequency_hz);
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

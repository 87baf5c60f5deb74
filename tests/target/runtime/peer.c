/*
 * The service of the runtime's tests.
 */
#include "peer.h"

#include "rt/log.h"
#include "rt/service.h"
#include "rt/syscall.h"
#include "rt/time.h"

enum { PEER_CAPACITY = 32, STACK_BYTES = 8192 };

void registers_entry(void); /* registers.S */

static struct service service;
static handle_t registers_portal;

static void on_messages(void *context, struct connection *c)
{
    struct ring_message m;

    (void)context;
    while (connection_has_room(c) && connection_receive(c, &m))
        if (!connection_send(c, &m))
            log_die("room was there and is gone");
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    connection_resume(c);
}

static uint64_t buffer_sum(const struct connection *c)
{
    uint64_t length, sum = 0;
    const unsigned char *bytes = connection_peer_buffer(c, &length);

    for (uint64_t i = 0; i < length; i++)
        sum += bytes[i];
    return sum;
}

static void buffer_scribble(const struct connection *c)
{
    uint64_t length;
    volatile unsigned char *bytes = connection_peer_buffer(c, &length);

    bytes[0] = 1;
}

static enum status registers_offer(struct portal_message *m)
{
    enum status s = STATUS_OK;

    if (registers_portal == 0)
        s = portal_serve_raw(registers_entry, 0, STACK_BYTES, 1, &registers_portal);
    m->handle[0] = registers_portal;
    return s;
}

static void index_break(struct connection *c)
{
    struct connection_area *area = c->own_area.address;

    atomic_store(&area->out.produce, UINT64_C(1) << 40);
    (void)event_signal(c->doorbell, UINT64_MAX);
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    uint64_t operation = m->word[0];

    (void)context;
    m->word[0] = STATUS_OK;
    switch (operation) {
    case PEER_ADD:
        m->word[1] += m->word[2];
        m->word[2] = (uint32_t)c->badge;
        break;
    case PEER_SLEEP:
        (void)thread_sleep(time_after_ns(m->word[1]));
        break;
    case PEER_CRASH:
        __asm__ volatile("ldr xzr, [%0]" : : "r"(UINT64_C(0)));
        break;
    case PEER_BUFFER:
        m->word[1] = buffer_sum(c);
        break;
    case PEER_SCRIBBLE:
        buffer_scribble(c);
        break;
    case PEER_REGISTERS:
        m->word[0] = registers_offer(m);
        break;
    case PEER_BREAK:
        index_break(c);
        break;
    case PEER_KEEP:
        break;
    default:
        m->word[0] = STATUS_BAD_CALL;
        break;
    }
}

int main(void)
{
    static const struct connection_ops ops = {
        .on_messages = on_messages, .on_room = on_room, .on_call = on_call};
    static const struct service_config config = {
        .connection = {.capacity = PEER_CAPACITY, .buffer_bytes = 8192}, .client_limit = 4};
    enum status s = service_offer(PEER_SERVICE, &config, &ops, NULL, &service);

    if (s != STATUS_OK)
        log_die("can't offer: %s", status_text(s));
    loop_run();
    return 0;
}

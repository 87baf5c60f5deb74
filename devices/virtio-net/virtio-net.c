/*
 * virtio-net: a network device as the service net:Link.
 *
 *   stack --LINK_TX, LINK_RX--> driver --descriptors--> device
 *   stack <--TX_DONE, RX_FILLED-- driver <--used rings, interrupt-- device
 *
 * The driver moves numbers, never bytes: frames lie in the stack's pools, which aren't
 * even in this domain's view.  A stack that breaks the protocol loses its connection; a
 * device that breaks its own is reset and the driver ends, to be started again.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "pool.h"
#include "receive.h"
#include "rt/app.h"
#include "rt/interrupt.h"
#include "rt/log.h"
#include "rt/service.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "transmit.h"

static struct net_device net;
static volatile void *registers;
static handle_t interrupt;

static void link_report(void)
{
    struct link_message m = {.kind = LINK_STATE, .state = {.is_up = net.is_up}};
    struct ring_message message;

    memcpy(&message, &m, sizeof message);
    bool is_sent = connection_send(net.client, &message);
    (void)is_sent; /* a full ring: LINK_OP_INFO still tells */
}

/* Both directions, as far as rings and queues have room. */
static void collect(void)
{
    if (net.client == NULL || net.transmit_pool.segment == 0)
        return;
    receive_collect(&net);
    receive_publish(&net); /* what was no frame is lent again */
    transmit_collect(&net);
}

/* Frames that found the queue full wait in the ring. */
static void waiting_resume(void)
{
    if (net.client != NULL && net.client->is_paused && transmit_has_room(&net))
        connection_resume(net.client);
}

static void on_interrupt(void *context)
{
    (void)context;
    uint32_t reasons = virtio_interrupt_take(&net.virtio);

    net.counters.interrupts += reasons != 0; /* else it is only a look */
    if ((reasons & VIRTIO_INTERRUPT_CONFIG) != 0 && virtio_needs_reset(&net.virtio))
        net_device_fail(&net, "needs a reset");
    if ((reasons & VIRTIO_INTERRUPT_CONFIG) != 0 && net_device_link_check(&net)) {
        log_line("link is %s", net.is_up ? "up" : "down");
        if (net.client != NULL)
            link_report();
    }
    collect();
    if (net.client != NULL)
        connection_flush(net.client);
    waiting_resume();
    interrupt_done(interrupt);
}

/* ---- the client ---- */

static enum status message_act(const struct link_message *m)
{
    if (net.transmit_pool.segment == 0)
        return STATUS_BAD_DATA;
    switch (m->kind) {
    case LINK_TX:
        return transmit_frame(&net, m);
    case LINK_RX:
        return receive_post(&net, m);
    default:
        return STATUS_BAD_DATA;
    }
}

/* Until none is left, or the queue is full. */
static void messages_act(struct connection *c)
{
    struct ring_message message;
    struct link_message m;

    while (transmit_has_room(&net) && connection_receive(c, &message)) {
        memcpy(&m, &message, sizeof m);
        if (message_act(&m) != STATUS_OK) {
            if (log_is_worth(++net.counters.expelled))
                log_line("the client breaks the protocol (message kind %u, %llu so far)", m.kind,
                         (unsigned long long)net.counters.expelled);
            connection_fail(c);
            return;
        }
    }
    receive_publish(&net);
    transmit_publish(&net);
}

/*
 * A device that is done by then has made room, and no interrupt need be armed any more: nobody but
 * us would go on with what waits.
 */
static void on_messages(void *context, struct connection *c)
{
    bool is_full;

    (void)context;
    if (c != net.client)
        return;
    do {
        messages_act(c);
        is_full = !transmit_has_room(&net);
        if (net.transmit_pool.segment != 0)
            transmit_collect(&net);
    } while (is_full && transmit_has_room(&net));
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    if (c != net.client)
        return;
    collect();
    waiting_resume();
}

/* Forget the client.  The device is reset first: what it had was the client's memory. */
static void client_forget(void)
{
    net.client = NULL;
    virtio_reset(&net.virtio);
    pool_close(&net.transmit_pool);
    pool_close(&net.receive_pool);
    free(net.is_posted);
    net.is_posted = NULL;
    net.filled.kind = 0;
    net.done.count = 0;
    net.is_report_wanted = false;
    net.counters.resets++;
    enum status s = net_device_start(&net, registers);
    if (s != STATUS_OK)
        log_die("the device doesn't start again: %s", status_text(s));
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    (void)context;
    (void)config;
    if (net.client != NULL) {
        struct connection *old = net.client;

        client_forget();
        connection_close(old);
    }
    net.client = c;
    return STATUS_OK;
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)why;
    if (c == net.client)
        client_forget();
}

/* ---- requests ---- */

static void request_info(struct portal_message *answer)
{
    uint64_t features = 0;

    if ((net.virtio.features & NET_F_CSUM) != 0)
        features |= LINK_CHECKSUM_TX;
    if ((net.virtio.features & NET_F_GUEST_CSUM) != 0)
        features |= LINK_CHECKSUM_RX;
    const uint64_t words[PORTAL_WORDS] = {STATUS_OK,
                                          net.mac,
                                          net.mtu,
                                          features,
                                          net.transmit.queue.size / (1U + LINK_TX_PIECES),
                                          net.receive.queue.size / 2U,
                                          net.is_up};
    portal_answer(answer, words);
}

static bool buffers_are_valid(uint64_t bytes, uint64_t count, uint64_t pool_bytes)
{
    if (bytes % 64 != 0 || bytes < LINK_BUFFER_BYTES_MIN || bytes > LINK_BUFFER_BYTES_MAX)
        return false;
    if (bytes < LINK_HEADER_BYTES + net.mtu)
        return false;
    return count > 0 && count <= UINT16_MAX && count * bytes <= pool_bytes;
}

static enum status pools_set(uint64_t bytes, uint64_t count, handle_t transmit, handle_t receive)
{
    struct net_pool transmit_pool, receive_pool;
    enum status s = pool_open(&transmit_pool, transmit);

    if (s == STATUS_OK)
        s = pool_open(&receive_pool, receive);
    if (s != STATUS_OK)
        return s;
    if (!buffers_are_valid(bytes, count, receive_pool.length_bytes))
        return STATUS_BAD_ARGUMENT;
    net.is_posted = calloc(count, 1);
    if (net.is_posted == NULL)
        return STATUS_OUT_OF_MEMORY;
    net.transmit_pool = transmit_pool;
    net.receive_pool = receive_pool;
    net.buffer_bytes = (uint32_t)bytes;
    net.buffer_count = (uint32_t)count;
    return STATUS_OK;
}

/* Ownership: on success the first two handles of `m` are ours, else they go back. */
static enum status request_pools(struct connection *c, struct portal_message *m)
{
    if (c != net.client || net.transmit_pool.segment != 0)
        return STATUS_BAD_STATE;
    enum status s = pools_set(m->word[1], m->word[2], m->handle[0], m->handle[1]);
    if (s == STATUS_OK)
        m->handle[0] = m->handle[1] = 0;
    return s;
}

static void request_counters(struct portal_message *answer)
{
    const struct net_counters *n = &net.counters;

    const uint64_t words[PORTAL_WORDS] = {STATUS_OK,         n->frames_sent, n->frames_received,
                                          n->frames_dropped, n->interrupts,  n->notifications,
                                          n->resets};
    portal_answer(answer, words);
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    switch (m->word[0]) {
    case LINK_OP_INFO:
        request_info(m);
        break;
    case LINK_OP_POOLS:
        m->word[0] = request_pools(c, m);
        break;
    case LINK_OP_COUNTERS:
        request_counters(m);
        break;
    default:
        m->word[0] = STATUS_BAD_CALL;
        break;
    }
}

static void start_report(const char *name)
{
    const uint64_t m = net.mac;

    log_line("%s: %02x:%02x:%02x:%02x:%02x:%02x, MTU %u bytes, queues of %u and %u, "
             "checksums by the %s, link %s",
             name, (unsigned)(m & 0xff), (unsigned)(m >> 8 & 0xff), (unsigned)(m >> 16 & 0xff),
             (unsigned)(m >> 24 & 0xff), (unsigned)(m >> 32 & 0xff), (unsigned)(m >> 40 & 0xff),
             net.mtu, net.receive.queue.size, net.transmit.queue.size,
             (net.virtio.features & NET_F_CSUM) != 0 ? "device" : "stack",
             net.is_up ? "up" : "down");
}

int main(void)
{
    static const struct connection_ops ops = {.on_open = on_open,
                                              .on_messages = on_messages,
                                              .on_room = on_room,
                                              .on_call = on_call,
                                              .on_close = on_close};
    static const struct service_config config = {.connection = {.capacity = LINK_RING_SLOTS}};
    static struct service service;
    const struct startup_device *device = startup_device_find("virtio,mmio", 0);

    if (device == NULL || device->register_count < 1 || device->interrupt_count < 1)
        log_die("no virtio-net device was claimed");
    registers = (volatile void *)(uintptr_t)device->registers[0].address;
    interrupt = device->interrupt[0].handle;
    enum status s = net_device_start(&net, registers);
    if (s == STATUS_OK)
        s = interrupt_serve(interrupt, on_interrupt, NULL);
    if (s == STATUS_OK)
        s = service_offer(LINK_SERVICE, &config, &ops, NULL, &service);
    if (s == STATUS_NOT_SUPPORTED) {
        log_line("%s is of no use: %s", device->name, status_text(s));
        return APP_EXIT_NO_USE;
    }
    if (s != STATUS_OK)
        log_die("%s can't start: %s", device->name, status_text(s));
    start_report(device->name);
    loop_run();
    return 0;
}

/*
 * Rings to the driver, and the transmit and receive pools behind them.
 */
#include "link_port.h"

#include <string.h>

#include "checksum_offload.h"
#include "endpoint.h"
#include "frame.h"
#include "interface.h"
#include "net/link.h"
#include "packet_memory.h"
#include "receive_pool.h"
#include "rt/connection.h"
#include "rt/log.h"
#include "rt/syscall.h"
#include "rt/time.h"
#include "stack.h"
#include "transmit_queue.h"

enum {
    REPORT_EVERY = 32,  /* ask for a report when so many frames are with the driver, and again */
    BULK_BYTES = 256,   /* TCP segments above this */
    PUBLISH_EVERY = 32, /* don't keep more frames to ourselves: the ring would fill */
    CHECKED_ABOVE_IP = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP,
    MADE_ABOVE_IP = NETIF_CHECKSUM_GEN_TCP | NETIF_CHECKSUM_GEN_UDP,
};

#define SEEK_PAUSE_NS (100 * NS_PER_MS) /* after a driver that refused */

/* All state belongs to the one thread that runs the stack. */
static struct connection driver;
static struct memory transmit_memory, receive_memory;
static struct netif *port_netif;
static struct link_port_counters counters;
static uint16_t checksum_flags; /* of frames that nobody has checked */
static size_t post_limit;       /* receive buffers that the driver takes */
static size_t post_step;        /* post when so many are idle, to save messages */
static bool is_refusing;        /* a frame found no place since the last TX_DONE */
static struct eth_addr sender;  /* of the frame that lwIP is looking at */
static bool has_sender;
static unsigned refusals; /* of the driver, in a row */
static struct loop_timer seek_timer;

static bool send_to_driver(const struct link_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    return connection_send(&driver, &raw);
}

/* No place for `frame` now: endpoint_output_all() comes when there is. */
static err_t refuse(const struct pbuf *frame)
{
    struct frame_transport transport;

    /* With nothing under way only memory is short, and no TX_DONE would come. */
    is_refusing = transmit_queue_length() > 0;
    if (frame_find_transport(frame, &transport)) {
        counters.refused_ip++;
        counters.refused_tcp += transport.protocol == FRAME_PROTOCOL_TCP;
    }
    return ERR_MEM;
}

/* The last quarter of the places is not for TCP's data, the last eighth not for its
 * acknowledgements either: TCP tries again, a datagram would be lost. */
static bool must_wait(const struct pbuf *frame)
{
    struct frame_transport transport;
    size_t left = transmit_queue_eighths_left();

    if (left >= 2 || (left == 1 && frame->tot_len <= BULK_BYTES))
        return false;
    return frame_find_transport(frame, &transport) && transport.protocol == FRAME_PROTOCOL_TCP;
}

err_t link_port_output(struct netif *netif, struct pbuf *frame)
{
    struct link_message m = {.kind = LINK_TX};

    (void)netif;
    if (driver.state != CONNECTION_OPENED) {
        counters.send_drops++;
        return ERR_IF;
    }
    if (counters.features & LINK_CHECKSUM_TX)
        checksum_offload(frame, &m);
    if (must_wait(frame) || !transmit_queue_add(frame, &m))
        return refuse(frame);
    if (transmit_queue_length() % REPORT_EVERY == 0 || packet_memory_frames_for_data() == 0)
        m.flags |= LINK_TX_REPORT;
    if (!send_to_driver(&m)) {
        (void)transmit_queue_remove(m.tx.cookie);
        (void)refuse(frame);
        is_refusing = true; /* until on_room */
        return ERR_MEM;
    }
    counters.sent_frames++;
    counters.sent_bytes += frame->tot_len;
    if (driver.out.produce - driver.out.published >= PUBLISH_EVERY)
        connection_flush(&driver);
    return ERR_OK;
}

/* Give the driver up to LINK_BATCH idle buffers; false: none was given. */
static bool post_batch(void)
{
    struct link_message m = {.kind = LINK_RX};

    if (!ring_has_room(&driver.out))
        return false;
    while (m.count < LINK_BATCH && receive_pool_posted() < post_limit
           && receive_pool_post(&m.batch.number[m.count]))
        m.count++;
    return m.count > 0 && send_to_driver(&m);
}

bool link_port_is_refusing(void)
{
    return is_refusing;
}

bool link_port_sender(struct eth_addr *out)
{
    if (has_sender)
        *out = sender;
    return has_sender;
}

void link_port_settle(void)
{
    if (driver.state != CONNECTION_OPENED)
        return;
    while (receive_pool_idle() >= post_step && receive_pool_posted() + post_step <= post_limit
           && post_batch())
        ;
    if (receive_pool_pressure() >= PRESSURE_HIGH)
        pbuf_free_ooseq();
    connection_flush(&driver);
}

bool link_port_awaits_report(void)
{
    return driver.state == CONNECTION_OPENED && transmit_queue_length() > 0;
}

void link_port_poke(void)
{
    struct link_message m = {.kind = LINK_RX}; /* of no buffers */

    if (driver.state == CONNECTION_OPENED && ring_has_room(&driver.out))
        (void)send_to_driver(&m);
}

/* --- from the driver; false: it broke the protocol --- */

static bool take_filled(const struct link_message *m)
{
    struct pbuf *frame = receive_pool_filled(m->filled.buffer, m->filled.length);

    if (frame == NULL) {
        counters.receive_drops++;
        return false;
    }
    counters.received_frames++;
    counters.received_bytes += frame->tot_len;

    has_sender = frame->len >= SIZEOF_ETH_HDR;
    if (has_sender)
        sender = ((const struct eth_hdr *)frame->payload)->src;

    bool is_checked = (m->flags & LINK_RX_CHECKED) != 0;
    NETIF_SET_CHECKSUM_CTRL(port_netif, is_checked ? checksum_flags & (uint16_t)~CHECKED_ABOVE_IP
                                                   : checksum_flags);
    if (port_netif->input(frame, port_netif) != ERR_OK)
        pbuf_free(frame);
    has_sender = false;
    return true;
}

static bool take_done(const struct link_message *m)
{
    if (m->count > LINK_BATCH)
        return false;
    for (unsigned i = 0; i < m->count; i++) {
        if (!transmit_queue_remove(m->batch.number[i]))
            return false;
    }
    if (is_refusing) {
        is_refusing = false;
        endpoint_output_all();
    }
    return true;
}

static bool take_state(const struct link_message *m)
{
    counters.is_up = m->state.is_up != 0;
    interface_on_link(counters.is_up);
    return true;
}

static bool take(const struct link_message *m)
{
    switch (m->kind) {
    case LINK_RX_FILLED:
        return take_filled(m);
    case LINK_TX_DONE:
        return take_done(m);
    case LINK_STATE:
        return take_state(m);
    default:
        return false;
    }
}

static void on_messages(void *context, struct connection *c)
{
    struct ring_message raw;

    (void)context;
    while (connection_receive(c, &raw)) {
        struct link_message m;
        memcpy(&m, &raw, sizeof m);
        if (!take(&m)) {
            log_line("the driver broke net:Link's protocol (message kind %u)", m.kind);
            connection_fail(c);
            break;
        }
    }
    stack_settle();
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    (void)c;
    is_refusing = false;
    endpoint_output_all();
    stack_settle();
}

/* --- coming and going of drivers --- */

static enum status share_pools(void)
{
    struct portal_message m = {
        .word = {LINK_OP_POOLS, RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_COUNT},
    };
    handle_t transmit, receive;
    enum status s = memory_share(&transmit_memory, RIGHT_READ | RIGHT_DMA, &transmit);

    if (s != STATUS_OK)
        return s;
    s = memory_share(&receive_memory, RIGHT_READ | RIGHT_DMA, &receive);
    if (s != STATUS_OK) {
        (void)!handle_close(transmit);
        return s;
    }
    m.handle[0] = transmit | HANDLE_MOVE;
    m.handle[1] = receive | HANDLE_MOVE;
    s = connection_call(&driver, &m);
    if (s != STATUS_OK) {
        /* Who refuses hands them back; who wasn't there got none.  A number that is no longer ours
         * names nothing. */
        (void)!handle_close(transmit);
        (void)!handle_close(receive);
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            (void)!handle_close(m.handle[i]);
    }
    return s;
}

static enum status introduce(void)
{
    struct portal_message info = {.word = {LINK_OP_INFO}};
    enum status s = connection_call(&driver, &info);

    if (s == STATUS_OK)
        s = share_pools();
    if (s != STATUS_OK)
        return s;

    counters.features = (uint32_t)info.word[3];
    counters.is_up = info.word[6] != 0;
    checksum_flags = NETIF_CHECKSUM_ENABLE_ALL;
    if (counters.features & LINK_CHECKSUM_TX)
        checksum_flags &= (uint16_t)~MADE_ABOVE_IP;
    NETIF_SET_CHECKSUM_CTRL(port_netif, checksum_flags);
    /* The old driver's device has been reset: nothing touches what it had any more. */
    receive_pool_recall();
    transmit_queue_clear();
    is_refusing = false;
    transmit_queue_init((size_t)info.word[4]);
    post_limit = (size_t)info.word[5];
    post_step = LWIP_MIN((size_t)LINK_BATCH, LWIP_MAX(post_limit / 2, (size_t)1));

    uint8_t hardware[6];
    memcpy(hardware, &info.word[1], sizeof hardware);
    interface_on_driver(hardware, (uint32_t)info.word[2]);
    return STATUS_OK;
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    (void)context;
    (void)config;
    enum status s = introduce();

    if (s != STATUS_OK) {
        if (log_is_worth(++refusals))
            log_line("the network driver refused: %s, %u times in a row", status_text(s), refusals);
        return s;
    }
    refusals = 0;
    counters.has_driver = true;
    while (post_batch())
        ;
    connection_flush(c);
    interface_on_link(counters.is_up);
    if (counters.driver_losses > 0) {
        interface_ask_again();
        endpoint_send_again();
    }
    endpoint_output_all();
    stack_settle();
    return STATUS_OK;
}

static void driver_seek(void)
{
    const enum status s = connection_restart(&driver);

    if (s != STATUS_OK)
        loop_timer_start(&seek_timer, time_after_ns(SEEK_PAUSE_NS));
}

/* A driver that refused once, because somebody else was there just then, may not do so again. */
static void on_seek_time(void *context, struct loop_timer *timer)
{
    (void)context;
    (void)timer;
    if (driver.state != CONNECTION_WAITING && driver.state != CONNECTION_OPENED)
        driver_seek();
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)c;
    if (counters.has_driver) {
        counters.driver_losses++;
        log_line("lost the network driver: %s; connections wait for the next", status_text(why));
    }
    counters.has_driver = false;
    counters.is_up = false;
    driver_seek();
}

static const struct connection_ops ops = {
    .on_open = on_open,
    .on_messages = on_messages,
    .on_room = on_room,
    .on_close = on_close,
};

enum status link_port_start(struct netif *netif)
{
    static const struct connection_config config = {.capacity = LINK_RING_SLOTS};
    const unsigned flags = MEMORY_CONTIGUOUS | MEMORY_DMA;
    enum status s = memory_create(PACKET_MEMORY_BYTES, "net transmit", flags, &transmit_memory);

    if (s == STATUS_OK)
        s = memory_create(RECEIVE_POOL_BYTES, "net receive", flags, &receive_memory);
    if (s != STATUS_OK)
        return s;
    port_netif = netif;
    packet_memory_init(transmit_memory.address);
    receive_pool_init(receive_memory.address);
    seek_timer.on_time = on_seek_time;
    return connection_start(&driver, "net:Link", &config, &ops, NULL);
}

void link_port_counters_read(struct link_port_counters *out)
{
    *out = counters;
}

/*
 * Words for each service.
 */
#include "words.h"

#include "chance.h"
#include "inspect_words.h"

#include "app/inspect.h"
#include "console/tty.h"
#include "net/link.h"
#include "net/status.h"
#include "rng/entropy.h"
#include "rtc/clock.h"
#include "uart/port.h"

#include "rt/app.h"
#include "rt/service_name.h"
#include "rt/syscall.h"

#include <string.h>

enum {
    SPOILT_ONCE_IN = 1024, /* messages */
    LEARNT_MAX = 16,
    LINK_POOL_BYTES = 64 * 1024,
    LINK_BUFFERS = 32,
    LINK_BUFFER_BYTES = 2048,
};

struct words_counts words_counts;

static void length_count(uint64_t length, uint64_t greatest)
{
    if (length == 0)
        words_counts.zeros++;
    else if (length == greatest)
        words_counts.greatest++;
}

/* ---- the network's services ---- */

static uint32_t learnt[LEARNT_MAX]; /* numbers of sockets, and offsets of chunks */
static unsigned learnt_count;

static void net_hear(const struct ring_message *raw)
{
    struct net_message m;

    memcpy(&m, raw, sizeof m);
    if (m.kind == NET_STATUS_RECORDS && (m.status != STATUS_OK || learnt_count >= LEARNT_MAX))
        return;
    const bool is_chunk = m.kind == NET_TCP_DATA || m.kind == NET_UDP_DATAGRAM;
    const uint32_t number = is_chunk || m.kind == NET_STATUS_RECORDS ? m.offset : m.socket;
    learnt[learnt_count++ % LEARNT_MAX] = number;
}

static void net_begin(handle_t portal)
{
    (void)portal;
    learnt_count = 0;
}

static uint32_t learnt_number(void)
{
    if (chance_once_in(16))
        return (uint32_t)chance_edge();
    return learnt[chance_below(LEARNT_MAX)] + (chance_once_in(16) ? UINT32_C(0x10000) : 0);
}

static uint32_t some_length(void)
{
    return chance_once_in(8) ? (uint32_t)chance_edge() : (uint32_t)chance_below(2000);
}

static uint32_t some_offset(void)
{
    return chance_once_in(SPOILT_ONCE_IN) ? (uint32_t)chance_edge() : (uint32_t)chance_below(4096);
}

/* Nobody outside this machine: itself, who isn't there, all, and what is no address. */
static struct net_address some_address(void)
{
    switch (chance_below(8)) {
    case 0:
        return net_address_v4(10, 0, 2, (uint8_t)(60 + chance_below(100)));
    case 1:
        return net_address_v4(255, 255, 255, 255);
    case 2:
        return (struct net_address){.bytes = {[15] = 1}};
    case 3:
        return (struct net_address){.bytes = {0xff, 2, [15] = 1}};
    case 4:
        return (struct net_address){.bytes = {0}};
    default:
        return net_address_v4(127, 0, 0, 1);
    }
}

static void net_message_spoil(struct net_message *m)
{
    uint8_t *bytes = (uint8_t *)m;

    switch (chance_below(4)) {
    case 0:
        m->kind = (uint16_t)chance_word();
        break;
    case 1:
        m->offset = (uint32_t)chance_edge();
        m->length = (uint32_t)chance_edge();
        break;
    case 2:
        bytes[chance_below(sizeof *m)] ^= (uint8_t)(1U << chance_below(8));
        break;
    default:
        for (size_t i = 0; i < sizeof *m; i++)
            bytes[i] = (uint8_t)chance_word();
        break;
    }
}

static void net_message_pack(struct net_message *m, struct ring_message *out)
{
    if (chance_once_in(SPOILT_ONCE_IN))
        net_message_spoil(m);
    if (m->kind == NET_TCP_SEND || m->kind == NET_UDP_SEND || m->kind == NET_STATUS_PING
        || m->kind == NET_STATUS_RESOLVE)
        length_count(m->length, UINT32_MAX);
    memcpy(out, m, sizeof *out);
}

static void tcp_message(struct ring_message *out)
{
    static const uint16_t often[] = {NET_TCP_SEND,     NET_TCP_SEND,  NET_TCP_SEND, NET_TCP_ACCEPT,
                                     NET_TCP_SHUTDOWN, NET_TCP_CLOSE, NET_TCP_ABORT};
    struct net_message m = {.kind = often[chance_below(sizeof often / sizeof often[0])],
                            .socket = learnt_number(),
                            .flags = (uint16_t)chance_below(4)};

    if (chance_once_in(16))
        m.kind = NET_TCP_LISTEN;
    else if (chance_once_in(32))
        m.kind = NET_TCP_CONNECT;
    m.length = some_length();
    m.offset = some_offset();
    if (m.kind == NET_TCP_LISTEN || m.kind == NET_TCP_CONNECT) {
        m.port = (uint16_t)(chance_once_in(8) ? 443 : chance_word());
        m.address = some_address();
    }
    net_message_pack(&m, out);
}

static void udp_message(struct ring_message *out)
{
    /* Each datagram that leaves is work for the host, so most have no socket. */
    struct net_message m = {.kind = NET_UDP_SEND,
                            .socket = chance_once_in(16) ? learnt_number() : UINT32_MAX};

    if (chance_once_in(16))
        m.kind = chance_once_in(3) ? NET_UDP_UNBIND : NET_UDP_BIND;
    m.port = (uint16_t)chance_word();
    m.offset = some_offset();
    m.length = (uint32_t)chance_below(256);
    if (chance_once_in(SPOILT_ONCE_IN))
        m.length = (uint32_t)chance_edge();
    m.address = some_address();
    net_message_pack(&m, out);
}

static void status_message(struct ring_message *out)
{
    static const uint16_t kinds[] = {NET_STATUS_INTERFACE, NET_STATUS_COUNTERS, NET_FREE};
    struct net_message m = {.kind = kinds[chance_below(sizeof kinds / sizeof kinds[0])],
                            .socket = (uint32_t)chance_word()};

    if (chance_once_in(256))
        m.kind = chance_once_in(2) ? NET_STATUS_PING : NET_STATUS_RESOLVE;
    if (chance_once_in(64))
        m.kind = NET_STATUS_SOCKETS;
    m.count = chance_once_in(8) ? (uint32_t)chance_edge() : (uint32_t)chance_below(20);
    m.offset = some_offset();
    if (m.kind == NET_FREE && !chance_once_in(64)) {
        if (learnt_count == 0)
            m.kind = NET_STATUS_COUNTERS;
        else
            m.offset = learnt[--learnt_count % LEARNT_MAX];
    }
    if (m.kind == NET_STATUS_PING)
        m.address = some_address();
    if (m.kind == NET_STATUS_PING || m.kind == NET_STATUS_RESOLVE)
        m.length = some_length();
    net_message_pack(&m, out);
}

/* ---- the two drivers with rings ---- */

static void uart_message(struct ring_message *out)
{
    struct uart_message m = {.kind = UART_DATA};

    if (chance_once_in(16))
        m.count = (uint8_t)chance_below(8);
    if (chance_once_in(SPOILT_ONCE_IN))
        m.count = (uint8_t)(chance_once_in(2) ? UINT8_MAX : chance_word());
    if (chance_once_in(SPOILT_ONCE_IN))
        m.kind = (uint8_t)chance_word();
    length_count(m.count, UINT8_MAX);
    for (unsigned i = 0; i < UART_BYTES; i++)
        m.bytes[i] = (uint8_t)(' ' + chance_below(95));
    memcpy(out, &m, sizeof *out);
}

static void link_hear(const struct ring_message *raw)
{
    (void)raw;
}

static void link_message_spoil(struct link_message *m)
{
    const unsigned i = (unsigned)chance_below(LINK_TX_PIECES);

    switch (chance_below(5)) {
    case 0:
        m->kind = (uint8_t)chance_word();
        break;
    case 1:
        m->count = (uint8_t)chance_word();
        break;
    case 2:
        m->tx.offset[i] = (uint32_t)chance_edge();
        break;
    case 3:
        m->tx.length[i] = (uint16_t)chance_edge();
        break;
    default:
        m->batch.number[chance_below(LINK_BATCH)] = (uint16_t)chance_word();
        break;
    }
}

static void link_compose(struct ring_message *out)
{
    static uint16_t next_buffer;
    struct link_message m = {.kind = LINK_TX, .count = (uint8_t)(1 + chance_below(3))};

    m.flags = chance_once_in(4) ? LINK_TX_REPORT : 0;
    if (chance_once_in(64)) {
        m.kind = LINK_RX;
        m.count = 1;
        m.batch.number[0] = next_buffer++ % LINK_BUFFERS;
    } else if (chance_once_in(2)) {
        m.kind = LINK_RX; /* of none: look what has left */
        m.count = 0;
    } else {
        m.tx.cookie = (uint16_t)chance_word();
        for (unsigned i = 0; i < m.count; i++) {
            m.tx.offset[i] = (uint32_t)chance_below(LINK_POOL_BYTES - 64);
            m.tx.length[i] = (uint16_t)(20 + chance_below(40));
        }
    }
    if (m.kind == LINK_TX && chance_once_in(SPOILT_ONCE_IN))
        m.tx.length[0] = chance_once_in(2) ? 0 : UINT16_MAX;
    if (chance_once_in(SPOILT_ONCE_IN))
        link_message_spoil(&m);
    if (m.kind == LINK_TX)
        length_count(m.tx.length[0], UINT16_MAX);
    memcpy(out, &m, sizeof *out);
}

/* Pools for the driver; what can't be had is gone without. */
static void link_begin(handle_t portal)
{
    static struct memory pools[2];
    struct portal_message m = {.word = {LINK_OP_POOLS, LINK_BUFFER_BYTES, LINK_BUFFERS}};

    for (unsigned i = 0; i < 2; i++) {
        if (pools[i].segment == 0
            && memory_create(LINK_POOL_BYTES, "hostile pool", MEMORY_DMA | MEMORY_CONTIGUOUS,
                             &pools[i])
                   != STATUS_OK)
            return;
        if (memory_share(&pools[i], RIGHT_READ | RIGHT_DMA, &m.handle[i]) != STATUS_OK)
            return;
        m.handle[i] |= HANDLE_MOVE;
    }
    if (chance_once_in(32))
        m.word[1] = chance_edge();
    if (chance_once_in(32))
        m.word[2] = chance_edge();
    enum status s = portal_call_with(portal, &m, DEADLINE_NEVER);
    for (unsigned i = 0; i < PORTAL_HANDLES && s == STATUS_OK; i++)
        if (m.handle[i] != 0)
            s = handle_close(m.handle[i]);
}

/* ---- calls ---- */

void words_fill(struct portal_message *m, uint64_t first_operation, uint64_t operations)
{
    for (unsigned i = 1; i < PORTAL_WORDS; i++)
        m->word[i] = chance_once_in(2) ? chance_edge() : chance_word();
    m->word[0] = first_operation + chance_below(operations);
    if (chance_once_in(16))
        m->word[0] = chance_word() | (chance_once_in(2) ? UINT64_C(1) << 63 : 0);
}

static void net_call(struct portal_message *m)
{
    words_fill(m, NET_TCP_LISTEN, 200);
}

static void link_call(struct portal_message *m)
{
    words_fill(m, LINK_OP_INFO, 4);
}

static void uart_call(struct portal_message *m)
{
    words_fill(m, 0, 8);
}

static void tty_call(struct portal_message *m)
{
    words_fill(m, TTY_OPEN, TTY_DRAIN - TTY_OPEN + 2);
    m->word[0] |= chance_word() << 8 & INT64_MAX;
    if ((m->word[0] & 0xff) == TTY_WRITE && !chance_once_in(64))
        m->word[0] = TTY_WRITE | chance_edge() << 16;
}

static bool tty_keeps_events(const struct portal_message *m)
{
    return (m->word[0] & 0xff) == TTY_OPEN;
}

/* The launcher, which every program may call: names of all kinds, and handles of none. */
static void app_call(struct portal_message *m)
{
    static const char *const names[] = {NET_TCP_SERVICE, CLOCK_SERVICE, UART_SERVICE, LINK_SERVICE,
                                        "app:App",       "app:Inspect", "web",        "pl031",
                                        "launcher",      "intruder",    "no:Such",    "net:"};
    struct service_name name;

    words_fill(m, APP_CONNECT, 9);
    if (m->word[0] == APP_EXIT) /* that ends whoever asks for it */
        m->word[0] = APP_POWER_OFF;
    if (!chance_once_in(4)
        && service_name_pack(names[chance_below(sizeof names / sizeof names[0])], &name))
        memcpy(&m->word[1], name.word, sizeof name.word);
    if (chance_once_in(16))
        m->word[1 + chance_below(4)] ^= UINT64_C(1) << chance_below(64);
}

static void app_answered(uint64_t operation, const struct portal_message *answer)
{
    if (operation == APP_CONNECT && answer->word[1] != 0)
        (void)!handle_close(answer->word[1]);
}

static void entropy_call(struct portal_message *m)
{
    words_fill(m, ENTROPY_READ, 2);
    if (chance_once_in(2))
        m->word[1] = chance_below(ENTROPY_BYTES + 4);
}

static void clock_call(struct portal_message *m)
{
    words_fill(m, CLOCK_READ, 2);
}

static const struct words all[] = {
    {NET_TCP_SERVICE, tcp_message, net_call, net_hear, NULL, NULL, NULL, false},
    {NET_UDP_SERVICE, udp_message, net_call, net_hear, NULL, NULL, NULL, false},
    {NET_STATUS_SERVICE, status_message, net_call, net_hear, net_begin, NULL, NULL, false},
    {LINK_SERVICE, link_compose, link_call, link_hear, link_begin, NULL, NULL, false},
    {UART_SERVICE, uart_message, uart_call, link_hear, NULL, NULL, NULL, false},
    {TTY_SERVICE, NULL, tty_call, link_hear, NULL, tty_keeps_events, NULL, false},
    {ENTROPY_SERVICE, NULL, entropy_call, link_hear, NULL, NULL, NULL, false},
    {CLOCK_SERVICE, NULL, clock_call, link_hear, NULL, NULL, NULL, false},
    {WORDS_LAUNCHER, NULL, app_call, link_hear, NULL, NULL, app_answered, true},
    {INSPECT_SERVICE, NULL, inspect_call, link_hear, inspect_begin, NULL, inspect_answered, true},
};

const struct words *words_find(const char *service)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].service, service) == 0)
            return &all[i];
    return NULL;
}

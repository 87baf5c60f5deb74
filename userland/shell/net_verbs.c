/*
 * Verbs about the network, answered by net:Status.
 */
#include "patience.h"
#include "table.h"
#include "terminal.h"
#include "unit.h"
#include "verb.h"
#include "words.h"

#include "net/status_client.h"

#include "rt/time.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ANSWER_SECONDS = 6, /* longer than the stack's own time limits */
    PING_TIMES = 4,
    PING_TIMES_MAX = 1000,
    PING_BYTES = 56,
};

static struct net_status_client *client;

/* One request at a time, so one place for its answer. */
static struct {
    bool done;
    enum status status;
    struct net_interface_record interface;
    struct net_counters counters;
    struct net_address address;
    uint32_t round_trip_us;
    struct net_socket_record sockets[NET_CHUNK_BYTES / sizeof(struct net_socket_record)];
    size_t socket_count;
} answer;

static bool client_open(void)
{
    if (client != NULL)
        return true;
    return !verb_failed(net_status_open(&client), "cannot connect to net:Status");
}

static void answer_done(enum status s)
{
    answer.status = s;
    answer.done = true;
    patience_end();
}

/* Wait for the answer to a request that was sent with status `sent`. */
static enum status answer_wait(enum status sent)
{
    if (sent == STATUS_OK && !patience_wait(&answer.done, time_after_ns(ANSWER_SECONDS * NS_PER_S)))
        sent = STATUS_TIMED_OUT;
    enum status s = sent == STATUS_OK ? answer.status : sent;
    /* After an error the connection isn't worth keeping; the next verb makes a new one. */
    if (s == STATUS_PEER_DEAD || (s == STATUS_TIMED_OUT && !answer.done)) {
        net_status_close(client);
        client = NULL;
    }
    return s;
}

/* Say what failed; a stack that isn't there is worth more words than its status has. */
static bool asking_failed(enum status s, const char *what)
{
    if (s != STATUS_PEER_DEAD)
        return verb_failed(s, what);
    puts("no network stack answers: domains shows whether net runs, log why not");
    return true;
}

static void answer_begin(void)
{
    answer.done = false;
}

static void on_interface(enum status s, const struct net_interface_record *record, void *context)
{
    (void)context;
    if (s == STATUS_OK)
        answer.interface = *record;
    answer_done(s);
}

static void on_counters(enum status s, const struct net_counters *counters, void *context)
{
    (void)context;
    if (s == STATUS_OK)
        answer.counters = *counters;
    answer_done(s);
}

static void on_sockets(enum status s, const struct net_socket_record *records, size_t count,
                       void *context)
{
    size_t room = sizeof answer.sockets / sizeof answer.sockets[0];

    (void)context;
    answer.socket_count = s == STATUS_OK ? (count < room ? count : room) : 0;
    for (size_t i = 0; i < answer.socket_count; i++)
        answer.sockets[i] = records[i];
    answer_done(s);
}

static void on_address(enum status s, const struct net_address *address, void *context)
{
    (void)context;
    if (s == STATUS_OK)
        answer.address = *address;
    answer_done(s);
}

static void on_pong(enum status s, const struct net_address *from, uint32_t round_trip_us,
                    void *context)
{
    (void)context;
    if (s == STATUS_OK) {
        answer.address = *from;
        answer.round_trip_us = round_trip_us;
    }
    answer_done(s);
}

static const char *origin_text(uint16_t origin)
{
    switch ((enum net_address_origin)origin) {
    case NET_ORIGIN_STATIC:
        return "static";
    case NET_ORIGIN_DHCP:
        return "DHCP";
    case NET_ORIGIN_LINK_LOCAL:
        return "link-local";
    case NET_ORIGIN_ROUTER:
        return "from the router";
    case NET_ORIGIN_NONE:
        break;
    }
    return "unknown";
}

static void print_named_address(const char *name, const struct net_address *address)
{
    char text[NET_ADDRESS_TEXT_BYTES];

    if (net_address_is_any(address))
        return;
    net_address_format(address, text);
    printf("  %-9s %s\n", name, text);
}

static void print_interface(void)
{
    const struct net_interface_record *record = &answer.interface;
    const uint8_t *hardware = record->hardware;
    char text[NET_ADDRESS_TEXT_BYTES];

    printf("Interface: %s, hardware address %02x:%02x:%02x:%02x:%02x:%02x, at most %" PRIu32
           " B a packet\n",
           record->has_driver == 0 ? "no driver"
           : record->is_up != 0    ? "up"
                                   : "link down",
           hardware[0], hardware[1], hardware[2], hardware[3], hardware[4], hardware[5],
           record->mtu_bytes);
    if (record->driver_losses > 0)
        printf("  the driver died %" PRIu32 " time(s)\n", record->driver_losses);
    for (size_t i = 0; i < 2 * NET_INTERFACE_ADDRESSES; i++) {
        const struct net_interface_address *entry = &record->addresses[i];
        if (entry->origin == NET_ORIGIN_NONE)
            continue;
        net_address_format(&entry->address, text);
        printf("  address   %s/%" PRIu32 " (%s%s)\n", text, entry->prefix_bits,
               origin_text(entry->origin), entry->is_tentative != 0 ? ", being checked" : "");
    }
    print_named_address("gateway", &record->gateway_v4);
    print_named_address("gateway", &record->gateway_v6);
    for (size_t i = 0; i < NET_DNS_SERVERS; i++)
        print_named_address("DNS", &record->dns[i]);
}

static const char *socket_state_text(uint16_t state)
{
    static const char *const words[] = {
        [NET_SOCKET_FREE] = "free",
        [NET_SOCKET_LISTENING] = "listening",
        [NET_SOCKET_CONNECTING] = "connecting",
        [NET_SOCKET_OPEN] = "open",
        [NET_SOCKET_CLOSING] = "closing",
        [NET_SOCKET_DATAGRAM] = "datagrams",
    };
    return state < sizeof words / sizeof words[0] ? words[state] : "unknown";
}

static void socket_row(struct table *table, const struct net_socket_record *socket)
{
    char text[NET_ADDRESS_TEXT_BYTES] = "-";

    if (!net_address_is_any(&socket->remote))
        net_address_format(&socket->remote, text);
    table_cell(table, "%" PRIu32, socket->socket);
    table_cell(table, "%s", socket_state_text(socket->state));
    table_cell(table, "%" PRIu16, socket->local_port);
    table_cell(table, "%s", text);
    table_cell(table, "%" PRIu16, socket->remote_port);
    table_cell(table, "%s", unit_bytes(socket->received_bytes).text);
    table_cell(table, "%s", unit_bytes(socket->sent_bytes).text);
    table_cell(table, "%s", unit_bytes(socket->queued_to_send_bytes).text);
    table_cell(table, "%" PRIu32 " ms", socket->round_trip_ms);
}

static bool print_sockets(void)
{
    static const struct table_column columns[] = {
        {"socket", true}, {"state", false}, {"port", true},
        {"peer", false},  {"port", true},   {"received", true},
        {"sent", true},   {"unsent", true}, {"round trip", true},
    };
    struct table table;
    uint32_t skip = 0;
    bool has_failed;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    do {
        answer_begin();
        has_failed = asking_failed(answer_wait(net_status_sockets(client, skip, on_sockets, NULL)),
                                   "cannot ask for the sockets");
        if (has_failed)
            break;
        for (size_t i = 0; i < answer.socket_count; i++)
            socket_row(&table, &answer.sockets[i]);
        skip += (uint32_t)answer.socket_count;
    } while (answer.socket_count > 0);
    table_print(&table);
    return !has_failed;
}

static void counter_row(struct table *table, const char *what, uint64_t received, uint64_t sent,
                        uint64_t dropped)
{
    table_cell(table, "%s", what);
    table_cell(table, "%s", unit_count(received).text);
    table_cell(table, "%s", unit_count(sent).text);
    table_cell(table, "%s", unit_count(dropped).text);
}

static void print_counters(void)
{
    static const struct table_column columns[] = {
        {"since start", false},
        {"received", true},
        {"sent", true},
        {"dropped", true},
    };
    const struct net_counters *c = &answer.counters;
    struct table table;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    counter_row(&table, "frames", c->link_received_frames, c->link_sent_frames,
                c->link_receive_drops + c->link_send_drops);
    counter_row(&table, "IP packets", c->ip_received, c->ip_sent, c->ip_drops);
    counter_row(&table, "ICMP messages", c->icmp_received, c->icmp_sent, 0);
    counter_row(&table, "UDP datagrams", c->udp_received, c->udp_sent, c->udp_drops);
    counter_row(&table, "TCP segments", c->tcp_received_segments, c->tcp_sent_segments,
                c->tcp_drops);
    table_print(&table);
    printf("link: %s received, %s sent; TCP payload: %s received, %s sent\n",
           unit_bytes(c->link_received_bytes).text, unit_bytes(c->link_sent_bytes).text,
           unit_bytes(c->tcp_received_bytes).text, unit_bytes(c->tcp_sent_bytes).text);
    printf("TCP: %s accepted, %s connected, %s reset, %s segments sent again\n",
           unit_count(c->tcp_accepted).text, unit_count(c->tcp_connected).text,
           unit_count(c->tcp_resets).text, unit_count(c->tcp_retransmits).text);
    printf("SYN cookies: %s sent, %s honoured\n", unit_count(c->syn_cookies_sent).text,
           unit_count(c->syn_cookies_honoured).text);
    printf("bad checksums %s, out of memory %s times, clients expelled %s\n",
           unit_count(c->checksum_failures).text, unit_count(c->memory_failures).text,
           unit_count(c->clients_expelled).text);
    printf("packet memory %s of %s, receive buffers in use %s of %s\n",
           unit_bytes(c->packet_memory_bytes).text, unit_bytes(c->packet_memory_limit_bytes).text,
           unit_count(c->receive_buffers_held).text, unit_count(c->receive_buffers).text);
}

void verb_net(struct shell *shell, int count, char **arguments)
{
    (void)shell;
    (void)count;
    (void)arguments;
    if (!client_open())
        return;
    answer_begin();
    if (asking_failed(answer_wait(net_status_interface(client, on_interface, NULL)),
                      "cannot ask for the interface"))
        return;
    print_interface();
    if (!print_sockets())
        return;
    answer_begin();
    if (!asking_failed(answer_wait(net_status_counters(client, on_counters, NULL)),
                       "cannot ask for the counters"))
        print_counters();
}

/* An address as it is, or the one that a name stands for. */
static bool host_find(const char *host, struct net_address *out)
{
    if (net_address_parse(host, out))
        return true;
    answer_begin();
    enum status s = answer_wait(net_status_resolve(client, host, on_address, NULL));
    if (s == STATUS_NOT_FOUND)
        printf("no host is called %s, or no DNS server answers\n", host);
    else if (!asking_failed(s, "cannot resolve the name"))
        *out = answer.address;
    return s == STATUS_OK;
}

static enum status ping_once(const struct net_address *address, unsigned number)
{
    char text[NET_ADDRESS_TEXT_BYTES];

    answer_begin();
    enum status s = answer_wait(net_status_ping(client, address, PING_BYTES, on_pong, NULL));
    if (s == STATUS_OK) {
        net_address_format(&answer.address, text);
        printf("%u: %d B from %s in %" PRIu32 ".%03" PRIu32 " ms\n", number, PING_BYTES, text,
               answer.round_trip_us / 1000, answer.round_trip_us % 1000);
    } else if (s == STATUS_TIMED_OUT) {
        printf("%u: no answer within %d s\n", number, NET_PING_TIMEOUT_S);
    } else if (s == STATUS_NOT_FOUND) {
        puts("no route to that host: net shows the addresses");
    } else if (s == STATUS_BAD_STATE) {
        puts("no network driver is there: domains shows whether it runs, log why not");
    } else {
        (void)asking_failed(s, "cannot ping");
    }
    return s;
}

void verb_ping(struct shell *shell, int count, char **arguments)
{
    struct net_address address;
    uint64_t times = PING_TIMES;
    unsigned answered = 0;
    unsigned sent = 0;

    (void)shell;
    if (count > 1
        && (!words_number(arguments[1], &times) || times == 0 || times > PING_TIMES_MAX)) {
        printf("usage: ping <host> [times], from 1 to %d\n", PING_TIMES_MAX);
        return;
    }
    if (!client_open() || !host_find(arguments[0], &address))
        return;
    for (;;) {
        enum status s = ping_once(&address, sent + 1);
        if (s != STATUS_OK && s != STATUS_TIMED_OUT)
            break;
        sent++;
        answered += s == STATUS_OK ? 1 : 0;
        if (sent == times || client == NULL)
            break;
        if (terminal_wait_quit(time_after_ns(NS_PER_S)))
            break;
    }
    if (sent > 0)
        printf("%u sent, %u answered\n", sent, answered);
}

/*
 * Records are answered at once.  Pings and resolutions are errands: they end later, perhaps after
 * the client that asked.
 */
#include "status_service.h"

#include <string.h>

#include "client.h"
#include "interface.h"
#include "lwip/dns.h"
#include "lwip_address.h"
#include "pinger.h"
#include "stack.h"
#include "stack_counters.h"
#include "udp_service.h"

/* After endpoint.h's, the slots of UDP sockets. */
#include "endpoint.h"
#include "socket_table.h"

/*
 * As many as all clients may have under way, so nobody's can keep another from one; and some for
 * resolutions whose client has left, which can't be called back.
 */
enum {
    LEFT_RESOLUTIONS_MAX = 16,
    ERRANDS = CLIENTS_PER_SERVICE * NET_STATUS_REQUESTS_MAX + LEFT_RESOLUTIONS_MAX,
};
_Static_assert((int)DNS_TABLE_SIZE >= LEFT_RESOLUTIONS_MAX + 4 * NET_STATUS_REQUESTS_MAX,
               "no program's resolutions take up all places");
_Static_assert((int)PINGS_MAX >= CLIENTS_PER_SERVICE * NET_STATUS_REQUESTS_MAX,
               "each client has its pings");

enum errand_state { ERRAND_FREE, ERRAND_UNDER_WAY, ERRAND_DONE };

struct errand {
    enum errand_state state;
    struct client *client; /* NULL: it has left */
    uint32_t domain;       /* whose it was */
    struct net_message answer;
};

static struct service service;
static struct errand errands[ERRANDS];
static bool is_settling_due;

/* --- records --- */

static void answer_records(struct client *client, uint32_t tag, const void *records, size_t bytes)
{
    struct net_message m = {.kind = NET_STATUS_RECORDS, .socket = tag};
    uint8_t *chunk = client_chunk(client, 0, (uint16_t)bytes, &m.offset);

    if (chunk == NULL) {
        m.status = STATUS_WOULD_BLOCK;
    } else {
        memcpy(chunk, records, bytes);
        m.length = (uint32_t)bytes;
    }
    client_answer(client, &m);
}

static void answer_interface(struct client *client, uint32_t tag)
{
    struct net_interface_record record;

    interface_record_fill(&record);
    answer_records(client, tag, &record, sizeof record);
}

static void answer_counters(struct client *client, uint32_t tag)
{
    struct net_counters counters;

    stack_counters_fill(&counters);
    answer_records(client, tag, &counters, sizeof counters);
}

/* TCP's sockets in the order of their slots, then UDP's. */
static bool next_socket(size_t *slot, struct net_socket_record *out)
{
    if (*slot < SOCKET_SLOTS && endpoint_record_next(slot, out))
        return true;

    size_t udp_slot = *slot - SOCKET_SLOTS;
    bool is_found = udp_service_record_next(&udp_slot, out);
    *slot = udp_slot + SOCKET_SLOTS;
    return is_found;
}

static void answer_sockets(struct client *client, uint32_t tag, uint32_t skip)
{
    enum { RECORDS = NET_CHUNK_BYTES / sizeof(struct net_socket_record) };
    struct net_socket_record records[RECORDS];
    struct net_socket_record skipped;
    size_t slot = 0, count = 0;

    for (uint32_t i = 0; i < skip && next_socket(&slot, &skipped); i++)
        ;
    while (count < RECORDS && next_socket(&slot, &records[count]))
        count++;
    answer_records(client, tag, records, count * sizeof records[0]);
}

/* --- errands --- */

static struct errand *errand_begin(struct client *client, uint16_t answer_kind, uint32_t tag)
{
    struct errand *free_one = NULL;
    unsigned under_way = 0;

    for (struct errand *e = errands; e < errands + ERRANDS; e++) {
        if (e->state == ERRAND_FREE)
            free_one = e;
        else if (e->client == client)
            under_way++;
    }
    if (under_way >= NET_STATUS_REQUESTS_MAX) {
        client_expel(client, "too many pings or resolutions under way");
        return NULL;
    }
    if (free_one != NULL) {
        *free_one = (struct errand){
            .state = ERRAND_UNDER_WAY,
            .client = client,
            .domain = client_domain(client),
            .answer = {.kind = answer_kind, .socket = tag},
        };
    }
    return free_one;
}

static void errand_end(struct errand *e, enum status status)
{
    e->answer.status = (uint16_t)status;
    e->state = ERRAND_DONE;
    is_settling_due = true;
}

/* No more of these now: an answer all the same. */
static void answer_busy(struct client *client, uint16_t answer_kind, uint32_t tag)
{
    struct net_message m = {.kind = answer_kind, .status = STATUS_WOULD_BLOCK, .socket = tag};

    client_answer(client, &m);
}

static void on_pong(void *context, enum status status, uint32_t round_trip_us)
{
    struct errand *e = context;

    e->answer.count = round_trip_us;
    errand_end(e, status);
}

static void start_ping(struct client *client, const struct net_message *m)
{
    struct errand *e = errand_begin(client, NET_STATUS_PONG, m->socket);

    if (e == NULL) {
        answer_busy(client, NET_STATUS_PONG, m->socket);
        return;
    }
    e->answer.address = m->address;
    enum status s = pinger_start(&m->address, m->length, on_pong, e);
    if (s != STATUS_OK)
        errand_end(e, s);
}

static void on_resolved(const char *name, const ip_addr_t *address, void *context)
{
    struct errand *e = context;

    (void)name;
    if (address != NULL)
        e->answer.address = address_from_lwip(address);
    errand_end(e, address != NULL ? STATUS_OK : STATUS_NOT_FOUND);
}

/* Whether lwIP's table has a place for this one, whoever else asks. */
static bool may_resolve(const struct errand *asked)
{
    unsigned left = 0, of_domain = 0;

    for (const struct errand *e = errands; e < errands + ERRANDS; e++) {
        if (e->state != ERRAND_UNDER_WAY || e->answer.kind != NET_STATUS_RESOLVED)
            continue;
        left += e->client == NULL;
        of_domain += e->domain == asked->domain;
    }
    return left < LEFT_RESOLUTIONS_MAX && of_domain <= NET_STATUS_REQUESTS_MAX;
}

static void start_resolving(struct client *client, const struct net_message *m)
{
    const uint8_t *bytes = client_bytes(client, m->offset, m->length);
    char name[NET_NAME_BYTES_MAX + 1];
    ip_addr_t address;

    if (bytes == NULL || m->length == 0 || m->length > NET_NAME_BYTES_MAX) {
        client_expel(client, "a name out of bounds");
        return;
    }
    memcpy(name, bytes, m->length);
    name[m->length] = '\0';

    struct errand *e = errand_begin(client, NET_STATUS_RESOLVED, m->socket);
    if (e == NULL) {
        answer_busy(client, NET_STATUS_RESOLVED, m->socket);
        return;
    }
    err_t error = may_resolve(e) ? dns_gethostbyname(name, &address, on_resolved, e) : ERR_MEM;
    if (error == ERR_OK)
        on_resolved(name, &address, e);
    else if (error != ERR_INPROGRESS)
        errand_end(e, error == ERR_MEM ? STATUS_WOULD_BLOCK : STATUS_NOT_FOUND);
}

void status_service_settle(void)
{
    if (!is_settling_due)
        return;
    is_settling_due = false;
    for (struct errand *e = errands; e < errands + ERRANDS; e++) {
        if (e->state == ERRAND_DONE && (e->client == NULL || client_send(e->client, &e->answer)))
            e->state = ERRAND_FREE;
    }
}

/* --- the service --- */

static void take(struct client *client, const struct net_message *m)
{
    struct chunk chunk;

    switch (m->kind) {
    case NET_STATUS_INTERFACE:
        answer_interface(client, m->socket);
        break;
    case NET_STATUS_COUNTERS:
        answer_counters(client, m->socket);
        break;
    case NET_STATUS_SOCKETS:
        answer_sockets(client, m->socket, m->count);
        break;
    case NET_STATUS_PING:
        start_ping(client, m);
        break;
    case NET_STATUS_RESOLVE:
        start_resolving(client, m);
        break;
    case NET_FREE:
        if (chunk_pool_give(&client->chunks, m->offset, &chunk) != STATUS_OK)
            client_expel(client, "freed a chunk that it does not have");
        break;
    default:
        client_expel(client, "an unknown kind of message");
        break;
    }
}

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    struct client *client;

    (void)context;
    return client_open(c, config, 0, &client);
}

static void on_messages(void *context, struct connection *c)
{
    struct client *client = c->user;
    struct net_message m;

    (void)context;
    while (client_receive(client, &m))
        take(client, &m);
    stack_settle();
}

static void on_room(void *context, struct connection *c)
{
    (void)context;
    is_settling_due = true;
    client_on_room(c->user);
    stack_settle();
}

static void on_close(void *context, struct connection *c, enum status why)
{
    (void)context;
    (void)why;
    for (struct errand *e = errands; e < errands + ERRANDS; e++) {
        if (e->state == ERRAND_FREE || e->client != c->user)
            continue;
        e->client = NULL;
        if (pinger_cancel(e))
            e->state = ERRAND_FREE;
    }
    client_close(c->user);
}

static const struct connection_ops ops = {
    .on_open = on_open,
    .on_messages = on_messages,
    .on_room = on_room,
    .on_close = on_close,
};

enum status status_service_start(void)
{
    enum status s = pinger_init();

    if (s != STATUS_OK)
        return s;
    return service_offer(NET_STATUS_SERVICE, &client_service_config, &ops, NULL, &service);
}

/*
 * A datagram that finds no chunk or no room in the ring is dropped and counted; nothing waits.
 */
#include "udp_service.h"

#include <stdlib.h>

#include "chance.h"
#include "client.h"
#include "lwip/udp.h"
#include "lwip_address.h"
#include "socket_table.h"
#include "stack.h"

enum {
    PORT_TRIES = 32,
    OWN_SOCKETS = 4, /* DHCP's, and some to spare */
};
_Static_assert((int)MEMP_NUM_UDP_PCB
                   >= CLIENTS_PER_SERVICE * NET_UDP_SOCKETS_MAX + DNS_TABLE_SIZE + OWN_SOCKETS,
               "each program has its sockets, and the stack's own are left");

struct udp_end {
    uint32_t number;
    struct client *client;
    struct udp_pcb *pcb;
    uint32_t sent_owed; /* bytes to report by SENT */
    uint64_t received_bytes, sent_bytes;
};

static struct service service;
static struct socket_table table;
static uint64_t drop_count;
static bool is_settling_due;

static struct udp_end *find(const struct client *client, uint32_t number)
{
    struct udp_end *u = socket_table_find(&table, number);

    return u != NULL && u->client == client ? u : NULL;
}

static void on_datagram(void *context, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port)
{
    struct udp_end *u = context;
    uint32_t offset;
    uint8_t *chunk = NULL;

    (void)pcb;
    if (p->tot_len <= NET_UDP_BYTES_MAX)
        chunk = client_chunk(u->client, u->number, p->tot_len, &offset);
    if (chunk == NULL) {
        drop_count++;
        pbuf_free(p);
        return;
    }

    u16_t length = pbuf_copy_partial(p, chunk, p->tot_len, 0);
    struct net_message m = {
        .kind = NET_UDP_DATAGRAM,
        .port = port,
        .socket = u->number,
        .offset = offset,
        .length = length,
        .address = address_from_lwip(from),
    };
    pbuf_free(p);
    if (client_send(u->client, &m)) {
        u->received_bytes += length;
    } else {
        drop_count++;
        client_chunk_return(u->client, offset);
    }
}

static enum status bind_port(struct udp_pcb *pcb, uint16_t port)
{
    if (port != 0)
        return udp_bind(pcb, IP_ANY_TYPE, port) == ERR_OK ? STATUS_OK : STATUS_BUSY;
    for (unsigned i = 0; i < PORT_TRIES; i++) {
        if (udp_bind(pcb, IP_ANY_TYPE, random_port()) == ERR_OK)
            return STATUS_OK;
    }
    return STATUS_BUSY;
}

static enum status create(struct client *client, uint16_t port, struct udp_end **out)
{
    enum status s = STATUS_OUT_OF_MEMORY;

    if (client_domain_sockets(client) >= NET_UDP_SOCKETS_MAX)
        return STATUS_OUT_OF_QUOTA;

    struct udp_end *u = calloc(1, sizeof *u);
    if (u == NULL)
        return s;
    u->pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    if (u->pcb == NULL)
        goto no_pcb;
    s = bind_port(u->pcb, port);
    if (s != STATUS_OK)
        goto no_number;
    u->number = socket_table_add(&table, u);
    if (u->number == 0) {
        s = STATUS_OUT_OF_MEMORY;
        goto no_number;
    }
    u->client = client;
    udp_recv(u->pcb, on_datagram, u);
    client->socket_count++;
    *out = u;
    return STATUS_OK;

no_number:
    udp_remove(u->pcb);
no_pcb:
    free(u);
    return s;
}

static void destroy(struct udp_end *u)
{
    udp_remove(u->pcb);
    socket_table_remove(&table, u->number);
    u->client->socket_count--;
    free(u);
}

static void answer_bind(struct client *client, const struct net_message *m)
{
    struct udp_end *u;
    enum status s = create(client, m->port, &u);
    struct net_message answer = {.kind = NET_UDP_BOUND, .status = (uint16_t)s, .tag = m->tag};

    if (s == STATUS_OK) {
        answer.socket = u->number;
        answer.count = u->pcb->local_port;
    }
    client_answer(client, &answer);
}

static void answer_unbind(struct client *client, const struct net_message *m)
{
    struct udp_end *u = find(client, m->socket);
    struct net_message answer = {.kind = NET_UDP_CLOSED, .socket = m->socket};

    if (u == NULL)
        return;
    destroy(u);
    client_answer(client, &answer);
}

static void transmit(struct udp_end *u, const uint8_t *bytes, const struct net_message *m)
{
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)m->length, PBUF_RAM);
    ip_addr_t to = address_to_lwip(&m->address);

    if (p == NULL) {
        drop_count++;
        return;
    }
    if (m->length > 0)
        (void)pbuf_take(p, bytes, (u16_t)m->length);
    if (udp_sendto(u->pcb, p, &to, m->port) == ERR_OK)
        u->sent_bytes += m->length;
    else
        drop_count++;
    pbuf_free(p);
}

static void take_send(struct client *client, const struct net_message *m)
{
    struct udp_end *u = find(client, m->socket);
    const uint8_t *bytes = client_bytes(client, m->offset, m->length);

    if (bytes == NULL || m->length > NET_UDP_BYTES_MAX) {
        client_expel(client, "a datagram out of bounds");
        return;
    }
    if (u == NULL)
        return;
    transmit(u, bytes, m);
    u->sent_owed += m->length;
    is_settling_due = true;
}

static void take(struct client *client, const struct net_message *m)
{
    struct chunk chunk;

    switch (m->kind) {
    case NET_UDP_BIND:
        answer_bind(client, m);
        break;
    case NET_UDP_SEND:
        take_send(client, m);
        break;
    case NET_UDP_UNBIND:
        answer_unbind(client, m);
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

void udp_service_settle(void)
{
    struct udp_end *u;

    if (!is_settling_due)
        return;
    is_settling_due = false;
    for (size_t slot = 0; (u = socket_table_next(&table, &slot)) != NULL;) {
        struct net_message m = {.kind = NET_UDP_SENT, .socket = u->number, .length = u->sent_owed};
        if (u->sent_owed != 0 && client_send(u->client, &m))
            u->sent_owed = 0;
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
    struct udp_end *u;

    (void)context;
    (void)why;
    for (size_t slot = 0; (u = socket_table_next(&table, &slot)) != NULL;) {
        if (u->client == c->user)
            destroy(u);
    }
    client_close(c->user);
}

static const struct connection_ops ops = {
    .on_open = on_open,
    .on_messages = on_messages,
    .on_room = on_room,
    .on_close = on_close,
};

enum status udp_service_start(void)
{
    socket_table_init(&table);
    return service_offer(NET_UDP_SERVICE, &client_service_config, &ops, NULL, &service);
}

size_t udp_service_socket_count(void)
{
    return table.used;
}

uint64_t udp_service_drops(void)
{
    return drop_count;
}

bool udp_service_record_next(size_t *slot, struct net_socket_record *out)
{
    const struct udp_end *u = socket_table_next(&table, slot);

    if (u == NULL)
        return false;
    *out = (struct net_socket_record){
        .local_port = u->pcb->local_port,
        .state = NET_SOCKET_DATAGRAM,
        .client = u->client->number,
        .socket = u->number,
        .received_bytes = u->received_bytes,
        .sent_bytes = u->sent_bytes,
    };
    return true;
}

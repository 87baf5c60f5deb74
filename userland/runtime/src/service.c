/*
 * Services: many clients behind one portal.
 *
 * Clients are told apart by badge.  All of them share one doorbell bit and one death bit; when one
 * of these is set, every client is looked at, which for a few dozen costs less than a bit each
 * would.  A client that is over stays in the list until the end of the callback (service_sweep).
 */
#include "rt/service.h"

#include <stdlib.h>

#include "rt/app.h"
#include "rt/handle.h"
#include "rt/syscall.h"

#include "connection.h"

enum {
    SERVICE_CLIENT_LIMIT = 32,
    SERVICE_DOMAINS_MIN = 4, /* that it takes to use up all places */
    SERVICE_STACKS = 2,
    SERVICE_STACK_BYTES = 16 * 1024,
};

struct connection *service_client_find(const struct service *s, uint64_t badge)
{
    struct connection *c = s->clients;

    while (c != NULL && (c->badge != badge || c->state != CONNECTION_OPENED))
        c = c->next_client;
    return c;
}

/* Forget clients that are over. */
static void service_sweep(struct service *s)
{
    struct connection **link = &s->clients;

    while (*link != NULL) {
        struct connection *c = *link;

        if (c->state == CONNECTION_OPENED) {
            link = &c->next_client;
            continue;
        }
        *link = c->next_client;
        s->client_count--;
        free(c);
    }
}

static void service_on_doorbell(void *context)
{
    struct service *s = context;

    for (struct connection *c = s->clients; c != NULL; c = c->next_client)
        connection_serve(c);
    service_sweep(s);
}

static void service_on_death(void *context)
{
    struct service *s = context;

    for (struct connection *c = s->clients; c != NULL; c = c->next_client)
        if (c->state == CONNECTION_OPENED && !connection_peer_lives(c->doorbell))
            connection_end(c, STATUS_PEER_DEAD);
    service_sweep(s);
}

static unsigned domain_client_count(const struct service *s, uint64_t badge)
{
    unsigned count = 0;

    for (const struct connection *c = s->clients; c != NULL; c = c->next_client)
        count += app_badge_domain(c->badge) == app_badge_domain(badge);
    return count;
}

static bool has_place(const struct service *s, uint64_t badge)
{
    const unsigned limit = s->config.client_limit;

    return s->client_count < limit && domain_client_count(s, badge) * SERVICE_DOMAINS_MIN < limit;
}

static struct connection *client_create(struct service *s, uint64_t badge,
                                        const struct portal_message *m)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->is_server = true;
    c->badge = badge;
    c->wanted_bytes = m->word[3];
    c->epoch = m->word[4];
    c->config = s->config.connection;
    c->doorbell_bit = s->doorbell_bit;
    c->service = s->name;
    c->ops = s->ops;
    c->context = s->context;
    return c;
}

/* Set `c` up with what the client brought; takes over its handles in any case. */
static enum status client_join(struct service *s, struct connection *c,
                               const struct connection_offer *theirs, struct connection_offer *ours)
{
    enum status status = STATUS_OK;

    if (s->ops->on_open != NULL)
        status = s->ops->on_open(s->context, c, &c->config);
    bool is_open = status == STATUS_OK;
    if (is_open)
        status = connection_prepare(c, ours);
    if (status != STATUS_OK) {
        connection_handle_drop(theirs->area);
        connection_handle_drop(theirs->doorbell);
        connection_handle_drop(theirs->buffer);
        if (is_open && s->ops->on_close != NULL)
            s->ops->on_close(s->context, c, status);
        return status;
    }
    status = connection_attach(c, theirs);
    if (status == STATUS_OK)
        status = domain_watch(c->doorbell, loop_event(), UINT64_C(1) << s->death_bit);
    if (status != STATUS_OK) {
        connection_handle_drop(ours->area & ~HANDLE_MOVE);
        connection_handle_drop(ours->buffer & ~HANDLE_MOVE);
        if (s->ops->on_close != NULL)
            s->ops->on_close(s->context, c, status);
        connection_dismantle(c);
    }
    return status;
}

static enum status service_open(struct service *s, uint64_t badge, struct portal_message *m)
{
    struct connection_offer theirs = {.capacity = m->word[2],
                                      .area = m->handle[0],
                                      .doorbell = m->handle[1],
                                      .buffer = m->handle[2]};
    struct connection_offer ours = {.doorbell = s->doorbell};
    struct connection *old = service_client_find(s, badge);

    if (m->word[1] != CONNECTION_VERSION)
        return STATUS_NOT_SUPPORTED;
    if (old != NULL) {
        connection_end(old, STATUS_CLOSED);
        service_sweep(s);
    }
    /* Whose doorbell it is, is whose death is waited for. */
    if (handle_owner(theirs.doorbell, OBJECT_EVENT) != app_badge_domain(badge))
        return STATUS_DENIED;
    if (!has_place(s, badge))
        return STATUS_OUT_OF_QUOTA;

    struct connection *c = client_create(s, badge, m);

    if (c == NULL)
        return STATUS_OUT_OF_QUOTA;
    m->handle[0] = m->handle[1] = m->handle[2] = 0;

    enum status status = client_join(s, c, &theirs, &ours);

    if (status != STATUS_OK) {
        free(c);
        return status;
    }
    c->next_client = s->clients;
    s->clients = c;
    s->client_count++;
    m->word[1] = ours.capacity;
    m->handle[0] = ours.area;
    m->handle[1] = ours.doorbell;
    m->handle[2] = ours.buffer;
    return STATUS_OK;
}

/* A call of somebody without a connection; not inlined, for the frame that it takes to clear. */
__attribute__((noinline)) static void service_call_passing(struct service *s, uint64_t badge,
                                                           struct portal_message *m)
{
    struct connection passing = {.is_server = true,
                                 .badge = badge,
                                 .service = s->name,
                                 .ops = s->ops,
                                 .context = s->context,
                                 .doorbell_bit = s->doorbell_bit};

    s->ops->on_call(s->context, &passing, m);
}

static void service_call(struct service *s, uint64_t badge, struct portal_message *m)
{
    struct connection *c = service_client_find(s, badge);

    if (s->ops->on_call == NULL) {
        m->word[0] = STATUS_BAD_CALL;
    } else if (c == NULL) {
        service_call_passing(s, badge, m);
    } else {
        s->ops->on_call(s->context, c, m);
        connection_flush(c);
    }
}

static void service_on_portal(void *context, uint64_t badge, struct portal_message *m)
{
    struct service *s = context;

    if (m->word[0] < CONNECTION_OPEN) {
        service_call(s, badge, m);
    } else if (m->word[0] == CONNECTION_OPEN) {
        m->word[0] = service_open(s, badge, m);
    } else {
        m->word[0] = STATUS_BAD_CALL;
    }
}

static void service_config_default(struct service_config *config)
{
    if (config->client_limit == 0)
        config->client_limit = SERVICE_CLIENT_LIMIT;
    if (config->stack_count == 0)
        config->stack_count = SERVICE_STACKS;
    if (config->stack_bytes == 0)
        config->stack_bytes = SERVICE_STACK_BYTES;
}

enum status service_offer(const char *name, const struct service_config *config,
                          const struct connection_ops *ops, void *context, struct service *out)
{
    *out = (struct service){.name = name, .ops = ops, .context = context};
    if (config != NULL)
        out->config = *config;
    service_config_default(&out->config);

    enum status s = loop_bit_allocate(service_on_doorbell, out, &out->doorbell_bit);

    if (s == STATUS_OK)
        s = loop_bit_allocate(service_on_death, out, &out->death_bit);
    if (s == STATUS_OK)
        s = loop_signal_handle(out->doorbell_bit, &out->doorbell);
    if (s == STATUS_OK)
        s = portal_serve(service_on_portal, out, out->config.stack_bytes, out->config.stack_count,
                         &out->portal);
    if (s == STATUS_OK)
        s = app_offer(name, out->portal);
    if (s == STATUS_OK)
        loop_bit_look(out->doorbell_bit);
    return s;
}

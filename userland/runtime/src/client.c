/*
 * Connections: the client's end.
 *
 * Two bits of the event belong to each: the doorbell, and "something about the service", which
 * means that it may be tried (WAITING) or that it may have died (OPENED).  They are had while it is
 * WAITING, OPENED or DEAD, so that the loop knows nothing of one that is CLOSED: its memory may go.
 * The service or the launcher may still set them, for whoever has them next; all that comes of it
 * is a look at something that hasn't changed.
 */
#include "connection.h"

#include "rt/app.h"
#include "rt/handle.h"
#include "rt/log.h"
#include "rt/syscall.h"
#include "rt/time.h"

/* When a service died just while it was asked, the launcher may not know yet. */
#define CLIENT_RETRY_NS (20 * NS_PER_MS)

static enum status client_try(struct connection *c);

/* An asynchronous start or restart failed. */
static void client_refused(struct connection *c, enum status why)
{
    c->state = CONNECTION_CLOSED;
    if (c->ops->on_close != NULL)
        c->ops->on_close(c->context, c, why);
}

static void client_try_again(struct connection *c)
{
    enum status s = client_try(c);

    if (s != STATUS_OK)
        client_refused(c, s);
}

static void client_on_doorbell(void *context)
{
    connection_serve(context);
}

static void client_on_status(void *context)
{
    struct connection *c = context;

    if (c->state == CONNECTION_WAITING)
        client_try_again(c);
    else if (c->state == CONNECTION_OPENED && !connection_peer_lives(c->doorbell))
        connection_end(c, STATUS_PEER_DEAD);
}

static void client_on_retry(void *context, struct loop_timer *t)
{
    struct connection *c = context;

    (void)t;
    if (c->state == CONNECTION_WAITING)
        client_try_again(c);
}

static enum status client_bits_allocate(struct connection *c)
{
    if (c->has_bits)
        return STATUS_OK;

    enum status s = loop_bit_allocate(client_on_doorbell, c, &c->doorbell_bit);

    if (s != STATUS_OK)
        return s;
    s = loop_bit_allocate(client_on_status, c, &c->status_bit);
    if (s != STATUS_OK)
        goto free_doorbell;
    s = loop_signal_handle(c->status_bit, &c->status_event);
    if (s != STATUS_OK)
        goto free_status;
    loop_bit_look(c->doorbell_bit);
    c->has_bits = true;
    return STATUS_OK;

free_status:
    loop_bit_free(c->status_bit);
free_doorbell:
    loop_bit_free(c->doorbell_bit);
    return s;
}

void connection_bits_free(struct connection *c)
{
    if (!c->has_bits)
        return;
    loop_bit_free(c->doorbell_bit);
    loop_bit_free(c->status_bit);
    connection_handle_drop(c->status_event);
    c->status_event = 0;
    c->has_bits = false;
}

/* Ask the service for rings.  On error nothing but c->portal is left. */
static enum status client_exchange(struct connection *c, struct connection_offer *theirs)
{
    struct connection_offer ours = {0};
    enum status s = connection_prepare(c, &ours);

    if (s != STATUS_OK)
        return s;
    s = loop_signal_handle(c->doorbell_bit, &ours.doorbell);

    struct portal_message m = {
        .word = {CONNECTION_OPEN, CONNECTION_VERSION, ours.capacity, c->config.wanted_bytes,
                 c->epoch},
        .handle = {ours.area, ours.doorbell | HANDLE_MOVE, ours.buffer},
    };

    if (s == STATUS_OK)
        s = portal_call_with(c->portal, &m, DEADLINE_NEVER);
    if (s != STATUS_OK) {
        /* They may not have been moved; closing one that was fails, and no harm is done. */
        connection_handle_drop(ours.area & ~HANDLE_MOVE);
        connection_handle_drop(ours.doorbell);
        connection_handle_drop(ours.buffer & ~HANDLE_MOVE);
        return s;
    }
    if (m.word[0] != STATUS_OK) {
        for (unsigned i = 0; i < PORTAL_HANDLES; i++)
            connection_handle_drop(m.handle[i]);
        return (enum status)m.word[0];
    }
    *theirs = (struct connection_offer){
        .capacity = m.word[1], .area = m.handle[0], .doorbell = m.handle[1], .buffer = m.handle[2]};
    return STATUS_OK;
}

/*
 * That the doorbell is of the domain which was asked: it tells whether that one lives.  Who died
 * just now loses both, in any order, and is asked again: as one that doesn't answer would be.
 */
static enum status client_doorbell_check(const struct connection *c)
{
    const uint32_t owner = handle_owner(c->doorbell, OBJECT_EVENT);
    const uint32_t asked = handle_owner(c->portal, OBJECT_PORTAL);

    if (owner == 0 || asked == 0)
        return STATUS_PEER_DEAD;
    return owner == asked ? STATUS_OK : STATUS_BAD_DATA;
}

static enum status client_negotiate(struct connection *c)
{
    struct connection_offer theirs;

    c->epoch++;
    enum status s = client_exchange(c, &theirs);

    if (s == STATUS_OK)
        s = connection_attach(c, &theirs);
    if (s == STATUS_OK)
        s = client_doorbell_check(c);
    if (s == STATUS_OK)
        s = domain_watch(c->portal, loop_event(), UINT64_C(1) << c->status_bit);
    if (s != STATUS_OK) {
        connection_dismantle(c);
        return s;
    }
    if (c->ops->on_open != NULL)
        s = c->ops->on_open(c->context, c, &c->config);
    if (s != STATUS_OK)
        connection_close(c);
    else
        connection_flush(c);
    return s;
}

/* It is down and nothing brings it back by itself.  We are told when somebody starts it. */
static void client_wait_for_help(struct connection *c)
{
    if (!c->has_failed)
        log_line("%s is down: waiting until somebody starts it again", c->service);
    c->has_failed = true;
}

/* client_try() with its bits there; anything but OK ends it. */
static enum status client_connect(struct connection *c)
{
    enum status s = app_connect_try(c->service, c->status_event, &c->portal);

    if (s == STATUS_WOULD_BLOCK)
        return STATUS_OK;
    if (s == STATUS_PEER_DEAD) {
        client_wait_for_help(c);
        return STATUS_OK;
    }
    c->has_failed = false;
    if (s == STATUS_OK)
        s = client_negotiate(c);
    if (s != STATUS_PEER_DEAD)
        return s;
    s = client_bits_allocate(c); /* they went if it was closed on the way */
    if (s != STATUS_OK)
        return s;
    c->state = CONNECTION_WAITING;
    loop_timer_start(&c->retry, time_after_ns(CLIENT_RETRY_NS));
    return STATUS_OK;
}

/* Go on with opening; OK: it is OPENED, or WAITING for status_bit or the timer. */
static enum status client_try(struct connection *c)
{
    loop_timer_stop(&c->retry);
    c->state = CONNECTION_WAITING;

    enum status s = client_bits_allocate(c);

    if (s == STATUS_OK)
        s = client_connect(c);
    if (s != STATUS_OK) {
        c->state = CONNECTION_CLOSED;
        connection_bits_free(c);
    }
    return s;
}

enum status connection_start(struct connection *c, const char *service,
                             const struct connection_config *config,
                             const struct connection_ops *ops, void *context)
{
    /* Inside on_close what is there still has to go; connection_restart() waits for that. */
    if (c->is_ending || c->state == CONNECTION_WAITING || c->state == CONNECTION_OPENED)
        return STATUS_BAD_STATE;

    c->service = service;
    c->config = *config;
    c->ops = ops;
    c->context = context;
    c->retry.on_time = client_on_retry;
    c->retry.context = c;
    return client_try(c);
}

enum status connection_open(struct connection *c, const char *service,
                            const struct connection_config *config,
                            const struct connection_ops *ops, void *context)
{
    enum status s = connection_start(c, service, config, ops, context);

    while (s == STATUS_OK && c->state == CONNECTION_WAITING) {
        /* Timers don't run here, so the retry's deadline is the wait's. */
        s = loop_wait(c->status_bit, c->retry.timer.deadline_ns);
        if (s == STATUS_OK || s == STATUS_TIMED_OUT)
            s = client_try(c);
    }
    return s;
}

enum status connection_restart(struct connection *c)
{
    if (c->is_server || c->ops == NULL)
        return STATUS_BAD_STATE;
    if (c->is_ending) {
        c->is_restart_due = true;
        return STATUS_OK;
    }
    if (c->state == CONNECTION_WAITING || c->state == CONNECTION_OPENED)
        return STATUS_BAD_STATE;
    return client_try(c);
}

enum status connection_call(struct connection *c, struct portal_message *m)
{
    return c->portal == 0 ? STATUS_CLOSED : portal_request(c->portal, m);
}

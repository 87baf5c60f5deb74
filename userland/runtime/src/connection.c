/*
 * Connections: what is the same at both ends.
 */
#include "connection.h"

#include <string.h>

#include "rt/syscall.h"

enum {
    CONNECTION_CAPACITY_DEFAULT = 64,
    CONNECTION_ROUNDS = 4, /* of on_messages before the loop gets its turn */
};

void connection_handle_drop(handle_t h)
{
    /* A handle that is gone already is as good as closed. */
    enum status s = h == 0 ? STATUS_OK : handle_close(h);

    (void)s;
}

bool connection_peer_lives(handle_t h)
{
    return event_signal(h, 0) == STATUS_OK;
}

static bool capacity_is_good(uint64_t capacity)
{
    return capacity >= CONNECTION_CAPACITY_MIN && capacity <= CONNECTION_CAPACITY_MAX
           && (capacity & (capacity - 1)) == 0;
}

static struct ring_message *area_messages(struct connection_area *area)
{
    return (struct ring_message *)(void *)((unsigned char *)area + CONNECTION_MESSAGES_OFFSET);
}

/* The segment's label: "ring net:Tcp", cut off at what a label holds. */
static enum status area_create(struct connection *c)
{
    char label[NAME_BYTES + 1] = "ring ";

    strncat(label, c->service, sizeof label - sizeof "ring ");
    enum status s =
        memory_create(CONNECTION_MESSAGES_OFFSET + c->config.capacity * RING_MESSAGE_BYTES, label,
                      0, &c->own_area);
    if (s != STATUS_OK)
        return s;

    struct connection_area *area = c->own_area.address;

    area->magic = CONNECTION_MAGIC;
    area->epoch = c->epoch;
    area->capacity = c->config.capacity;
    area->is_server = c->is_server;
    return STATUS_OK;
}

static enum status buffer_create(struct connection *c)
{
    if (c->config.buffer != NULL) {
        c->own_buffer = *c->config.buffer;
        c->is_buffer_borrowed = true;
        return STATUS_OK;
    }
    c->is_buffer_borrowed = false;
    if (c->config.buffer_bytes == 0)
        return STATUS_OK;

    char label[NAME_BYTES + 1] = "buf ";

    strncat(label, c->service, sizeof label - sizeof "buf ");
    return memory_create(c->config.buffer_bytes, label, c->config.buffer_flags, &c->own_buffer);
}

enum status connection_prepare(struct connection *c, struct connection_offer *out)
{
    struct connection_offer offer = {.doorbell = out->doorbell};

    if (c->config.capacity == 0)
        c->config.capacity = CONNECTION_CAPACITY_DEFAULT;
    if (c->config.buffer_rights == 0)
        c->config.buffer_rights = RIGHT_READ;
    if (!capacity_is_good(c->config.capacity))
        return STATUS_BAD_ARGUMENT;

    enum status s = area_create(c);

    if (s == STATUS_OK)
        s = buffer_create(c);
    if (s == STATUS_OK)
        s = memory_share(&c->own_area, RIGHT_READ, &offer.area);
    if (s == STATUS_OK && c->own_buffer.address != NULL)
        s = memory_share(&c->own_buffer, c->config.buffer_rights, &offer.buffer);
    if (s != STATUS_OK) {
        connection_handle_drop(offer.area);
        connection_dismantle(c);
        return s;
    }
    offer.capacity = c->config.capacity;
    offer.area |= HANDLE_MOVE;
    offer.buffer |= offer.buffer == 0 ? 0 : HANDLE_MOVE;
    *out = offer;
    return STATUS_OK;
}

/* The peer's buffer comes with as much access as its handle allows. */
static enum status buffer_adopt(struct connection *c, handle_t buffer)
{
    struct handle_info info;

    if (buffer == 0)
        return STATUS_OK;

    enum status s = handle_info(buffer, &info);

    if (s == STATUS_OK)
        s = memory_adopt(buffer, info.rights & (RIGHT_READ | RIGHT_WRITE), &c->peer_buffer);
    if (s != STATUS_OK)
        connection_handle_drop(buffer);
    return s;
}

/*
 * Whether it was made for this opening: in one of an earlier life stand old messages, and indices
 * that say they are new.
 */
static bool area_fits(const struct connection *c, uint64_t capacity)
{
    const struct connection_area *area = c->peer_area.address;

    return capacity_is_good(capacity)
           && c->peer_area.length_bytes
                  >= CONNECTION_MESSAGES_OFFSET + capacity * RING_MESSAGE_BYTES
           && area->magic == CONNECTION_MAGIC && area->epoch == c->epoch
           && area->capacity == capacity && area->is_server == !c->is_server;
}

static enum status area_adopt(struct connection *c, const struct connection_offer *peer)
{
    enum status s = memory_adopt(peer->area, RIGHT_READ, &c->peer_area);

    if (s != STATUS_OK)
        connection_handle_drop(peer->area);
    else if (!area_fits(c, peer->capacity))
        s = STATUS_BAD_DATA;
    return s;
}

enum status connection_attach(struct connection *c, const struct connection_offer *peer)
{
    c->doorbell = peer->doorbell;
    enum status area_status = area_adopt(c, peer);
    enum status buffer_status = buffer_adopt(c, peer->buffer);

    if (area_status != STATUS_OK || buffer_status != STATUS_OK)
        return area_status != STATUS_OK ? area_status : buffer_status;

    struct connection_area *own = c->own_area.address;
    struct connection_area *theirs = c->peer_area.address;

    own->peer_address = (uaddr_t)(uintptr_t)theirs;
    ring_producer_init(&c->out, &own->out, &theirs->in, area_messages(own), c->config.capacity);
    ring_consumer_init(&c->in, &own->in, &theirs->out, area_messages(theirs), peer->capacity);
    c->is_paused = false;
    c->is_room_awaited = false;
    c->state = CONNECTION_OPENED;
    return STATUS_OK;
}

void connection_dismantle(struct connection *c)
{
    memory_release(&c->peer_area);
    memory_release(&c->peer_buffer);
    memory_release(&c->own_area);
    if (c->is_buffer_borrowed)
        c->own_buffer = (struct memory){0};
    memory_release(&c->own_buffer);
    connection_handle_drop(c->doorbell);
    connection_handle_drop(c->portal);
    c->doorbell = 0;
    c->portal = 0;
}

/* The peer, if it lives, finds the flag in memory that it still sees. */
static void connection_tell_end(struct connection *c)
{
    struct connection_area *own = c->own_area.address;

    atomic_store_explicit(&own->is_closed, 1, memory_order_release);
    (void)event_signal(c->doorbell, UINT64_MAX);
}

void connection_end(struct connection *c, enum status why)
{
    /*
     * Who is cut off for breaking the ring has to learn that nobody listens any more; so has who is
     * taken for gone and isn't.
     */
    if (c->state == CONNECTION_OPENED && why != STATUS_PEER_DEAD)
        connection_tell_end(c);
    c->state = CONNECTION_DEAD;
    c->is_ending = true;
    if (c->ops->on_close != NULL)
        c->ops->on_close(c->context, c, why);
    connection_dismantle(c);
    c->is_ending = false;
    if (!c->is_restart_due)
        return;

    c->is_restart_due = false;
    enum status s = connection_restart(c);

    if (s != STATUS_OK && c->ops->on_close != NULL)
        c->ops->on_close(c->context, c, s);
}

void connection_flush(struct connection *c)
{
    bool is_bell_due = false;

    if (c->state != CONNECTION_OPENED)
        return;
    if (c->out.produce != c->out.published && ring_publish(&c->out)) {
        ring_producer_count_bell(&c->out);
        is_bell_due = true;
    }
    if (c->in.consume != c->in.released && ring_release(&c->in)) {
        ring_consumer_count_bell(&c->in);
        is_bell_due = true;
    }
    /* A peer that is dead is told of by the watch. */
    if (is_bell_due)
        (void)event_signal(c->doorbell, UINT64_MAX);
}

bool connection_await_room(struct connection *c)
{
    connection_flush(c);
    if (!ring_producer_sleep(&c->out))
        return true;
    c->is_room_awaited = true;
    if (c->out.is_broken)
        loop_raise(c->doorbell_bit);
    return false;
}

/*
 * Another sender of this connection may have filled the room before it was told of; then a bell is
 * asked for again, since the old wish has been served.
 */
static void connection_serve_room(struct connection *c)
{
    if (!c->is_room_awaited || (!ring_has_room(&c->out) && !connection_await_room(c)))
        return;
    c->is_room_awaited = false;
    if (c->ops->on_room != NULL)
        c->ops->on_room(c->context, c);
}

/* Hand over messages until there is none and the peer knows that we sleep. */
static void connection_serve_messages(struct connection *c)
{
    for (unsigned round = 0; round < CONNECTION_ROUNDS; round++) {
        if (ring_has_message(&c->in)) {
            c->ops->on_messages(c->context, c);
            if (c->state != CONNECTION_OPENED)
                return;
            c->is_paused = c->in.consume != c->in.limit;
        }
        connection_flush(c);
        if (c->is_paused || ring_consumer_sleep(&c->in))
            return;
    }
    loop_raise(c->doorbell_bit);
}

/*
 * Messages that on_messages left will still be taken, so one that the peer has closed stays for
 * them.  Not if it is answers that find no room: a peer that is gone makes none.
 */
static bool is_unread(struct connection *c)
{
    return c->ops->on_messages != NULL && !c->is_room_awaited && ring_has_message(&c->in);
}

void connection_serve(struct connection *c)
{
    if (c->state != CONNECTION_OPENED)
        return;

    /* Read first: what the peer sent before it closed is still served. */
    const struct connection_area *theirs = c->peer_area.address;
    bool is_closed = atomic_load_explicit(&theirs->is_closed, memory_order_acquire) != 0;

    connection_serve_room(c);
    if (c->state == CONNECTION_OPENED && c->ops->on_messages != NULL && !c->is_paused)
        connection_serve_messages(c);
    if (c->state != CONNECTION_OPENED)
        return;
    connection_flush(c);
    if (c->in.is_broken || c->out.is_broken)
        connection_end(c, STATUS_BAD_DATA);
    else if (is_closed && !is_unread(c))
        connection_end(c, STATUS_CLOSED);
}

void connection_resume(struct connection *c)
{
    if (!c->is_paused)
        return;
    c->is_paused = false;
    loop_raise(c->doorbell_bit);
}

void connection_fail(struct connection *c)
{
    if (c->state != CONNECTION_OPENED)
        return;
    c->in.is_broken = true;
    loop_raise(c->doorbell_bit);
}

void connection_close(struct connection *c)
{
    if (c->state == CONNECTION_OPENED) {
        connection_flush(c);
        connection_tell_end(c);
    }
    c->state = CONNECTION_CLOSED;
    c->is_paused = false;
    loop_timer_stop(&c->retry);
    connection_dismantle(c);
    if (c->is_server)
        loop_raise(c->doorbell_bit); /* where the service forgets it */
    else
        connection_bits_free(c);
}

void *connection_buffer(const struct connection *c, uint64_t *length_bytes)
{
    *length_bytes = c->own_buffer.length_bytes;
    return c->own_buffer.address;
}

void *connection_peer_buffer(const struct connection *c, uint64_t *length_bytes)
{
    *length_bytes = c->peer_buffer.length_bytes;
    return c->peer_buffer.address;
}

bool connection_peer_range(const struct connection *c, uaddr_t address, uint64_t length_bytes)
{
    uint64_t offset = address - (uaddr_t)(uintptr_t)c->peer_buffer.address;

    return offset <= c->peer_buffer.length_bytes
           && length_bytes <= c->peer_buffer.length_bytes - offset;
}

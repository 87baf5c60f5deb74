/*
 * Rings: each side's segment is labelled "ring ..." and starts with a connection_area.
 *
 * The areas are other domains' memory, and so are their labels: a domain can call anything a ring,
 * and say of any address that its peer is there.  The launcher must not read where a read could be
 * a fault, which would be the end of everybody, or could mean something, as in a device.  So it
 * first takes hold of the segment, and then has the kernel tell it what that is: memory that a
 * domain sees and may write, with a page at its start.  A segment that anybody sees is whole, and
 * whose handle one holds keeps its pages and its address, whatever its maker does meanwhile; and
 * a maker who takes it back can't take it out of the launcher's view.
 *
 * What stands there may change at any time: every word is read once and only ever shown.  The
 * launcher looks through its own view for as long as it takes to copy the area.
 */
#include "rings.h"

#include "origin.h"
#include "places.h"

#include "rt/connection.h"
#include "rt/syscall.h"

#include <string.h>

/* What is copied out of an area. */
struct area {
    uint64_t capacity;
    uaddr_t peer;
    uint64_t produced;
    uint64_t consumed;
    uint64_t bells;
    uint64_t waits;
};

_Static_assert(sizeof(struct connection_area) <= PAGE_BYTES, "the first page is all that is read");

/* Whether a read of its first page ends well.  One that is a guard has no physical address. */
static bool is_ring(const struct info_view *view)
{
    return memcmp(view->label.text, "ring ", 5) == 0 && (view->rights & RIGHT_WRITE) != 0
           && view->is_device == 0 && view->physical != 0;
}

/* What `child` sees in the slot of `address`, if that is a ring that starts there. */
static bool ring_seen(const struct child *child, uaddr_t address, struct info_view *out)
{
    uint64_t next = 0;

    return child->state == INSPECT_RUNNING
           && domain_info(listing_domain(child), INFO_VIEW, address >> SLOT_SHIFT, out, sizeof *out,
                          &next)
                  == STATUS_OK
           && out->address == address && is_ring(out);
}

static void area_copy(uaddr_t address, struct area *out)
{
    const volatile struct connection_area *area =
        (const volatile struct connection_area *)(uintptr_t)address;

    out->capacity = area->magic == CONNECTION_MAGIC ? area->capacity : 0;
    out->peer = area->peer_address;
    out->produced = area->out.produce;
    out->consumed = area->in.consume;
    out->bells = area->out.counters.bells;
    out->waits = area->out.counters.waits;
}

/* The area at `address`, which `owner` writes.  Errors: the kernel's; BAD_DATA if none is there. */
static enum status area_read(const struct child *owner, uaddr_t address, struct area *out)
{
    struct segment_info info;
    struct info_view view;
    handle_t segment = 0;
    enum status s = segment_open(origin_get()->boot.factory, address, &segment);

    if (s != STATUS_OK)
        return s;
    s = segment_info(segment, &info);
    /* What the launcher sees already is its own, and looking at it would end by hiding it. */
    if (s == STATUS_OK && (info.rights != 0 || !ring_seen(owner, address, &view)))
        s = STATUS_BAD_DATA;
    if (s == STATUS_OK)
        s = segment_grant(segment, 0, RIGHT_READ);
    if (s == STATUS_OK) {
        area_copy(address, out);
        s = segment_revoke(segment, 0);
        if (s == STATUS_OK && out->capacity == 0)
            s = STATUS_BAD_DATA;
    }
    const enum status closed = handle_close(segment);
    return s == STATUS_OK ? closed : s;
}

/* Whoever sees the peer's area with the right to write is the one that reads from this ring. */
static const struct child *consumer_of(uaddr_t peer)
{
    struct info_view view;

    for (unsigned i = 0; i < supervisor_count(); i++) {
        if (ring_seen(supervisor_child(i), peer, &view))
            return supervisor_child(i);
    }
    return NULL;
}

/* Both areas name each other, or the producer only says so. */
static void ring_add_consumer(struct inspect_ring *ring, const struct area *own)
{
    const struct child *consumer = own->peer == 0 ? NULL : consumer_of(own->peer);
    struct area peer;

    if (consumer == NULL || area_read(consumer, own->peer, &peer) != STATUS_OK
        || peer.peer != ring->address)
        return;
    const uint64_t fill = own->produced - peer.consumed;
    ring->consumer = name_from(consumer->domain->name);
    ring->fill = (uint32_t)(fill <= own->capacity ? fill : own->capacity);
}

static void ring_add(struct listing *listing, const struct child *producer,
                     const struct info_view *view)
{
    struct area own;

    if (area_read(producer, view->address, &own) != STATUS_OK)
        return;
    struct inspect_ring ring = {
        .producer = name_from(producer->domain->name),
        .label = view->label,
        .address = view->address,
        .capacity = (uint32_t)own.capacity,
        .message_bytes = RING_MESSAGE_BYTES,
        .produced = own.produced,
        .wakeups = own.bells,
        .stalls = own.waits,
    };
    ring_add_consumer(&ring, &own);
    listing_add(listing, &ring);
}

/* All rings that `child` writes, from slot `*slot` on; `*slot` becomes 0 at its last one. */
static void child_rings(struct listing *listing, const struct child *child, uint64_t *slot)
{
    struct info_view view;

    do {
        uint64_t next = 0;
        if (domain_info(listing_domain(child), INFO_VIEW, *slot, &view, sizeof view, &next)
            != STATUS_OK)
            next = 0;
        else if (is_ring(&view))
            ring_add(listing, child, &view);
        *slot = next;
    } while (*slot != 0 && listing_has_room(listing));
}

enum status rings_list(struct listing *listing)
{
    uint64_t slot = listing->cursor & UINT32_MAX;
    uint64_t index = listing->cursor >> 32;

    listing->record_bytes = sizeof(struct inspect_ring);
    for (; index < supervisor_count(); index++) {
        const struct child *child = supervisor_child((unsigned)index);
        if (!listing_has_room(listing)) {
            listing->cursor = index << 32 | slot;
            return STATUS_OK;
        }
        if (child->state == INSPECT_RUNNING)
            child_rings(listing, child, &slot);
        if (slot != 0) {
            listing->cursor = index << 32 | slot;
            return STATUS_OK;
        }
    }
    listing->cursor = 0;
    return STATUS_OK;
}

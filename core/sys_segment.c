#include "core/sysret.h"

#include "base/bits.h"
#include "base/path.h"
#include "core/withheld.h"
#include "domains/segment.h"
#include "domains/space.h"
#include "domains/view.h"

#define UNUSED __attribute__((unused))

static struct name label_of(uint64_t low, uint64_t high)
{
    const uint64_t words[2] = {low, high};
    _Alignas(uint64_t) struct name name;

    __builtin_memcpy(&name, words, sizeof(name));
    return name;
}

static enum status lookup(handle_t h, rights_t need, struct segment **out)
{
    struct object *object;
    const enum status status = caller_lookup(h, OBJECT_SEGMENT, need, &object);

    if (status == STATUS_OK)
        *out = segment_of_object(object);
    return status;
}

/*
 * Whether the call is to be made again: addresses have become free, or memory is becoming so, since
 * a segment is being torn down.
 */
static bool is_worth_waiting(enum status status)
{
    if (status != STATUS_OUT_OF_MEMORY || !segments_reap_pending())
        return status == STATUS_WOULD_BLOCK;
    (void)segments_reap_some();
    return true;
}

/*
 * Go on building what this thread has begun; the call restarts until it is whole.  Then the caller
 * gets its handle with `rights`.
 */
COLD static struct sysret build(enum syscall number, const uint64_t arguments[8], rights_t rights)
{
    struct thread *thread = thread_current();
    struct segment *segment = thread->building;
    bool done;
    handle_t h;
    enum status status = segment_build_some(segment, &done);

    if (status == STATUS_OK ? !done : is_worth_waiting(status))
        return sysret_restart(number, arguments);
    thread->building = NULL;
    if (status != STATUS_OK) {
        object_put(&segment->object);
        return sysret(status);
    }
    status = caller_insert(&segment->object, rights, &h);
    if (status != STATUS_OK)
        return sysret(status);
    return sysret_more(h, segment->address, 0);
}

/* A segment that couldn't be begun; or not yet, and then the call is made again. */
static struct sysret refused(enum status status, enum syscall number, const uint64_t arguments[8])
{
    return is_worth_waiting(status) ? sysret_restart(number, arguments) : sysret(status);
}

/*
 * What the thread was building, if it is this very call that goes on; a signal handler or another
 * call in between can't happen, but a thread whose call failed half way must not find old work.
 */
static bool is_restart(void)
{
    return thread_current()->building != NULL;
}

static bool length_is_valid(uint64_t length)
{
    return length != 0 && is_aligned(length, PAGE_BYTES) && length <= SEGMENT_LENGTH_MAX;
}

COLD struct sysret sys_segment_create(uint64_t length, uint64_t rights, uint64_t flags,
                                      uint64_t guard_stride, uint64_t label0, uint64_t label1,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const uint64_t arguments[8] = {length, rights, flags, guard_stride, label0, label1};
    const rights_t memory = (rights_t)rights & RIGHTS_MEMORY;
    struct thread *thread = thread_current();

    if (!is_restart()) {
        if (!length_is_valid(length) || (flags & ~(uint64_t)SEGMENT_FLAGS_ALL) != 0
            || !is_aligned(guard_stride, PAGE_BYTES) || guard_stride > SLOT_BYTES
            || (rights & ~(uint64_t)(RIGHTS_MEMORY | RIGHT_DMA)) != 0
            || ((flags & SEGMENT_CONTIGUOUS) != 0 && guard_stride != 0))
            return sysret(STATUS_BAD_ARGUMENT);
        const struct segment_request request = {
            .backing = (flags & SEGMENT_CONTIGUOUS) != 0 ? SEGMENT_RUN : SEGMENT_FRAMES,
            .length = length,
            .widest = memory,
            .label = label_of(label0, label1),
            .guard_stride_pages = (uint32_t)(guard_stride / PAGE_BYTES),
        };
        const enum status status = segment_create(caller_domain(), &request, &thread->building);
        if (status != STATUS_OK)
            return refused(status, SYS_SEGMENT_CREATE, arguments);
    }
    return build(SYS_SEGMENT_CREATE, arguments,
                 memory | ((rights_t)rights & RIGHT_DMA) | RIGHTS_OWNER);
}

COLD struct sysret sys_segment_create_device(uint64_t factory, uint64_t physical, uint64_t length,
                                             uint64_t label0, uint64_t label1, UNUSED uint64_t a5,
                                             UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const uint64_t arguments[8] = {factory, physical, length, label0, label1};
    struct thread *thread = thread_current();

    if (!is_restart()) {
        enum status status = caller_has_factory(factory);
        if (status != STATUS_OK)
            return sysret(status);
        if (!length_is_valid(length) || !is_aligned(physical, PAGE_BYTES)
            || physical + length < physical || physical + length > BIT(47))
            return sysret(STATUS_BAD_ARGUMENT);
        if (withheld_overlaps(physical, length))
            return sysret(STATUS_DENIED);
        const struct segment_request request = {
            .backing = SEGMENT_DEVICE,
            .length = length,
            .widest = RIGHT_READ | RIGHT_WRITE,
            .label = label_of(label0, label1),
            .physical = physical,
        };
        status = segment_create(caller_domain(), &request, &thread->building);
        if (status != STATUS_OK)
            return refused(status, SYS_SEGMENT_CREATE_DEVICE, arguments);
    }
    return build(SYS_SEGMENT_CREATE_DEVICE, arguments, RIGHT_READ | RIGHT_WRITE | RIGHTS_OWNER);
}

struct alias_arguments {
    uint64_t factory, source, offset, length, execute, reserve;
};

static enum status alias_create(const struct alias_arguments *a, struct name label,
                                struct segment **out)
{
    struct segment *source;
    enum status status = caller_has_factory(a->factory);

    if (status == STATUS_OK)
        status = lookup(a->source, RIGHT_READ, &source);
    if (status != STATUS_OK)
        return status;
    if (!length_is_valid(a->length) || !is_aligned(a->offset | a->execute, PAGE_BYTES)
        || a->offset > source->length || a->length > source->length - a->offset
        || a->execute > a->length || a->reserve % SLOT_BYTES != 0
        || a->reserve > (uint64_t)SLOTS_PER_GIGABYTE / 2 * SLOT_BYTES
        || source->backing == SEGMENT_DEVICE || (source->widest & RIGHT_WRITE) != 0)
        return STATUS_BAD_ARGUMENT;
    const struct segment_request request = {
        .backing = SEGMENT_ALIAS,
        .length = a->length,
        .widest = RIGHT_READ | (a->execute != 0 ? (rights_t)RIGHT_EXECUTE : 0U),
        .label = label,
        .reserve_slots = (uint32_t)(a->reserve / SLOT_BYTES),
        .execute_bytes = a->execute,
        .source = source,
        .source_offset = a->offset,
    };
    return segment_create(caller_domain(), &request, out);
}

COLD struct sysret sys_segment_create_alias(uint64_t factory, uint64_t h, uint64_t offset,
                                            uint64_t length, uint64_t execute, uint64_t reserve,
                                            uint64_t label0, uint64_t label1)
{
    const uint64_t arguments[8] = {factory, h, offset, length, execute, reserve, label0, label1};
    struct thread *thread = thread_current();

    if (!is_restart()) {
        const struct alias_arguments alias = {factory, h, offset, length, execute, reserve};
        const enum status status =
            alias_create(&alias, label_of(label0, label1), &thread->building);
        if (status != STATUS_OK)
            return refused(status, SYS_SEGMENT_CREATE_ALIAS, arguments);
    }
    return build(SYS_SEGMENT_CREATE_ALIAS, arguments,
                 RIGHT_READ | (execute != 0 ? (rights_t)RIGHT_EXECUTE : 0U) | RIGHTS_OWNER);
}

/* The reserved slots of `front` pass to the new segment that lies in them. */
static enum status behind_create(uint64_t h, uint64_t offset, uint64_t length, struct name label,
                                 struct segment **out)
{
    struct segment *front;
    const enum status status = lookup(h, RIGHT_MANAGE, &front);

    if (status != STATUS_OK)
        return status;
    const uint64_t own = (uint64_t)front->slots * SLOT_BYTES;
    const uint64_t reserved = (uint64_t)front->reserved * SLOT_BYTES;
    const uint64_t span = align_up(length, SLOT_BYTES);
    /* One segment behind another, to the very end: then address space is never split up. */
    if (!length_is_valid(length) || offset != own || span != reserved)
        return STATUS_BAD_ARGUMENT;
    const struct segment_request request = {
        .backing = SEGMENT_FRAMES,
        .length = length,
        .widest = RIGHT_READ | RIGHT_WRITE,
        .label = label,
        .at = front->address + offset,
    };
    const enum status created = segment_create(caller_domain(), &request, out);
    if (created == STATUS_OK)
        front->reserved = 0;
    return created;
}

COLD struct sysret sys_segment_create_behind(uint64_t factory, uint64_t h, uint64_t offset,
                                             uint64_t length, uint64_t label0, uint64_t label1,
                                             UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const uint64_t arguments[8] = {factory, h, offset, length, label0, label1};
    struct thread *thread = thread_current();

    if (!is_restart()) {
        enum status status = caller_has_factory(factory);
        if (status == STATUS_OK)
            status = behind_create(h, offset, length, label_of(label0, label1), &thread->building);
        if (status != STATUS_OK)
            return sysret(status);
    }
    return build(SYS_SEGMENT_CREATE_BEHIND, arguments, RIGHT_READ | RIGHT_WRITE | RIGHTS_OWNER);
}

/* The domain and the segment that a call for a view names. */
static enum status view_lookup(handle_t h, rights_t need, handle_t domain, struct domain **target,
                               struct segment **segment)
{
    enum status status = lookup(h, need, segment);

    if (status == STATUS_OK)
        status = caller_lookup_domain(domain, RIGHT_MANAGE, target);
    return status;
}

OUT_OF_LINE static struct sysret segment_grant(uint64_t h, uint64_t domain, uint64_t rights)
{
    struct segment *segment;
    struct domain *target;

    if ((rights & ~(uint64_t)RIGHTS_MEMORY) != 0)
        return sysret(STATUS_BAD_ARGUMENT);
    const enum status status = view_lookup(h, (rights_t)rights, domain, &target, &segment);
    if (status != STATUS_OK)
        return sysret(status);
    if (target->state >= DOMAIN_STATE_STOPPED)
        return sysret(STATUS_PEER_DEAD);
    return sysret(view_grant(target, segment, (rights_t)rights));
}

/* Here is only what is usual: the caller's own view.  What isn't, and each refusal, is above. */
FLAT struct sysret sys_segment_grant(uint64_t h, uint64_t domain, uint64_t rights,
                                     UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                     UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain *caller = caller_domain();
    struct handle_slot *slot;

    if (domain != 0 || rights > RIGHTS_MEMORY || caller->state >= DOMAIN_STATE_STOPPED
        || handle_find(&caller->cross, h, OBJECT_SEGMENT, (rights_t)rights, &slot) != STATUS_OK
        || !view_grant_usual(caller, segment_of_object(slot->object), (rights_t)rights))
        return segment_grant(h, domain, rights);
    return sysret(STATUS_OK);
}

OUT_OF_LINE static struct sysret segment_revoke(uint64_t h, uint64_t domain)
{
    struct segment *segment;
    struct domain *target;
    const enum status status = view_lookup(h, 0, domain, &target, &segment);

    return sysret(status == STATUS_OK ? view_revoke(target, segment) : status);
}

/* As sys_segment_grant(). */
FLAT struct sysret sys_segment_revoke(uint64_t h, uint64_t domain, UNUSED uint64_t a2,
                                      UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain *caller = caller_domain();
    struct handle_slot *slot;

    if (domain != 0 || handle_find(&caller->cross, h, OBJECT_SEGMENT, 0, &slot) != STATUS_OK)
        return segment_revoke(h, domain);
    return sysret(view_revoke(caller, segment_of_object(slot->object)));
}

COLD struct sysret sys_segment_info(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                    UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                    UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct segment *segment;
    const enum status status = lookup(h, 0, &segment);

    if (status != STATUS_OK)
        return sysret(status);
    return sysret_more(segment->address, segment->length, view_granted(caller_domain(), segment));
}

/* How far memory goes on physically in one piece, looked at for a bounded number of pages. */
static uint64_t contiguous_bytes(const struct segment *segment, uint64_t offset, paddr_t physical)
{
    enum { LOOK_PAGES = 16 };
    const uint64_t rest = segment->length - offset;
    uint64_t bytes = PAGE_BYTES - offset % PAGE_BYTES;

    if (segment->backing == SEGMENT_RUN || segment->backing == SEGMENT_DEVICE)
        return rest;
    for (unsigned i = 0; i < LOOK_PAGES && bytes < rest; i++) {
        if (segment_physical(segment, offset + bytes) != physical + bytes)
            break;
        bytes += PAGE_BYTES;
    }
    return bytes < rest ? bytes : rest;
}

COLD struct sysret sys_segment_dma_address(uint64_t h, uint64_t offset, UNUSED uint64_t a2,
                                           UNUSED uint64_t a3, UNUSED uint64_t a4,
                                           UNUSED uint64_t a5, UNUSED uint64_t a6,
                                           UNUSED uint64_t a7)
{
    struct segment *segment;
    const enum status status = lookup(h, RIGHT_DMA, &segment);

    if (status != STATUS_OK)
        return sysret(status);
    if (offset >= segment->length)
        return sysret(STATUS_BAD_ARGUMENT);
    const paddr_t physical = segment_physical(segment, offset);
    if (physical == 0)
        return sysret(STATUS_BAD_ARGUMENT);
    return sysret_more(physical, contiguous_bytes(segment, offset, physical), 0);
}

COLD struct sysret sys_segment_open(uint64_t factory, uint64_t address, UNUSED uint64_t a2,
                                    UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                    UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const enum status status = caller_has_factory(factory);

    if (status != STATUS_OK)
        return sysret(status);
    struct segment *segment = space_owner(address);
    if (segment == NULL || address - segment->address >= segment->length)
        return sysret(STATUS_NOT_FOUND);
    object_get(&segment->object);
    return sysret_handle(&segment->object, RIGHT_READ | RIGHT_INSPECT);
}

COLD struct sysret sys_segment_assign(uint64_t h, uint64_t domain, UNUSED uint64_t a2,
                                      UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct segment *segment;
    struct domain *target;
    enum status status = lookup(h, RIGHT_MANAGE, &segment);

    if (status == STATUS_OK)
        status = caller_lookup_domain(domain, RIGHT_MANAGE, &target);
    if (status != STATUS_OK)
        return sysret(status);
    if (target->state >= DOMAIN_STATE_STOPPED)
        return sysret(STATUS_PEER_DEAD);
    return sysret(segment_assign(segment, target));
}

#include "core/sysret.h"

#include "arch/cpu.h"
#include "base/bits.h"
#include "base/path.h"
#include "core/withheld.h"
#include "domains/segment.h"
#include "domains/space.h"
#include "domains/view.h"

#define UNUSED __attribute__((unused))

static enum status lookup(handle_t h, rights_t need, struct object **out)
{
    return caller_lookup(h, OBJECT_SEGMENT, need, out);
}

/* What the arguments of a call ask for, if it may be had; changes nothing. */
typedef enum status describe_fn(const uint64_t arguments[8], struct segment_request *request);

static void label_set(struct segment_request *request, const uint64_t words[2])
{
    __builtin_memcpy(&request->label, words, sizeof(request->label));
}

/*
 * Whether the call is to be made again: it isn't done, addresses have become free, or memory and
 * what is left of quotas are becoming so, since a segment is being torn down.
 */
static bool is_worth_waiting(enum status status)
{
    if ((status != STATUS_OUT_OF_MEMORY && status != STATUS_OUT_OF_QUOTA)
        || !segments_reap_pending())
        return status == STATUS_WOULD_BLOCK;
    if (!cpu_is_interrupted())
        (void)segments_reap_some();
    return true;
}

/*
 * Begin what the call describes, unless it is this thread's call that goes on, and build some of
 * it; the call restarts until it is whole.  Then the caller gets its handle, with `rights` more
 * than the owner's and the segment's.
 */
static struct sysret create(enum syscall number, const uint64_t arguments[8], describe_fn *describe,
                            rights_t rights)
{
    struct thread *thread = thread_current();
    enum status status = STATUS_OK;
    handle_t h;

    /* Not what it left half made elsewhere: who handles a fault of its executes on it, too. */
    if (thread->building == NULL || thread->building->owner != caller_domain()) {
        thread_building_drop(thread);
        struct segment_request request = {0};
        status = describe(arguments, &request);
        if (status == STATUS_OK)
            status = segment_create(caller_domain(), &request, &thread->building);
        if (status == STATUS_OK && cpu_is_interrupted())
            status = STATUS_WOULD_BLOCK;
    }
    if (status == STATUS_OK)
        status = segment_build_some(thread->building);
    if (is_worth_waiting(status))
        return sysret_restart(number, arguments);
    if (status != STATUS_OK) {
        thread_building_drop(thread);
        return sysret(status);
    }
    struct segment *segment = thread->building;
    thread->building = NULL;
    status = caller_insert(&segment->object, segment->widest | RIGHTS_OWNER | rights, &h);
    return status == STATUS_OK ? sysret_more(h, segment->address, 0) : sysret(status);
}

/* With one page between two holes at least: holes alone would take addresses and no memory. */
#define GUARD_STRIDE_MIN (2 * PAGE_BYTES)

static enum status own_describe(const uint64_t arguments[8], struct segment_request *request)
{
    const uint64_t rights = arguments[1], flags = arguments[2], guard_stride = arguments[3];

    if ((flags & ~(uint64_t)SEGMENT_FLAGS_ALL) != 0 || !is_aligned(guard_stride, PAGE_BYTES)
        || (rights & ~(uint64_t)(RIGHTS_MEMORY | RIGHT_DMA)) != 0
        || (guard_stride != 0
            && ((flags & SEGMENT_CONTIGUOUS) != 0
                || guard_stride - GUARD_STRIDE_MIN > SLOT_BYTES - GUARD_STRIDE_MIN)))
        return STATUS_BAD_ARGUMENT;
    request->backing = (flags & SEGMENT_CONTIGUOUS) != 0 ? SEGMENT_RUN : SEGMENT_FRAMES;
    request->length = arguments[0];
    request->widest = (rights_t)rights & RIGHTS_MEMORY;
    request->guard_stride_pages = (uint32_t)(guard_stride / PAGE_BYTES);
    label_set(request, &arguments[4]);
    return STATUS_OK;
}

COLD struct sysret sys_segment_create(uint64_t length, uint64_t rights, uint64_t flags,
                                      uint64_t guard_stride, uint64_t label0, uint64_t label1,
                                      uint64_t a6, uint64_t a7)
{
    const uint64_t arguments[8] = {length, rights, flags, guard_stride, label0, label1, a6, a7};

    return create(SYS_SEGMENT_CREATE, arguments, own_describe, (rights_t)rights & RIGHT_DMA);
}

static enum status device_describe(const uint64_t arguments[8], struct segment_request *request)
{
    const uint64_t physical = arguments[1], length = arguments[2];
    const enum status status = caller_has_factory(arguments[0]);

    if (status != STATUS_OK)
        return status;
    if (!is_aligned(physical, PAGE_BYTES) || length > SEGMENT_LENGTH_MAX
        || physical > BIT(47) - length)
        return STATUS_BAD_ARGUMENT;
    if (withheld_overlaps(physical, length))
        return STATUS_DENIED;
    request->backing = SEGMENT_DEVICE;
    request->length = length;
    request->widest = RIGHT_READ | RIGHT_WRITE;
    request->physical = physical;
    label_set(request, &arguments[3]);
    return STATUS_OK;
}

COLD struct sysret sys_segment_create_device(uint64_t factory, uint64_t physical, uint64_t length,
                                             uint64_t label0, uint64_t label1, uint64_t a5,
                                             uint64_t a6, uint64_t a7)
{
    const uint64_t arguments[8] = {factory, physical, length, label0, label1, a5, a6, a7};

    return create(SYS_SEGMENT_CREATE_DEVICE, arguments, device_describe, 0);
}

static enum status alias_describe(const uint64_t arguments[8], struct segment_request *request)
{
    const uint64_t offset = arguments[2], length = arguments[3], execute = arguments[4];
    const uint64_t reserve = arguments[5];
    struct object *object;
    enum status status = caller_has_factory(arguments[0]);

    if (status == STATUS_OK)
        status = lookup(arguments[1], RIGHT_READ, &object);
    if (status != STATUS_OK)
        return status;
    struct segment *source = segment_of_object(object);
    if (!is_aligned(offset | execute, PAGE_BYTES) || offset > source->length
        || length > source->length - offset || execute > length || reserve % SLOT_BYTES != 0
        || source->backing == SEGMENT_DEVICE || (source->widest & RIGHT_WRITE) != 0)
        return STATUS_BAD_ARGUMENT;
    request->backing = SEGMENT_ALIAS;
    request->length = length;
    request->widest = RIGHT_READ | (execute != 0 ? (rights_t)RIGHT_EXECUTE : 0U);
    request->reserve_slots = reserve / SLOT_BYTES;
    request->execute_bytes = execute;
    request->source = source;
    request->source_offset = offset;
    label_set(request, &arguments[6]);
    return STATUS_OK;
}

COLD struct sysret sys_segment_create_alias(uint64_t factory, uint64_t h, uint64_t offset,
                                            uint64_t length, uint64_t execute, uint64_t reserve,
                                            uint64_t label0, uint64_t label1)
{
    const uint64_t arguments[8] = {factory, h, offset, length, execute, reserve, label0, label1};

    return create(SYS_SEGMENT_CREATE_ALIAS, arguments, alias_describe, 0);
}

/* One segment behind another, to the very end: then address space is never split up. */
static enum status behind_describe(const uint64_t arguments[8], struct segment_request *request)
{
    const uint64_t offset = arguments[2], length = arguments[3];
    struct object *object;
    enum status status = caller_has_factory(arguments[0]);

    if (status == STATUS_OK)
        status = lookup(arguments[1], RIGHT_MANAGE, &object);
    if (status != STATUS_OK)
        return status;
    const struct segment *front = segment_of_object(object);
    if (offset != (uint64_t)front->slots * SLOT_BYTES
        || divide_up(length, SLOT_BYTES) != front->reserved)
        return STATUS_BAD_ARGUMENT;
    request->backing = SEGMENT_FRAMES;
    request->length = length;
    request->widest = RIGHT_READ | RIGHT_WRITE;
    request->at = front->address + offset;
    label_set(request, &arguments[4]);
    return STATUS_OK;
}

COLD struct sysret sys_segment_create_behind(uint64_t factory, uint64_t h, uint64_t offset,
                                             uint64_t length, uint64_t label0, uint64_t label1,
                                             uint64_t a6, uint64_t a7)
{
    const uint64_t arguments[8] = {factory, h, offset, length, label0, label1, a6, a7};

    return create(SYS_SEGMENT_CREATE_BEHIND, arguments, behind_describe, 0);
}

COLD struct sysret sys_segment_info(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                    UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                    UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *object;
    const enum status status = lookup(h, 0, &object);

    if (status != STATUS_OK)
        return sysret(status);
    const struct segment *segment = segment_of_object(object);
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
    struct object *object;
    const enum status status = lookup(h, RIGHT_DMA, &object);

    if (status != STATUS_OK)
        return sysret(status);
    const struct segment *segment = segment_of_object(object);
    const paddr_t physical = offset < segment->length ? segment_physical(segment, offset) : 0;
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

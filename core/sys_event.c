#include "core/sysret.h"

#include "core/clock.h"
#include "core/event.h"
#include "core/interrupt.h"
#include "core/portal.h"

#define UNUSED __attribute__((unused))

enum status caller_lookup_own_event(handle_t h, struct object **out)
{
    return caller_lookup(h, OBJECT_EVENT, RIGHT_WAIT | RIGHT_MANAGE, out);
}

struct sysret sys_portal_create(uint64_t entry, uint64_t first_stack_top, uint64_t stride,
                                uint64_t count, uint64_t cookie, UNUSED uint64_t a5,
                                UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct portal *portal;
    const enum status status =
        portal_create(caller_domain(), entry, first_stack_top, stride, count, cookie, &portal);

    return status == STATUS_OK ? sysret_handle(&portal->belonging.object, RIGHT_CALL | RIGHTS_OWNER)
                               : sysret(status);
}

struct sysret sys_event_create(uint64_t segment, uint64_t offset, UNUSED uint64_t a2,
                               UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                               UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *object;
    struct event *event;
    enum status status = caller_lookup(segment, OBJECT_SEGMENT, RIGHT_READ | RIGHT_WRITE, &object);

    if (status == STATUS_OK)
        status = event_create(caller_domain(), segment_of_object(object), offset, &event);
    return status == STATUS_OK
               ? sysret_handle(&event->belonging.object, RIGHT_SIGNAL | RIGHT_WAIT | RIGHTS_OWNER)
               : sysret(status);
}

struct sysret sys_event_signal(uint64_t h, uint64_t bits, UNUSED uint64_t a2, UNUSED uint64_t a3,
                               UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                               UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    const enum status status =
        handle_lookup(&caller_domain()->handles, h, OBJECT_EVENT, RIGHT_SIGNAL, &slot);

    if (status != STATUS_OK)
        return sysret(status);
    struct event *event = event_of_object(slot->object);
    if (event->belonging.domain == NULL)
        return sysret(STATUS_PEER_DEAD);
    event_signal(event, slot->badge == 0 ? bits : bits & slot->badge);
    return sysret(STATUS_OK);
}

struct sysret sys_event_wait(uint64_t h, uint64_t deadline_ns, UNUSED uint64_t a2,
                             UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                             UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *event;
    const enum status status = caller_lookup(h, OBJECT_EVENT, RIGHT_WAIT, &event);

    if (status != STATUS_OK)
        return sysret(status);
    return sysret(event_wait(event_of_object(event), thread_current(), deadline_ns));
}

struct sysret sys_interrupt_create(uint64_t factory, uint64_t number, uint64_t flags,
                                   UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                   UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct interrupt *interrupt;
    enum status status = caller_has_factory(factory);

    if (status == STATUS_OK
        && (number > UINT32_MAX || (flags & ~(uint64_t)INTERRUPT_FLAGS_ALL) != 0))
        status = STATUS_BAD_ARGUMENT;
    if (status == STATUS_OK)
        status = interrupt_create(caller_domain(), (uint32_t)number, (flags & INTERRUPT_EDGE) != 0,
                                  &interrupt);
    return status == STATUS_OK ? sysret_handle(&interrupt->belonging.object, RIGHTS_OWNER)
                               : sysret(status);
}

static enum status lookup_interrupt(handle_t h, struct object **out)
{
    return caller_lookup(h, OBJECT_INTERRUPT, RIGHT_MANAGE, out);
}

struct sysret sys_interrupt_bind(uint64_t h, uint64_t event_handle, uint64_t bits,
                                 UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                 UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *object, *event;
    enum status status = lookup_interrupt(h, &object);

    if (status == STATUS_OK)
        status = caller_lookup_own_event(event_handle, &event);
    if (status == STATUS_OK && bits == 0)
        status = STATUS_BAD_ARGUMENT;
    if (status != STATUS_OK)
        return sysret(status);
    struct interrupt *interrupt = interrupt_of_object(object);
    if (interrupt->belonging.domain == NULL)
        return sysret(STATUS_PEER_DEAD);
    interrupt_bind(interrupt, event_of_object(event), bits);
    return sysret(STATUS_OK);
}

struct sysret sys_interrupt_ack(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *interrupt;
    const enum status status = lookup_interrupt(h, &interrupt);

    if (status == STATUS_OK)
        interrupt_ack(interrupt_of_object(interrupt));
    return sysret(status);
}

struct sysret sys_clock_create(uint64_t event_handle, uint64_t bits, UNUSED uint64_t a2,
                               UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                               UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *event;
    struct clock *clock;
    enum status status = caller_lookup_own_event(event_handle, &event);

    if (status == STATUS_OK && bits == 0)
        status = STATUS_BAD_ARGUMENT;
    if (status == STATUS_OK)
        status = clock_create(caller_domain(), event_of_object(event), bits, &clock);
    return status == STATUS_OK ? sysret_handle(&clock->belonging.object, RIGHTS_OWNER)
                               : sysret(status);
}

struct sysret sys_clock_set(uint64_t h, uint64_t deadline_ns, UNUSED uint64_t a2,
                            UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                            UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct object *object;
    const enum status status = caller_lookup(h, OBJECT_CLOCK, RIGHT_MANAGE, &object);

    if (status == STATUS_OK)
        clock_set(clock_of_object(object), deadline_ns);
    return sysret(status);
}

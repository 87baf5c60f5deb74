#include "core/sysret.h"

#include "arch/usercopy.h"
#include "core/budget.h"
#include "core/event.h"
#include "core/info.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "domains/view.h"

#define UNUSED __attribute__((unused))

static enum status attributes_check(const struct domain_attributes *a)
{
    if (a->highest_priority >= PRIORITY_COUNT || (a->flags & ~(uint64_t)DOMAIN_FLAGS_ALL) != 0
        || !budget_is_valid(a->budget_ns, a->period_ns))
        return STATUS_BAD_ARGUMENT;
    return STATUS_OK;
}

struct sysret sys_domain_create(uint64_t factory, uint64_t attributes, UNUSED uint64_t a2,
                                UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain_attributes wanted;
    struct object *event = NULL;
    struct domain *domain;
    enum status status = caller_has_factory(factory);

    if (status == STATUS_OK)
        status = usercopy_from(&wanted, attributes, sizeof(wanted));
    if (status == STATUS_OK)
        status = attributes_check(&wanted);
    if (status == STATUS_OK && wanted.event != 0)
        status = caller_lookup_own_event(wanted.event, &event);
    if (status != STATUS_OK)
        return sysret(status);
    status = domain_create(&wanted, event == NULL ? NULL : event_of_object(event), &domain);
    return status == STATUS_OK ? sysret_handle(&domain->object, RIGHTS_OWNER) : sysret(status);
}

struct sysret sys_domain_give(uint64_t target, uint64_t h, uint64_t rights, uint64_t badge,
                              UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                              UNUSED uint64_t a7)
{
    struct domain *domain;
    struct handle_slot *slot;
    uint64_t derived;
    handle_t given;
    enum status status = caller_lookup_domain(target, RIGHT_MANAGE, &domain);

    if (status == STATUS_OK)
        status = handle_lookup(&caller_domain()->handles, h, OBJECT_NONE,
                               RIGHT_DUPLICATE | RIGHT_TRANSFER, &slot);
    if (status == STATUS_OK)
        status = handle_badge_derive(slot, badge, &derived);
    if (status != STATUS_OK)
        return sysret(status);
    if (domain->state >= DOMAIN_STATE_STOPPED)
        return sysret(STATUS_PEER_DEAD);
    status = handle_insert(&domain->handles, slot->object, slot->rights & (rights_t)rights, derived,
                           slot, &given);
    return status == STATUS_OK ? sysret_value(given) : sysret(status);
}

struct sysret sys_domain_stop(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                              UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                              UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain *domain;
    const enum status status = caller_lookup_domain(h, RIGHT_MANAGE, &domain);

    if (status != STATUS_OK)
        return sysret(status);
    /* The caller's own context isn't saved yet: what goes on in its domain ends on the way out. */
    if (domain == caller_domain())
        domain_stop(domain);
    else if (!domain_stop_some(domain))
        return sysret_again(SYS_DOMAIN_STOP, h, 0);
    return sysret(STATUS_OK);
}

struct sysret sys_domain_destroy(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                 UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                 UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain *domain;
    const enum status status = caller_lookup_domain(h, RIGHT_MANAGE, &domain);

    if (status != STATUS_OK)
        return sysret(status);
    if (domain == caller_domain())
        return sysret(STATUS_BAD_STATE);
    if (!domain_destroy_some(domain))
        return sysret_again(SYS_DOMAIN_DESTROY, h, 0);
    return sysret(STATUS_OK);
}

/* The domain that serves what a handle names. */
static enum status served_by(struct object *object, struct domain **out)
{
    switch (object->class->type) {
    case OBJECT_DOMAIN:
        *out = domain_of_object(object);
        return STATUS_OK;
    case OBJECT_PORTAL:
        *out = domain_of_cross(portal_of_object(object)->cross.domain);
        return STATUS_OK;
    case OBJECT_EVENT:
        *out = event_of_object(object)->belonging.domain;
        return STATUS_OK;
    default:
        return STATUS_WRONG_TYPE;
    }
}

struct sysret sys_domain_watch(uint64_t h, uint64_t event, uint64_t bits, UNUSED uint64_t a3,
                               UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                               UNUSED uint64_t a7)
{
    struct object *watched, *target;
    struct domain *domain;
    enum status status = caller_lookup(h, OBJECT_NONE, RIGHT_INSPECT, &watched);

    if (status == STATUS_OK)
        status = served_by(watched, &domain);
    if (status == STATUS_OK)
        status = caller_lookup_own_event(event, &target);
    if (status != STATUS_OK)
        return sysret(status);
    if (bits == 0)
        return sysret(STATUS_BAD_ARGUMENT);
    if (domain == NULL) { /* an event outlives its domain, but doesn't remember it */
        event_signal(event_of_object(target), bits);
        return sysret(STATUS_OK);
    }
    return sysret(watch_add(domain, event_of_object(target), bits));
}

struct sysret sys_domain_set_fault_portal(uint64_t h, uint64_t portal, UNUSED uint64_t a2,
                                          UNUSED uint64_t a3, UNUSED uint64_t a4,
                                          UNUSED uint64_t a5, UNUSED uint64_t a6,
                                          UNUSED uint64_t a7)
{
    struct domain *domain;
    struct object *object = NULL;
    enum status status = caller_lookup_domain(h, RIGHT_MANAGE, &domain);

    if (status == STATUS_OK && portal != 0)
        status = caller_lookup(portal, OBJECT_PORTAL, RIGHT_CALL | RIGHT_MANAGE, &object);
    if (status == STATUS_OK && domain->root == NULL)
        status = STATUS_PEER_DEAD;
    if (status != STATUS_OK)
        return sysret(status);
    struct object *old = domain->cross.fault_portal;
    if (object != NULL)
        object_get(object);
    domain->cross.fault_portal = object;
    if (old != NULL)
        object_put(old);
    return sysret(STATUS_OK);
}

struct sysret sys_domain_narrow_mask(uint64_t h, uint64_t mask, UNUSED uint64_t a2,
                                     UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                     UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct domain *domain;
    const enum status status = caller_lookup_domain(h, RIGHT_MANAGE, &domain);

    if (status == STATUS_OK)
        domain->cross.syscall_mask &= mask;
    return sysret(status);
}

struct sysret sys_domain_info(uint64_t h, uint64_t what, uint64_t index, uint64_t out,
                              uint64_t out_bytes, UNUSED uint64_t a5, UNUSED uint64_t a6,
                              UNUSED uint64_t a7)
{
    struct domain *domain;
    uint64_t next = 0;
    enum status status = caller_lookup_domain(h, RIGHT_INSPECT, &domain);

    if (status == STATUS_OK)
        status = info_copy(domain, what, index, out, out_bytes, &next);
    return (struct sysret){.status = status, .value = next};
}

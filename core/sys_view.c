/*
 * System calls that bring a segment and a domain together.  The usual way through grant and revoke
 * is as fast as it gets (cmake/kernel.cmake); what isn't usual, and each refusal, is out of line.
 */
#include "core/sysret.h"

#include "base/path.h"
#include "domains/segment.h"
#include "domains/view.h"

#define UNUSED __attribute__((unused))

/* The domain and the segment that a call names. */
COLD static enum status pair_lookup(handle_t h, rights_t need, handle_t domain,
                                    struct domain **target, struct segment **segment)
{
    struct object *object;
    enum status status = caller_lookup(h, OBJECT_SEGMENT, need, &object);

    if (status == STATUS_OK) {
        *segment = segment_of_object(object);
        status = caller_lookup_domain(domain, RIGHT_MANAGE, target);
    }
    return status;
}

COLD struct sysret sys_segment_assign(uint64_t h, uint64_t domain, UNUSED uint64_t a2,
                                      UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct segment *segment;
    struct domain *target;
    const enum status status = pair_lookup(h, RIGHT_MANAGE, domain, &target, &segment);

    return sysret(status == STATUS_OK ? segment_assign(segment, target) : status);
}

COLD static struct sysret segment_grant(uint64_t h, uint64_t domain, uint64_t rights)
{
    struct segment *segment;
    struct domain *target;

    if ((rights & ~(uint64_t)RIGHTS_MEMORY) != 0)
        return sysret(STATUS_BAD_ARGUMENT);
    const enum status status = pair_lookup(h, (rights_t)rights, domain, &target, &segment);
    return sysret(status == STATUS_OK ? view_grant(target, segment, (rights_t)rights) : status);
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

COLD static struct sysret segment_revoke(uint64_t h, uint64_t domain)
{
    struct segment *segment;
    struct domain *target;
    const enum status status = pair_lookup(h, 0, domain, &target, &segment);

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

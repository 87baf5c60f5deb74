#include "base/path.h"
#include "core/lifecycle.h"
#include "core/sysret.h"

#define UNUSED __attribute__((unused))

enum { REVOKE_STEP = 8 };

static enum status lookup(handle_t h, rights_t need, struct handle_slot **out)
{
    return handle_find(&caller_domain()->cross, h, OBJECT_NONE, need, out);
}

struct sysret sys_handle_close(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                               UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                               UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    const enum status status = lookup(h, 0, &slot);

    if (status == STATUS_OK)
        handle_close(slot);
    return sysret(status);
}

OUT_OF_LINE enum status handle_badge_derive(const struct handle_slot *source, uint64_t badge,
                                            uint64_t *out)
{
    if (badge == 0 || badge == source->badge) {
        *out = source->badge;
        return STATUS_OK;
    }
    if (source->badge != 0) {
        /* Who has a badge can't pose as another; an event's bits may become fewer. */
        if (source->object->class->type != OBJECT_EVENT || (badge & ~source->badge) != 0)
            return STATUS_BAD_ARGUMENT;
    }
    *out = badge;
    return STATUS_OK;
}

struct sysret sys_handle_duplicate(uint64_t h, uint64_t rights, uint64_t badge, UNUSED uint64_t a3,
                                   UNUSED uint64_t a4, UNUSED uint64_t a5, UNUSED uint64_t a6,
                                   UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    uint64_t derived;
    handle_t copy;
    enum status status = lookup(h, RIGHT_DUPLICATE, &slot);

    if (status == STATUS_OK)
        status = handle_badge_derive(slot, badge, &derived);
    if (status != STATUS_OK)
        return sysret(status);
    status = handle_insert(&caller_domain()->handles, slot->object, slot->rights & (rights_t)rights,
                           derived, slot, &copy);
    return status == STATUS_OK ? sysret_value(copy) : sysret(status);
}

/* What was put into views by way of handles that are closed by now; whether none is left there. */
static bool views_revoke_some(const struct handle_slot *slot)
{
    return slot->object->class->type != OBJECT_SEGMENT || (slot->rights & RIGHT_MANAGE) == 0
           || segment_withdraw_some(segment_of_object(slot->object), caller_domain());
}

COLD struct sysret sys_handle_revoke(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                     UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                     UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    const enum status status = lookup(h, 0, &slot);

    if (status == STATUS_OK && (!handle_revoke_some(slot, REVOKE_STEP) || !views_revoke_some(slot)))
        return sysret_again(SYS_HANDLE_REVOKE, h, 0);
    return sysret(status);
}

COLD struct sysret sys_handle_info(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                   UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                   UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    const enum status status = lookup(h, 0, &slot);

    if (status != STATUS_OK)
        return sysret(status);
    return sysret_more(slot->object->class->type, slot->rights, slot->badge);
}

COLD struct sysret sys_handle_narrow(uint64_t h, uint64_t rights, UNUSED uint64_t a2,
                                     UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                     UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct handle_slot *slot;
    const enum status status = lookup(h, 0, &slot);

    if (status == STATUS_OK)
        handle_narrow(slot, (rights_t)rights);
    return sysret(status);
}

/*
 * Handles: what the kernel tells a domain of its own.
 */
#include "rt/handle.h"

#include "rt/syscall.h"

uint32_t handle_owner(handle_t h, enum object_type type)
{
    struct info_handle record;
    uint64_t next = 0;
    /* By its slot, which is the low half; of an empty one the next is told. */
    const enum status s =
        domain_info(0, INFO_HANDLES, (uint32_t)h, &record, sizeof record, &next);

    return s == STATUS_OK && record.handle == h && record.type == type ? record.owner_domain_id : 0;
}

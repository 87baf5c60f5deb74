#include "specimen.h"

#include "origin.h"

#include "rt/syscall.h"

enum status specimen_check(const struct child *child, uaddr_t entry)
{
    const struct loaded_segment *text = &child->loaded.text;

    if (child->state != INSPECT_RUNNING || text->handle == 0)
        return STATUS_BAD_STATE;
    return entry >= text->address && entry < text->address + text->bytes ? STATUS_OK
                                                                         : STATUS_BAD_ARGUMENT;
}

enum status specimen_make(const struct child *child, uint64_t calls, const struct quota *quota,
                          handle_t *domain)
{
    const struct domain_attributes attributes = {
        .name = {"specimen"},
        .syscall_mask = calls,
        .quota = *quota,
        .highest_priority = specimen_priority(),
    };

    *domain = 0;
    const enum status s = domain_create(origin_get()->boot.factory, &attributes, domain);
    if (s != STATUS_OK)
        return s;
    return segment_grant(child->loaded.text.handle, *domain, RIGHT_READ | RIGHT_EXECUTE);
}

uint32_t specimen_priority(void)
{
    return PRIORITY_COUNT - 1;
}

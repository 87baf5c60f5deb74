#include "domains/quota.h"

#include "base/assert.h"

static uint32_t *number(struct quota *quota, enum quota_kind kind)
{
    return (uint32_t *)(void *)quota + kind;
}

enum status quota_take(struct domain *domain, enum quota_kind kind, uint32_t count)
{
    uint32_t *const used = number(&domain->used, kind);
    const uint32_t limit = *number(&domain->limit, kind);

    if (count != 0 && (*used > limit || count > limit - *used))
        return STATUS_OUT_OF_QUOTA;
    *used += count;
    return STATUS_OK;
}

void quota_give(struct domain *domain, enum quota_kind kind, uint32_t count)
{
    uint32_t *const used = number(&domain->used, kind);

    ASSERT(*used >= count);
    *used -= count;
}

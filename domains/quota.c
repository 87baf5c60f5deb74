#include "domains/domain.h"

#include "base/assert.h"

static bool fits(uint32_t used, uint32_t more, uint32_t limit)
{
    return used <= limit && more <= limit - used;
}

enum status quota_take(struct domain *domain, uint32_t frames, uint32_t objects, uint32_t threads)
{
    struct quota *used = &domain->used;
    const struct quota *limit = &domain->limit;

    if (!fits(used->frames, frames, limit->frames) || !fits(used->objects, objects, limit->objects)
        || !fits(used->threads, threads, limit->threads))
        return STATUS_OUT_OF_QUOTA;
    used->frames += frames;
    used->objects += objects;
    used->threads += threads;
    return STATUS_OK;
}

void quota_give(struct domain *domain, uint32_t frames, uint32_t objects, uint32_t threads)
{
    struct quota *used = &domain->used;

    ASSERT(used->frames >= frames && used->objects >= objects && used->threads >= threads);
    used->frames -= frames;
    used->objects -= objects;
    used->threads -= threads;
}

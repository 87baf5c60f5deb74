/*
 * Measuring a domain: the calls that matter, between readings of the counter.
 *
 * The new thread is more urgent than this one, so thread_create() returns after it has ended.
 */
#include "measure.h"

#include "origin.h"

#include "rt/counter.h"
#include "rt/syscall.h"

struct specimen {
    handle_t domain, thread, stack;
};

static uint32_t reading(void)
{
    return (uint32_t)(origin_get()->machine.has_pmu != 0 ? counter_instructions()
                                                         : counter_ticks());
}

static enum status specimen_make(const struct child *child, uaddr_t entry, struct specimen *out)
{
    const struct domain_attributes attributes = {
        .name = {"measured"},
        .syscall_mask = UINT64_C(1) << SYS_THREAD_EXIT,
        .quota = {.frames = 64, .handles = 16, .threads = 1, .objects = 4},
        .highest_priority = PRIORITY_COUNT - 1,
    };
    uaddr_t stack;
    enum status s = domain_create(origin_get()->boot.factory, &attributes, &out->domain);

    if (s == STATUS_OK)
        s = segment_grant(child->loaded.text.handle, out->domain, RIGHT_READ | RIGHT_EXECUTE);
    if (s == STATUS_OK)
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, attributes.name, &out->stack,
                           &stack);
    if (s == STATUS_OK)
        s = segment_grant(out->stack, out->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = thread_create(out->domain, entry, stack + PAGE_BYTES, 0, attributes.highest_priority,
                          &out->thread);
    return s;
}

static enum status close_if_any(handle_t h)
{
    return h == 0 ? STATUS_OK : handle_close(h);
}

static enum status specimen_unmake(const struct specimen *specimen)
{
    enum status s = specimen->domain == 0 ? STATUS_OK : domain_destroy(specimen->domain);
    const handle_t rest[] = {specimen->thread, specimen->stack, specimen->domain};

    for (unsigned i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const enum status closed = close_if_any(rest[i]);
        if (s == STATUS_OK)
            s = closed;
    }
    return s;
}

enum status measure_domain(const struct child *child, uaddr_t entry, struct inspect_measure *out)
{
    const struct loaded_segment *text = &child->loaded.text;
    struct specimen specimen = {0};

    if (child->state != INSPECT_RUNNING || text->handle == 0)
        return STATUS_BAD_STATE;
    if (entry < text->address || entry >= text->address + text->bytes)
        return STATUS_BAD_ARGUMENT;

    const uint32_t begin = reading();
    const enum status made = specimen_make(child, entry, &specimen);
    const uint32_t middle = reading();
    const enum status unmade = specimen_unmake(&specimen);
    const uint32_t end = reading();

    if (made != STATUS_OK || unmade != STATUS_OK)
        return made != STATUS_OK ? made : unmade;
    *out = (struct inspect_measure){.create = middle - begin, .destroy = end - middle};
    return STATUS_OK;
}

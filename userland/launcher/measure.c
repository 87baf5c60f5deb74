/*
 * Measuring a domain: the calls that matter, between readings of the counter.
 *
 * The new thread is more urgent than this one, so thread_create() returns after it has ended.  It
 * reads the counter itself, on its own stack, just before its first system call.
 */
#include "measure.h"

#include "handle.h"
#include "origin.h"
#include "specimen.h"

#include "rt/counter.h"

enum { READING_BELOW_TOP = 16 };

struct measured {
    handle_t domain, thread, stack;
    uaddr_t stack_address;
};

static uint32_t reading(void)
{
    return (uint32_t)(origin_get()->machine.has_pmu != 0 ? counter_instructions()
                                                         : counter_ticks());
}

static enum status measured_make(const struct child *child, uaddr_t entry, struct measured *out)
{
    static const struct quota quota = {.frames = 64, .handles = 16, .threads = 1, .objects = 4};
    enum status s = specimen_make(child, UINT64_C(1) << SYS_THREAD_EXIT, &quota, &out->domain);

    if (s == STATUS_OK)
        s = segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("measured"),
                           &out->stack, &out->stack_address);
    if (s == STATUS_OK)
        s = segment_grant(out->stack, out->domain, RIGHT_READ | RIGHT_WRITE);
    if (s == STATUS_OK)
        s = thread_create(out->domain, entry, out->stack_address + PAGE_BYTES, 0,
                          specimen_priority(), &out->thread);
    return s;
}

/* What the thread has left on its stack. */
static enum status measured_reading(const struct measured *measured, uint32_t *out)
{
    const uaddr_t address = measured->stack_address + PAGE_BYTES - READING_BELOW_TOP;
    const enum status s = segment_grant(measured->stack, 0, RIGHT_READ);

    if (s != STATUS_OK)
        return s;
    *out = (uint32_t) * (const volatile uint64_t *)(uintptr_t)address;
    return segment_revoke(measured->stack, 0);
}

static enum status close_if_any(handle_t h)
{
    return h == 0 ? STATUS_OK : handle_close(h);
}

/* The yield is for the kernel's reaper, which works whenever a call goes through the scheduler. */
static enum status measured_unmake(const struct measured *measured)
{
    enum status s = measured->domain == 0 ? STATUS_OK : domain_destroy(measured->domain);
    const handle_t rest[] = {measured->thread, measured->stack, measured->domain};

    for (unsigned i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const enum status closed = close_if_any(rest[i]);
        if (s == STATUS_OK)
            s = closed;
    }
    thread_yield();
    return s;
}

enum status measure_domain(const struct child *child, uaddr_t entry, struct inspect_measure *out)
{
    struct measured measured = {0};
    uint32_t made_at = 0;
    enum status s = specimen_check(child, entry);

    if (s != STATUS_OK)
        return s;
    const uint32_t begin = reading();
    s = measured_make(child, entry, &measured);
    if (s == STATUS_OK)
        s = measured_reading(&measured, &made_at);

    const uint32_t middle = reading();
    const enum status unmade = measured_unmake(&measured);
    const uint32_t end = reading();
    if (s != STATUS_OK || unmade != STATUS_OK)
        return s != STATUS_OK ? s : unmade;
    *out = (struct inspect_measure){.create = made_at - begin, .destroy = end - middle};
    return STATUS_OK;
}

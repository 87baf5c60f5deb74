#include "core/sysret.h"

#include "arch/usercopy.h"
#include "base/bits.h"
#include "core/portal.h"
#include "core/priority.h"
#include "core/scheduler.h"

#define UNUSED __attribute__((unused))

static enum status lookup(handle_t h, rights_t need, struct thread **out)
{
    struct object *object;
    const enum status status = caller_lookup(h, OBJECT_THREAD, need, &object);

    if (status == STATUS_OK)
        *out = thread_of_object(object);
    return status;
}

/* The thread, or for 0 the calling one, if it may be managed: a visitor is its home's to manage. */
OUT_OF_LINE static enum status lookup_managed(handle_t h, struct thread **out)
{
    *out = thread_current();
    if (h != 0)
        return lookup(h, RIGHT_MANAGE, out);
    return (*out)->home == caller_domain() ? STATUS_OK : STATUS_DENIED;
}

struct sysret sys_thread_create(uint64_t h, uint64_t entry, uint64_t stack_top, uint64_t argument,
                                uint64_t priority, UNUSED uint64_t a5, UNUSED uint64_t a6,
                                UNUSED uint64_t a7)
{
    struct domain *domain;
    struct thread *thread;
    handle_t out;
    enum status status = caller_lookup_domain(h, RIGHT_MANAGE, &domain);

    if (status != STATUS_OK)
        return sysret(status);
    if (priority > domain->highest_priority || !is_aligned(entry, 4) || !is_aligned(stack_top, 16))
        return sysret(STATUS_BAD_ARGUMENT);
    if (domain->state >= DOMAIN_STATE_STOPPED)
        return sysret(STATUS_BAD_STATE);
    status = thread_create(domain, entry, stack_top, argument, (uint32_t)priority, &thread);
    if (status != STATUS_OK)
        return sysret(status);
    object_get(&thread->object);
    status = caller_insert(&thread->object, RIGHTS_OWNER, &out);
    if (status != STATUS_OK)
        thread_end(thread);
    object_put(&thread->object);
    return status == STATUS_OK ? sysret_value(out) : sysret(status);
}

struct sysret sys_thread_exit(UNUSED uint64_t a0, UNUSED uint64_t a1, UNUSED uint64_t a2,
                              UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                              UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    cpu_self()->exit_work |= EXIT_END;
    return sysret(STATUS_OK);
}

struct sysret sys_thread_destroy(uint64_t h, UNUSED uint64_t a1, UNUSED uint64_t a2,
                                 UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                 UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct thread *thread;
    const enum status status = lookup(h, RIGHT_MANAGE, &thread);

    if (status != STATUS_OK)
        return sysret(status);
    thread_hold(thread);
    thread->is_doomed = true;
    portal_doom(thread);
    if (thread == thread_current())
        cpu_self()->exit_work |= EXIT_END;
    else if (portal_depth(thread) == 0)
        thread_end(thread);
    return sysret(STATUS_OK);
}

struct sysret sys_thread_yield(UNUSED uint64_t a0, UNUSED uint64_t a1, UNUSED uint64_t a2,
                               UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                               UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    scheduler_yield(thread_current());
    return sysret(STATUS_OK);
}

struct sysret sys_thread_sleep(uint64_t deadline_ns, UNUSED uint64_t a1, UNUSED uint64_t a2,
                               UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                               UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    if (deadline_ns == DEADLINE_NEVER)
        return sysret(STATUS_BAD_ARGUMENT);
    thread_block(thread_current(), THREAD_STATE_SLEEPING, deadline_ns);
    return sysret(STATUS_OK);
}

struct sysret sys_thread_park(uint64_t word, uint64_t expected, uint64_t deadline_ns,
                              uint64_t owner, UNUSED uint64_t a4, UNUSED uint64_t a5,
                              UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    uint32_t now;
    const enum status status = usercopy_load32(word, &now);

    if (status != STATUS_OK)
        return sysret(status);
    if (now != (uint32_t)expected)
        return sysret(STATUS_WOULD_BLOCK);
    return sysret(thread_park(thread_current(), word, deadline_ns, owner));
}

struct sysret sys_thread_unpark(uint64_t word, uint64_t count, UNUSED uint64_t a2,
                                UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    const uint32_t limit = count > UNPARK_MAX ? UNPARK_MAX : (uint32_t)count;

    uint32_t woken;

    if (!thread_unpark(caller_domain(), word, limit, &woken))
        return sysret_again(SYS_THREAD_UNPARK, word, count);
    return sysret_value(woken);
}

struct sysret sys_thread_set_priority(uint64_t h, uint64_t priority, UNUSED uint64_t a2,
                                      UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct thread *thread;
    const enum status status = lookup_managed(h, &thread);

    if (status != STATUS_OK)
        return sysret(status);
    if (priority > thread->home->highest_priority || priority > caller_domain()->highest_priority)
        return sysret(STATUS_BAD_ARGUMENT);
    priority_set_base(thread, (uint32_t)priority);
    return sysret(STATUS_OK);
}

static bool budget_fits(const struct domain_budget *limit, nsec_t budget_ns, nsec_t period_ns)
{
    return limit->budget_ns == 0
           || (budget_ns != 0 && budget_ns <= limit->budget_ns && period_ns >= limit->period_ns);
}

struct sysret sys_thread_set_budget(uint64_t h, uint64_t budget_ns, uint64_t period_ns,
                                    UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                    UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct thread *thread;
    const enum status status = lookup_managed(h, &thread);

    if (status != STATUS_OK)
        return sysret(status);
    if (!budget_is_valid(budget_ns, period_ns)
        || !budget_fits(&thread->home->budget, budget_ns, period_ns))
        return sysret(STATUS_BAD_ARGUMENT);
    if (thread->state == THREAD_STATE_STOPPED)
        return sysret(STATUS_BAD_STATE);
    budget_set(thread, budget_ns, period_ns);
    return sysret(STATUS_OK);
}

struct sysret sys_thread_set_affinity(uint64_t h, uint64_t cpus, UNUSED uint64_t a2,
                                      UNUSED uint64_t a3, UNUSED uint64_t a4, UNUSED uint64_t a5,
                                      UNUSED uint64_t a6, UNUSED uint64_t a7)
{
    struct thread *thread;
    const enum status status = lookup_managed(h, &thread);

    if (status != STATUS_OK)
        return sysret(status);
    if (!scheduler_can_run_on(cpus))
        return sysret(STATUS_BAD_ARGUMENT);
    thread_set_affinity(thread, cpus);
    return sysret(STATUS_OK);
}

#include "core/thread.h"

#include "arch/mmu.h"
#include "arch/timer.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "base/string.h"
#include "core/event.h"
#include "core/portal.h"
#include "core/priority.h"
#include "core/scheduler.h"
#include "domains/frame.h"
#include "domains/quota.h"

static uint32_t next_id = 1;

static void thread_on_destroy(struct object *object);

static const struct object_class thread_class = {
    .type = OBJECT_THREAD,
    .destroy = thread_on_destroy,
};

static void thread_on_destroy(struct object *object)
{
    struct thread *thread = thread_of_object(object);

    deferred_drop(&thread->outdated);
    domain_unuse(thread->home);
    frame_free(direct_map_physical(thread));
}

static void on_timeout(struct timeout *timeout)
{
    struct thread *thread = LIST_ENTRY(timeout, struct thread, timeout);

    if (thread->state == THREAD_STATE_WAITING_PORTAL)
        portal_fail_waiting(thread, STATUS_TIMED_OUT);
    else
        thread_wake(thread, thread->state == THREAD_STATE_SLEEPING ? STATUS_OK : STATUS_TIMED_OUT);
}

/* A thread that returns from home has no call to return from. */
static struct cross_record no_call = {.flags = UINT32_MAX};

enum status thread_create(struct domain *home, uaddr_t entry, uaddr_t stack_top, uint64_t argument,
                          uint32_t priority, struct thread **out)
{
    paddr_t frame;
    enum status status = quota_take(home, QUOTA_THREADS, 1);

    if (status != STATUS_OK)
        return status;
    status = frame_allocate(0, FRAME_OBJECT, &frame);
    if (status != STATUS_OK) {
        quota_give(home, QUOTA_THREADS, 1);
        return status;
    }

    struct thread *thread = direct_map(frame);
    zero_page(thread);
    list_init(&thread->wanted);
    line_init(&thread->creditors);
    object_init(&thread->object, &thread_class);
    object_get(&thread->object); /* its own, until it ends */
    thread->id = next_id++;
    thread->stack_top = stack_top;
    thread->base_priority = priority;
    thread->priority = priority;
    thread->home = home;
    domain_use(home);
    list_push_back(&home->threads, &thread->home_node);
    thread->affinity = thread_current() == NULL ? UINT64_MAX : thread_current()->affinity;
    thread->cpu = scheduler_cpu_for_new(thread);
    thread->timeout.fire = on_timeout;
    thread->cross.domain = &home->cross;
    thread->cross.home.record = &no_call;
    thread->cross.kernel_stack = thread->cpu->kernel_stack_top;
    cross_set_depth(&thread->cross, 0);
    thread->cross.regs.x[0] = argument;
    thread->cross.regs.pc = entry;
    thread->cross.regs.sp = stack_top;
    home->state = DOMAIN_STATE_RUNNING;
    if (home->budget.budget_ns != 0)
        budget_begin(thread);
    thread_make_ready(thread);
    *out = thread;
    return STATUS_OK;
}

void thread_make_ready(struct thread *thread)
{
    thread->state = THREAD_STATE_READY;
    scheduler_enqueue(thread);
}

void thread_unqueue(struct thread *thread)
{
    timeout_cancel(&thread->timeout);
    if (scheduler_has_queued(thread))
        scheduler_dequeue(thread);
    if (thread->waiting_portal != NULL)
        portal_forget_waiting(thread);
    if (list_node_is_linked(&thread->sleeper.node)) {
        line_leave(&thread->parked_domain->sleepers, &thread->sleeper);
        priority_unlend(thread);
    }
    if (thread->waiting_event != NULL) {
        thread->waiting_event->cross.waiter = NULL;
        thread->waiting_event = NULL;
    }
}

void thread_block(struct thread *thread, enum thread_state state, nsec_t deadline_ns)
{
    thread->state = state;
    thread->cpu->exit_work |= EXIT_SCHEDULE;
    if (deadline_ns == DEADLINE_NEVER)
        return;
    thread->timeout.deadline_ns = deadline_ns;
    scheduler_timeout_add(&thread->timeout, thread->priority);
}

void thread_wake(struct thread *thread, enum status status)
{
    thread_unqueue(thread);
    thread->cross.regs.x[0] = status;
    thread->cross.regs.x[1] = 0;
    thread_make_ready(thread);
}

void thread_set_affinity(struct thread *thread, uint64_t cpus)
{
    const bool queued = scheduler_has_queued(thread);

    if (queued)
        scheduler_dequeue(thread);
    thread->affinity = cpus;
    if (queued)
        scheduler_requeue(thread);
    scheduler_reconsider(thread->cpu);
}

/* Whether it is what another CPU runs. */
static bool thread_is_elsewhere(const struct thread *thread)
{
    return thread->cpu->current == thread && thread->cpu != cpu_self();
}

void thread_hold(const struct thread *thread)
{
    if (thread_is_elsewhere(thread))
        cpus_hold();
}

void thread_recall(struct thread *thread)
{
    if (!thread_is_elsewhere(thread))
        return;
    cpus_hold();
    thread->cpu->is_recalled = true;
}

/* Who holds its registers: maybe this CPU still, although it is on its way to another. */
static struct cpu *thread_holder(const struct thread *thread)
{
    if (thread == thread_current())
        return cpu_self();
    return thread->cpu->current == thread ? thread->cpu : NULL;
}

void thread_building_drop(struct thread *thread)
{
    struct segment *building = thread->building;

    thread->building = NULL;
    if (building != NULL)
        object_put(&building->object);
}

void thread_end(struct thread *thread)
{
    if (!list_node_is_linked(&thread->home_node))
        return; /* it has ended already */
    thread_recall(thread);
    thread_unqueue(thread);
    if (thread->budget.ticks != 0)
        budget_finish(thread);
    thread->state = THREAD_STATE_STOPPED;
    thread->home->dead_threads_cpu_time_ns += thread_cpu_time_ns(thread);
    thread->home->dead_threads_dispatches += thread->dispatches;
    list_remove(&thread->home_node);
    quota_give(thread->home, QUOTA_THREADS, 1);
    thread->cpu->exit_work |= EXIT_SCHEDULE;
    thread_building_drop(thread);
    struct cpu *holder = thread_holder(thread);
    if (holder != NULL)
        holder->corpse = thread; /* its context is still in use: the reference goes there */
    else
        object_put(&thread->object);
}

static void sleeper_join(struct thread *thread)
{
    line_join(&thread->parked_domain->sleepers, &thread->sleeper, thread->priority);
}

void thread_park_anew(struct thread *thread)
{
    line_leave(&thread->parked_domain->sleepers, &thread->sleeper);
    sleeper_join(thread);
}

enum status thread_park(struct thread *thread, uaddr_t word, nsec_t deadline_ns, uaddr_t owner)
{
    struct stack_search debtor = {.address = owner};

    thread->parked_word = word;
    thread->parked_domain = thread_domain(thread);
    if (owner != 0 && !priority_search(&debtor, thread->parked_domain))
        return STATUS_WOULD_BLOCK;
    sleeper_join(thread);
    thread_block(thread, THREAD_STATE_PARKED, deadline_ns);
    priority_lend_to(thread, &debtor);
    return STATUS_OK;
}

bool thread_unpark(const struct domain *domain, uaddr_t word, uint32_t count, uint32_t *woken)
{
    struct thread *first[UNPARK_MAX];
    uint32_t found = 0;

    LIST_FOR_EACH (node, &domain->sleepers.waiters) {
        struct thread *thread = LIST_ENTRY(node, struct thread, sleeper.node);
        if (cpu_is_interrupted())
            return false;
        if (thread->parked_word != word)
            continue;
        priority_unlend(thread); /* whoever it lent to has done its part */
        if (found < count)
            first[found++] = thread;
    }
    *woken = found;
    while (found > 0)
        thread_wake(first[*woken - found--], STATUS_OK);
    return true;
}

uint64_t thread_cpu_ticks(const struct thread *thread)
{
    uint64_t ticks = thread->cpu_ticks;

    if (thread->cpu->current == thread && !thread->cpu->is_idle)
        ticks += timer_now_ticks() - thread->cpu->switched_at_ticks;
    return ticks;
}

nsec_t thread_cpu_time_ns(const struct thread *thread)
{
    return timer_ticks_to_ns(thread_cpu_ticks(thread));
}

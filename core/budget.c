#include "core/budget.h"

#include "arch/timer.h"
#include "core/priority.h"
#include "core/scheduler.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool budget_is_valid(nsec_t budget_ns, nsec_t period_ns)
{
    if (budget_ns == 0)
        return period_ns == 0;
    return budget_ns >= BUDGET_NS_MIN && budget_ns <= period_ns
           && period_ns <= BUDGET_PERIOD_NS_MAX;
}

/* The period ends at `end_ns`, and the thread has used so much CPU time of it. */
static void period_enter(struct thread *thread, uint64_t used, nsec_t end_ns)
{
    struct budget *budget = &thread->budget;

    timeout_cancel(&budget->replenishment);
    budget->replenishment.deadline_ns = end_ns;
    budget->used = used;
    thread->budget_end = 0;
    if (used < budget->ticks)
        thread->budget_end = thread_cpu_ticks(thread) + budget->ticks - used;
    else
        scheduler_timeout_add(&budget->replenishment, thread->base_priority);
    scheduler_reconsider(thread->cpu); /* its timer looks after it */
    priority_update(thread);
}

static uint64_t left_of(const struct thread *thread)
{
    const uint64_t now = thread_cpu_ticks(thread);

    return now >= thread->budget_end ? 0 : thread->budget_end - now;
}

/* Of its period; what it does in the background doesn't count. */
static uint64_t used_of(const struct thread *thread)
{
    const struct budget *budget = &thread->budget;

    return thread->budget_end == 0 ? budget->used : budget->ticks - left_of(thread);
}

/* It has used up what it had, or has used that up and its period is over. */
static void period_end(struct thread *thread)
{
    const struct budget *budget = &thread->budget;
    const nsec_t now = timer_now_ns();

    if (now >= budget->replenishment.deadline_ns)
        period_enter(thread, 0, now + budget->period_ns);
    else
        period_enter(thread, budget->ticks, budget->replenishment.deadline_ns);
}

static void on_replenishment(struct timeout *timeout)
{
    period_end(LIST_ENTRY(timeout, struct thread, budget.replenishment));
}

void budget_check(struct thread *thread)
{
    /* The last tick isn't worth another interrupt. */
    if (left_of(thread) <= 1)
        period_end(thread);
}

bool budget_is_used_up(const struct thread *thread)
{
    return thread->budget.ticks != 0 && thread->budget_end == 0;
}

static void parameters_set(struct budget *budget, nsec_t budget_ns, nsec_t period_ns)
{
    budget->ticks = timer_ns_to_ticks(budget_ns);
    budget->budget_ns = budget_ns;
    budget->period_ns = period_ns;
    budget->replenishment.fire = on_replenishment;
}

void budget_set(struct thread *thread, nsec_t budget_ns, nsec_t period_ns)
{
    struct budget *budget = &thread->budget;
    const uint64_t used = used_of(thread);
    const nsec_t end_ns =
        budget->ticks == 0 ? timer_now_ns() + period_ns : budget->replenishment.deadline_ns;

    parameters_set(budget, budget_ns, period_ns);
    if (budget_ns != 0) {
        period_enter(thread, used, end_ns);
        return;
    }
    budget->used = 0;
    timeout_cancel(&budget->replenishment);
    thread->budget_end = 0;
    priority_update(thread);
}

void budget_begin(struct thread *thread)
{
    const struct domain_budget *given = &thread->home->budget;

    budget_set(thread, given->budget_ns, given->period_ns);
    if (timer_now_ns() < given->ended_until_ns)
        period_enter(thread, thread->budget.ticks - given->ended_left, given->ended_until_ns);
}

void budget_finish(struct thread *thread)
{
    struct domain_budget *given = &thread->home->budget;
    const struct timeout *replenishment = &thread->budget.replenishment;
    const uint64_t left = left_of(thread);

    if (timer_now_ns() >= given->ended_until_ns) {
        given->ended_left = UINT64_MAX;
        given->ended_until_ns = 0;
    }
    given->ended_left = least(left, given->ended_left);
    if (replenishment->deadline_ns > given->ended_until_ns)
        given->ended_until_ns = replenishment->deadline_ns;
    timeout_cancel(&thread->budget.replenishment);
    thread->budget_end = 0; /* a CPU whose current thread it still is may look at it */
}

#include "core/scheduler.h"

#include "arch/mmu.h"
#include "arch/timer.h"
#include "base/assert.h"
#include "base/bits.h"
#include "core/interrupt.h"
#include "domains/asid.h"
#include "domains/segment.h"

static uint64_t slice_ticks; /* a whole turn; written once at boot */

void scheduler_init(void)
{
    slice_ticks = timer_ns_to_ticks(THREAD_SLICE_NS);
}

void scheduler_enqueue(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;

    list_push_back(&cpu->ready[thread->priority], &thread->run_node);
    cpu->ready_mask |= BIT(thread->priority);
    cpu->exit_work |= EXIT_SCHEDULE;
}

void scheduler_dequeue(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;

    list_remove(&thread->run_node);
    if (list_is_empty(&cpu->ready[thread->priority]))
        cpu->ready_mask &= ~BIT(thread->priority);
}

void scheduler_yield(struct thread *thread)
{
    thread->state = THREAD_STATE_READY;
    scheduler_enqueue(thread);
}

void scheduler_timeout_add(struct thread *thread, struct timeout *timeout)
{
    timeout_add(&thread->cpu->timeouts, timeout);
    thread->cpu->exit_work |= EXIT_SCHEDULE;
}

void scheduler_on_timer(void)
{
    struct cpu *cpu = cpu_self();

    /* The line stays high until the deadline is moved; leaving the kernel programs the next. */
    timer_stop();
    cpu->programmed_ns = 0;
    cpu->exit_work |= EXIT_SCHEDULE;
    while (timeouts_fire_one(&cpu->timeouts, timer_now_ns())) {
    }
}

/* What is left of its turn, it has later, before its equals; if nothing is, it goes behind them. */
static void preempt(struct cpu *cpu, struct thread *thread)
{
    const uint64_t now = timer_now_ticks();

    if (now >= cpu->slice_end_ticks) {
        scheduler_yield(thread);
        return;
    }
    thread->slice_left_ticks = cpu->slice_end_ticks - now;
    thread->state = THREAD_STATE_READY;
    list_push_front(&cpu->ready[thread->priority], &thread->run_node);
    cpu->ready_mask |= BIT(thread->priority);
}

/* Whoever is to run now; NULL if nobody can.  It is in no queue any more. */
static struct thread *choose(struct cpu *cpu)
{
    struct thread *current = cpu->current;
    const bool goes_on = current != NULL && current->state == THREAD_STATE_RUNNING;

    if (cpu->ready_mask == 0)
        return goes_on ? current : NULL;

    const unsigned best = bits_highest(cpu->ready_mask);
    if (goes_on && best < current->priority)
        return current;
    if (goes_on && best == current->priority) {
        if (timer_now_ticks() < cpu->slice_end_ticks)
            return current;
        scheduler_yield(current);
    } else if (goes_on) {
        preempt(cpu, current);
    }
    struct thread *next = LIST_ENTRY(list_first(&cpu->ready[best]), struct thread, run_node);
    scheduler_dequeue(next);
    return next;
}

static void account(struct cpu *cpu)
{
    const uint64_t now = timer_now_ticks();

    if (cpu->current != NULL && !cpu->is_idle)
        cpu->current->cpu_ticks += now - cpu->switched_at_ticks;
    else
        cpu->idle_ticks += now - cpu->switched_at_ticks;
    cpu->switched_at_ticks = now;
}

static void switch_to(struct cpu *cpu, struct thread *next)
{
    struct thread *last = cpu->current;

    account(cpu);
    if (last != NULL) {
        fp_save(&last->cross, thread_fp(last));
        last->tpidr = SYSREG_READ(tpidr_el0);
    }
    object_get(&next->object);
    cpu->current = next;
    next->cross.kernel_stack = cpu->kernel_stack_top;
    next->dispatches++;
    thread_domain(next)->dispatches++;
    SYSREG_WRITE(tpidr_el0, next->tpidr);
    if (last != NULL)
        object_put(&last->object);
}

/* A whole turn, or what was left of one that was interrupted. */
static void turn_begin(struct cpu *cpu, struct thread *thread)
{
    cpu->slice_end_ticks =
        cpu->switched_at_ticks
        + (thread->slice_left_ticks != 0 ? thread->slice_left_ticks : slice_ticks);
    thread->slice_left_ticks = 0;
}

/* The view of the thread that is to run, which may have lost its ASID meanwhile. */
static void enter_view(struct thread *thread)
{
    struct domain *domain = thread_domain(thread);

    if (domain->cross.ttbr == 0)
        asid_assign(domain);
    if (SYSREG_READ(ttbr0_el1) != domain->cross.ttbr)
        mmu_switch(domain->cross.ttbr);
}

static void program_timer(struct cpu *cpu)
{
    nsec_t when = cpu->timeouts.first == NULL ? 0 : cpu->timeouts.first->deadline_ns;
    const struct thread *current = cpu->current;

    if (!cpu->is_idle && (cpu->ready_mask & BIT(current->priority)) != 0) {
        const nsec_t slice_end = timer_ticks_to_ns(cpu->slice_end_ticks) + 1;
        when = when == 0 || slice_end < when ? slice_end : when;
    }
    if (when == cpu->programmed_ns)
        return;
    cpu->programmed_ns = when;
    if (when == 0)
        timer_stop();
    else
        timer_set_deadline(when);
}

/* Nobody is ready: tear down what is left to tear down, then wait for an interrupt. */
static void idle(struct cpu *cpu)
{
    if (!cpu->is_idle) {
        account(cpu);
        cpu->is_idle = true;
        mmu_switch_to_nothing(); /* the last view may go before somebody runs here again */
    }
    if (segments_reap_some())
        return;
    program_timer(cpu);
    spinlock_unlock(&kernel_lock);
    wfi();
    spinlock_lock(&kernel_lock);
    interrupts_handle();
}

struct cross_thread *scheduler_leave(void)
{
    struct cpu *cpu = cpu_self();
    struct thread *next;

    if (segments_reap_pending())
        (void)segments_reap_some();
    while ((next = choose(cpu)) == NULL)
        idle(cpu);
    const bool goes_on = next->state == THREAD_STATE_RUNNING;
    if (next != cpu->current)
        switch_to(cpu, next);
    else if (!goes_on)
        account(cpu); /* it waited or yielded, and nobody ran meanwhile */
    if (!goes_on)
        turn_begin(cpu, next);
    cpu->is_idle = false;
    next->state = THREAD_STATE_RUNNING;
    enter_view(next);
    program_timer(cpu);
    cpu->exit_work = segments_reap_pending() ? EXIT_REAP : 0;
    spinlock_unlock(&kernel_lock);
    return &next->cross;
}

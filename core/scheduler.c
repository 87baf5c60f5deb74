#include "core/scheduler.h"

#include "arch/mmu.h"
#include "arch/timer.h"
#include "base/assert.h"
#include "base/bits.h"
#include "core/interrupt.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "domains/asid.h"

enum { TIMEOUTS_STEP = 4 }; /* each may end a portal call, which is some hundred instructions */

static uint64_t slice_ticks; /* a whole turn; written once at boot */

void scheduler_init(void)
{
    struct cpu *cpu = cpu_self();

    slice_ticks = timer_ns_to_ticks(THREAD_SLICE_NS);
    cpu->turn_ticks = slice_ticks;
    cpu->programmed_ticks = UINT64_MAX;
}

static void ready_mark(struct cpu *cpu, const struct thread *thread)
{
    cpu->ready_mask |= BIT(thread->priority);
}

void scheduler_enqueue(struct thread *thread)
{
    thread->turn_end = 0;
    scheduler_requeue(thread);
}

void scheduler_requeue(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;

    list_push_back(&cpu->ready[thread->priority], &thread->run_node);
    ready_mark(cpu, thread);
    cpu->exit_work |= EXIT_SCHEDULE;
}

bool scheduler_has_queued(const struct thread *thread)
{
    return list_node_is_linked(&thread->run_node) || thread->cpu->suspended == thread;
}

void scheduler_dequeue(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;

    if (cpu->suspended == thread) {
        cpu->suspended = NULL;
        return;
    }
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
    cpu->programmed_ticks = UINT64_MAX;
    cpu->exit_work |= EXIT_SCHEDULE;
    if (cpu->current != NULL && cpu->current->cross.is_lazy != 0)
        portal_arm_lazy(cpu->current);
    /* Some at a time, with interrupts in between: the timer is set for the next at once. */
    for (unsigned i = 0; i < TIMEOUTS_STEP && timeouts_fire_one(&cpu->timeouts, timer_now_ns());
         i++)
        continue;
}

/* Book the time since the last switch, to who ran. */
static void account(struct cpu *cpu)
{
    const uint64_t now = timer_now_ticks();
    const uint64_t spent = now - cpu->switched_at_ticks;

    cpu->switched_at_ticks = now;
    if (cpu->current == NULL || cpu->is_idle) {
        cpu->idle_ticks += spent;
        return;
    }
    cpu->current->cpu_ticks += spent;
}

/* A turn begins when the thread is dispatched; it is looked at later, if at all. */
static void turn_begin(struct thread *thread)
{
    if (thread->turn_end == 0)
        thread->turn_end = thread->cpu_ticks + slice_ticks;
}

/*
 * The thread, whose time is booked, gives way.  What is left of its turn, it has later, before its
 * equals; if nothing is, it goes behind them.
 */
static void preempt(struct cpu *cpu, struct thread *thread)
{
    if (thread->turn_end != 0 && thread->cpu_ticks >= thread->turn_end) {
        scheduler_yield(thread);
        return;
    }
    thread->state = THREAD_STATE_READY;
    list_push_front(&cpu->ready[thread->priority], &thread->run_node);
    ready_mark(cpu, thread);
}

/* Whoever was preempted without a queue goes into one. */
static void suspended_requeue(struct cpu *cpu)
{
    struct thread *thread = cpu->suspended;

    cpu->suspended = NULL;
    if (thread != NULL)
        preempt(cpu, thread);
}

/* The most urgent ready thread, which is in no queue any more.  There is one. */
static struct thread *take_best(struct cpu *cpu)
{
    struct list *queue = &cpu->ready[bits_highest(cpu->ready_mask)];
    struct thread *next = LIST_ENTRY(list_first(queue), struct thread, run_node);

    scheduler_dequeue(next);
    return next;
}

/* Whoever is to run now; NULL if nobody can.  It is in no queue any more. */
static struct thread *choose(struct cpu *cpu)
{
    struct thread *current = cpu->current;
    const bool goes_on = current != NULL && current->state == THREAD_STATE_RUNNING;

    suspended_requeue(cpu);
    if (cpu->ready_mask == 0)
        return goes_on ? current : NULL;

    const unsigned best = bits_highest(cpu->ready_mask);
    if (goes_on) {
        if (best < current->priority)
            return current;
        turn_begin(current);
        account(cpu);
        if (best == current->priority && current->cpu_ticks < current->turn_end)
            return current;
        preempt(cpu, current);
    }
    return take_best(cpu);
}

/* The CPU's registers that belong to threads change hands; the time is booked. */
static void hand_over(struct cpu *cpu, struct thread *last, struct thread *next)
{
    fp_save(&last->cross, thread_fp(last));
    if (last->cross.is_lazy != 0)
        portal_arm_lazy(last);
    last->tpidr = SYSREG_READ(tpidr_el0);
    SYSREG_WRITE(tpidr_el0, next->tpidr);
    cpu->current = next;
    next->dispatches++;
}

/* Whether its domain has a TTBR value: it may have lost its ASID meanwhile, or have stopped. */
static bool has_view(const struct thread *thread)
{
    return thread_domain(thread)->cross.ttbr != 0;
}

/* Get the thread a view to run in; false if its domain has stopped, and it is not to run there. */
static bool view_prepare(struct thread *thread)
{
    struct domain *domain = thread_domain(thread);

    if (has_view(thread))
        return true;
    if (domain->state >= DOMAIN_STATE_STOPPED) {
        domain_evict(thread);
        return false;
    }
    asid_assign(domain);
    return true;
}

static void enter_view(const struct thread *thread)
{
    mmu_enter(thread_domain(thread)->cross.ttbr);
}

/*
 * The timer must interrupt when something is due.  That it does so too early, for something that is
 * due no more, costs less than moving it each time.
 */
static void program_timer(struct cpu *cpu)
{
    nsec_t when = cpu->timeouts.first == NULL ? 0 : cpu->timeouts.first->deadline_ns;
    struct thread *current = cpu->current;

    if (!cpu->is_idle && (cpu->ready_mask & BIT(current->priority)) != 0) {
        turn_begin(current);
        const uint64_t end = cpu->switched_at_ticks + (current->turn_end - current->cpu_ticks);
        const nsec_t slice_end = timer_ticks_to_ns(end) + 1;
        when = when == 0 || slice_end < when ? slice_end : when;
    }
    if (when == 0 || (cpu->programmed_ns != 0 && cpu->programmed_ns <= when))
        return;
    cpu->programmed_ns = when;
    cpu->programmed_ticks = timer_ns_to_ticks(when);
    timer_set_deadline(when);
}

struct cross_thread *scheduler_wake(struct thread *current, struct thread *waiter)
{
    struct cpu *cpu = cpu_self();

    if (waiter->cpu != cpu || waiter->priority <= current->priority || cpu->exit_work != 0
        || !has_view(waiter)) {
        thread_make_ready(waiter);
        return scheduler_leave();
    }
    /* Nobody in the queues is as urgent as the current thread, so there is nothing to choose. */
    suspended_requeue(cpu);
    account(cpu);
    current->state = THREAD_STATE_READY;
    cpu->suspended = current;
    hand_over(cpu, current, waiter);
    waiter->turn_end = 0;
    waiter->state = THREAD_STATE_RUNNING;
    enter_view(waiter);
    cpu->exit_work = 0;
    spinlock_unlock(&kernel_lock);
    return &waiter->cross;
}

struct cross_thread *scheduler_wait(struct thread *current, enum thread_state state,
                                    nsec_t deadline_ns)
{
    struct cpu *cpu = cpu_self();

    current->state = state;
    if (deadline_ns != DEADLINE_NEVER) {
        current->timeout.deadline_ns = deadline_ns;
        timeout_add(&cpu->timeouts, &current->timeout);
    }
    suspended_requeue(cpu);
    if (cpu->exit_work != 0 || cpu->ready_mask == 0)
        return scheduler_leave();
    account(cpu);
    struct thread *next = take_best(cpu);
    if (!has_view(next)) {
        preempt(cpu, next);
        return scheduler_leave();
    }
    hand_over(cpu, current, next);
    next->state = THREAD_STATE_RUNNING;
    enter_view(next);
    if (deadline_ns != DEADLINE_NEVER || (cpu->ready_mask & BIT(next->priority)) != 0)
        program_timer(cpu);
    spinlock_unlock(&kernel_lock);
    return &next->cross;
}

/* Nobody is ready: tear down what is left to tear down, then wait for an interrupt. */
static void idle(struct cpu *cpu)
{
    if (!cpu->is_idle) {
        account(cpu);
        cpu->is_idle = true;
        mmu_switch_to_nothing(); /* the last view may go before somebody runs here again */
    }
    if (teardown_some()) {
        interrupts_handle(); /* between any two steps */
        return;
    }
    program_timer(cpu);
    spinlock_unlock(&kernel_lock);
    wfi();
    kernel_lock_take();
    interrupts_handle();
}

/* From one thread, or from idleness, to another. */
static void switch_to(struct cpu *cpu, struct thread *next)
{
    struct thread *last = cpu->current;

    account(cpu);
    if (last != NULL) {
        hand_over(cpu, last, next);
    } else {
        cpu->current = next;
        next->dispatches++;
    }
    if (cpu->corpse != NULL) {
        object_put(&cpu->corpse->object);
        cpu->corpse = NULL;
    }
}

struct cross_thread *scheduler_leave(void)
{
    struct cpu *cpu = cpu_self();
    struct thread *next;

    /* A call that is made again has done its own part of something. */
    if (teardown_is_pending() && (cpu->exit_work & EXIT_RESTART) == 0)
        (void)teardown_some();
    while ((next = choose(cpu)) == NULL || !view_prepare(next))
        if (next == NULL)
            idle(cpu);
    if (next != cpu->current)
        switch_to(cpu, next);
    else if (next->state != THREAD_STATE_RUNNING)
        account(cpu); /* it waited or yielded, and nobody ran meanwhile */
    cpu->is_idle = false;
    next->state = THREAD_STATE_RUNNING;
    enter_view(next);
    program_timer(cpu);
    cpu->exit_work = teardown_is_pending() ? EXIT_REAP : 0;
    spinlock_unlock(&kernel_lock);
    return &next->cross;
}

struct cross_thread *scheduler_go_on(void)
{
    struct cpu *cpu = cpu_self();

    if (cpu->exit_work != 0 || teardown_is_pending() || !has_view(cpu->current))
        return scheduler_leave();
    enter_view(cpu->current);
    spinlock_unlock(&kernel_lock);
    return &cpu->current->cross;
}

#include "core/scheduler.h"

#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "base/assert.h"
#include "base/bits.h"
#include "core/interrupt.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "domains/asid.h"

static uint64_t slice_ticks; /* a whole turn; written once at boot */

/* Whoever is more urgent than the timeouts that are due has so much time before each. */
enum { TIMEOUT_PAUSE_NS = 300 };

enum { LOOKED_AT_MAX = 8 }; /* threads of a queue, by a CPU that could take one over */

void scheduler_init(void)
{
    struct cpu *cpu = cpu_self();

    slice_ticks = timer_ns_to_ticks(THREAD_SLICE_NS);
    cpu->turn_ticks = slice_ticks;
    cpu->programmed_ticks = UINT64_MAX;
}

static void ready_mark(struct cpu *cpu, const struct thread *thread)
{
    cpu->ready_count++;
    cpu->ready_mask |= BIT(thread->priority);
}

void scheduler_enqueue(struct thread *thread)
{
    thread->turn_end = 0;
    scheduler_requeue(thread);
}

static bool is_allowed(const struct thread *thread, const struct cpu *cpu)
{
    return (thread->affinity >> cpu->number & 1) != 0 && cpu->state == CPU_STATE_ONLINE;
}

bool scheduler_can_run_on(uint64_t cpus)
{
    for (uint32_t i = 0; i < cpu_count(); i++)
        if ((cpus >> i & 1) != 0 && cpu_at(i)->state == CPU_STATE_ONLINE)
            return true;
    return false;
}

/* Of what a CPU runs or is about to; less than any thread's if that is nothing. */
static int urgency(const struct cpu *cpu)
{
    const struct thread *current = cpu->current;
    const int ready = cpu->ready_mask == 0 ? -1 : (int)bits_highest(cpu->ready_mask);

    if (current == NULL || current->state != THREAD_STATE_RUNNING)
        return ready;
    return ready > (int)current->priority ? ready : (int)current->priority;
}

/* Where the thread is to run: where it did, unless it would wait there and needn't elsewhere. */
static struct cpu *place(const struct thread *thread)
{
    struct cpu *best = thread->cpu;
    const bool may_stay = is_allowed(thread, best);
    int least = may_stay ? urgency(best) : PRIORITY_COUNT;

    if (least < (int)thread->priority)
        return best;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *cpu = cpu_at(i);
        if (!is_allowed(thread, cpu) || urgency(cpu) >= least)
            continue;
        least = urgency(cpu);
        best = cpu;
    }
    return may_stay && least >= (int)thread->priority ? thread->cpu : best;
}

static uint32_t load(const struct cpu *cpu)
{
    return cpu->ready_count + (cpu->current != NULL ? 1 : 0);
}

struct cpu *scheduler_cpu_for_new(const struct thread *thread)
{
    struct cpu *best = cpu_self();

    if (best->is_shared == 0)
        return best;
    uint32_t least = is_allowed(thread, best) ? load(best) : UINT32_MAX;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        struct cpu *cpu = cpu_at(i);
        if (is_allowed(thread, cpu) && load(cpu) < least) {
            least = load(cpu);
            best = cpu;
        }
    }
    return best;
}

void scheduler_reconsider(struct cpu *cpu)
{
    cpu->exit_work |= EXIT_SCHEDULE;
    if (cpu != cpu_self())
        cpu_kick(cpu);
}

void scheduler_requeue(struct thread *thread)
{
    if (cpu_self()->is_shared != 0)
        thread->cpu = place(thread);

    struct cpu *cpu = thread->cpu;
    const struct thread *current = cpu->current;
    ASSERT(!list_node_is_linked(&thread->run_node));
    list_push_back(&cpu->ready[thread->priority], &thread->run_node);
    ready_mark(cpu, thread);
    cpu->exit_work |= EXIT_SCHEDULE;
    if (cpu != cpu_self() && (current == NULL || current->priority <= thread->priority))
        cpu_kick(cpu);
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
    cpu->ready_count--;
    if (list_is_empty(&cpu->ready[thread->priority]))
        cpu->ready_mask &= ~BIT(thread->priority);
}

void scheduler_yield(struct thread *thread)
{
    thread->state = THREAD_STATE_READY;
    scheduler_enqueue(thread);
    cpu_self()->exit_work |= EXIT_SCHEDULE; /* the queue may be another CPU's */
}

static uint32_t timeout_class(uint32_t priority)
{
    return priority / (PRIORITY_COUNT / TIMEOUT_CLASSES);
}

static void earliest_consider(struct cpu *cpu, const struct timeout *timeout)
{
    if (timeout->deadline_ns - 1 < cpu->earliest_ns - 1)
        cpu->earliest_ns = timeout->deadline_ns;
}

static void timeout_join(struct cpu *cpu, struct timeout *timeout, uint32_t priority)
{
    timeout_add(&cpu->timeouts[timeout_class(priority)], timeout);
    earliest_consider(cpu, timeout);
}

void scheduler_timeout_add(struct timeout *timeout, uint32_t priority)
{
    struct cpu *cpu = cpu_self();

    timeout_join(cpu, timeout, priority);
    cpu->exit_work |= EXIT_SCHEDULE;
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

/* One timeout at a time, the most urgent that is due: it may end many calls. */
static void timeouts_fire(struct cpu *cpu)
{
    const nsec_t now = timer_now_ns();
    bool has_fired = false;

    cpu->earliest_ns = 0;
    for (uint32_t class = TIMEOUT_CLASSES; class -- > 0;) {
        struct timeouts *timeouts = &cpu->timeouts[class];
        if (timeouts->first == NULL)
            continue;
        has_fired = has_fired || timeouts_fire_one(timeouts, now);
        if (timeouts->first != NULL)
            earliest_consider(cpu, timeouts->first);
    }
    cpu->is_behind = cpu->earliest_ns - 1 < now;
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
    timeouts_fire(cpu);
    if (cpu->current != NULL && cpu->current->budget_end != 0)
        budget_check(cpu->current);
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
    if (cpu->is_shared != 0 && place(thread) != cpu) {
        scheduler_requeue(thread);
        return;
    }
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

/*
 * The first that may run on `cpu` in a queue of another CPU.  Only the first few are looked at: a
 * domain can fill a queue with threads that may not run elsewhere.
 */
static struct thread *first_allowed(const struct cpu *cpu, const struct list *queue)
{
    unsigned left = LOOKED_AT_MAX;

    LIST_FOR_EACH (node, queue) {
        struct thread *thread = LIST_ENTRY(node, struct thread, run_node);
        if (is_allowed(thread, cpu))
            return thread;
        if (--left == 0)
            break;
    }
    return NULL;
}

/*
 * The most urgent thread that waits for another CPU, and is more urgent than `floor`; NULL if there
 * is none.  For an idle CPU nobody waits: it has been kicked, and is on its way.
 */
static struct thread *find_waiting(const struct cpu *cpu, int floor)
{
    struct thread *found = NULL;

    for (uint32_t i = 0; i < cpu_count(); i++) {
        const struct cpu *other = cpu_at(i);
        if (other == cpu || other->is_idle)
            continue;
        for (uint64_t left = other->ready_mask; left != 0; left &= ~BIT(bits_highest(left))) {
            const unsigned priority = bits_highest(left);
            if ((int)priority <= floor)
                break;
            struct thread *thread = first_allowed(cpu, &other->ready[priority]);
            if (thread == NULL)
                continue;
            found = thread;
            floor = (int)priority;
            break;
        }
    }
    return found;
}

/* Take over a thread that waits elsewhere, if all that is to be run here is less urgent. */
static void pull(struct cpu *cpu)
{
    struct thread *thread = find_waiting(cpu, urgency(cpu));

    if (thread == NULL)
        return;
    scheduler_dequeue(thread);
    thread->cpu = cpu;
    list_push_back(&cpu->ready[thread->priority], &thread->run_node);
    ready_mark(cpu, thread);
}

/* Whoever is to run now; NULL if nobody can.  It is in no queue any more. */
static struct thread *choose(struct cpu *cpu)
{
    struct thread *current = cpu->current;
    bool goes_on = current != NULL && current->state == THREAD_STATE_RUNNING;

    suspended_requeue(cpu);
    if (goes_on && !is_allowed(current, cpu)) {
        scheduler_yield(current);
        goes_on = false;
    }
    if (cpu->is_shared != 0)
        pull(cpu);
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

/* All that the thread has in this CPU's registers is saved. */
static void registers_leave(struct thread *last)
{
    fp_save(&last->cross, thread_fp(last));
    if (last->cross.is_lazy != 0)
        portal_arm_lazy(last);
    last->tpidr = SYSREG_READ(tpidr_el0);
}

static void registers_enter(struct cpu *cpu, struct thread *next)
{
    next->cross.kernel_stack = cpu->kernel_stack_top;
    SYSREG_WRITE(tpidr_el0, next->tpidr);
    cpu->current = next;
    next->dispatches++;
}

/* The CPU's registers that belong to threads change hands; the time is booked. */
static void hand_over(struct cpu *cpu, struct thread *last, struct thread *next)
{
    registers_leave(last);
    registers_enter(cpu, next);
}

/* Who ended while it was current isn't any more. */
static void corpse_put(struct cpu *cpu)
{
    struct thread *corpse = cpu->corpse;

    if (corpse == NULL)
        return;
    cpu->corpse = NULL;
    object_put(&corpse->object);
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

/* When who runs is to be looked at: by its CPU time, which its turn and its budget bound. */
static uint64_t end_of_run(const struct cpu *cpu, struct thread *current)
{
    const uint64_t end = current->budget_end - 1; /* 0: none, the latest of all */

    if ((cpu->ready_mask & BIT(current->priority)) == 0)
        return end;
    turn_begin(current);
    return current->turn_end < end ? current->turn_end : end;
}

/* Who is more urgent than all that is due has a pause, until something else as urgent is. */
static nsec_t pause_end(const struct cpu *cpu)
{
    nsec_t end = timer_now_ns() + TIMEOUT_PAUSE_NS;

    for (uint32_t i = timeout_class(cpu->current->priority); i < TIMEOUT_CLASSES; i++) {
        const struct timeout *first = cpu->timeouts[i].first;
        if (first != NULL && first->deadline_ns < end)
            end = first->deadline_ns;
    }
    return end;
}

/*
 * The timer must interrupt when something is due.  That it does so too early, for something that is
 * due no more, costs less than moving it each time.
 */
static void program_timer(struct cpu *cpu)
{
    nsec_t when = cpu->earliest_ns;
    const struct thread *current = cpu->current;
    const uint64_t end = cpu->is_idle ? UINT64_MAX : end_of_run(cpu, cpu->current);

    if (cpu->is_behind && !cpu->is_idle)
        when = pause_end(cpu);
    if (end != UINT64_MAX) {
        const uint64_t left = end > current->cpu_ticks ? end - current->cpu_ticks : 0;
        const nsec_t end_ns = timer_ticks_to_ns(cpu->switched_at_ticks + left) + 1;
        when = when == 0 || end_ns < when ? end_ns : when;
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

    if (waiter->priority <= current->priority || !has_view(waiter)
        || (cpu->exit_work | cpu->is_shared | waiter->budget_end) != 0) {
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
    kernel_lock_drop();
    return &waiter->cross;
}

struct cross_thread *scheduler_wait(struct thread *current, enum thread_state state,
                                    nsec_t deadline_ns)
{
    struct cpu *cpu = cpu_self();

    current->state = state;
    if (deadline_ns != DEADLINE_NEVER) {
        current->timeout.deadline_ns = deadline_ns;
        timeout_join(cpu, &current->timeout, current->priority);
    }
    suspended_requeue(cpu);
    if ((cpu->exit_work | cpu->is_shared) != 0 || cpu->ready_mask == 0)
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
    if (deadline_ns != DEADLINE_NEVER || (cpu->ready_mask & BIT(next->priority)) != 0
        || next->budget_end != 0)
        program_timer(cpu);
    kernel_lock_drop();
    return &next->cross;
}

/* The last thread may run elsewhere, or end, and its view may go, before somebody runs here. */
static void idle_begin(struct cpu *cpu)
{
    account(cpu);
    cpu->is_idle = true;
    if (cpu->current != NULL)
        registers_leave(cpu->current);
    cpu->current = NULL;
    mmu_switch_to_nothing();
    corpse_put(cpu);
}

/*
 * Take a step of what is deferred, and come back for the next before who runs now gets far: but an
 * interrupt, or a deadline that is due by now, goes first, and is as good.
 */
static void go_on_with_deferred(struct cpu *cpu)
{
    if (!deferred_is_empty() && deferred_some(cpu, urgency(cpu)) && !cpu_is_interrupted()
        && cpu->earliest_ns - 1 >= timer_now_ns())
        irqchip_send(CPU_MESSAGE_KICK, cpu->mpidr);
}

/*
 * Nobody is ready: tear down what is left to tear down, a step at a time, since other CPUs wait for
 * the lock, and interrupts to be taken; then wait for an interrupt.
 */
static void idle(struct cpu *cpu)
{
    if (!cpu->is_idle)
        idle_begin(cpu);
    const bool works = work_is_pending();
    teardown_some();
    program_timer(cpu);
    cpu->is_kicked = false; /* the queues are empty: whoever fills one must kick again */
    kernel_lock_drop_idle();
    if (!works)
        wfi();
    const struct irq_ack ack = interrupt_accept();
    kernel_lock_take_idle();
    interrupts_serve(ack);
    go_on_with_deferred(cpu);
}

/* From one thread, or from idleness, to another. */
static void switch_to(struct cpu *cpu, struct thread *next)
{
    account(cpu);
    if (cpu->current != NULL)
        registers_leave(cpu->current);
    registers_enter(cpu, next);
    corpse_put(cpu);
}

struct cross_thread *scheduler_leave(void)
{
    struct cpu *cpu = cpu_self();
    struct thread *next;

    for (;;) {
        if (work_is_pending()) {
            /* A call that is made again has done its own part of something, and who has just been
             * woken, and is more urgent, doesn't wait for it. */
            if ((cpu->exit_work & EXIT_RESTART) == 0 && !cpu_is_interrupted()
                && (cpu->current == NULL || cpu->ready_mask >> cpu->current->priority <= 1))
                teardown_some();
            go_on_with_deferred(cpu);
        }
        while ((next = choose(cpu)) == NULL)
            idle(cpu);
        if (view_prepare(next))
            break;
        /* However many are ready in a domain that has stopped, what is pending is served. */
        if (cpu_is_interrupted())
            interrupts_serve(interrupt_accept());
    }
    if (next != cpu->current)
        switch_to(cpu, next);
    else if (next->state != THREAD_STATE_RUNNING)
        account(cpu); /* it waited or yielded, and nobody ran meanwhile */
    cpu->is_idle = false;
    next->state = THREAD_STATE_RUNNING;
    enter_view(next);
    program_timer(cpu);
    cpu->exit_work = work_is_pending() ? EXIT_REAP : 0;
    cpu->is_kicked = false;
    kernel_lock_drop();
    return &next->cross;
}

struct cross_thread *scheduler_go_on(void)
{
    struct cpu *cpu = cpu_self();

    if (cpu->exit_work != 0 || work_is_pending() || !has_view(cpu->current))
        return scheduler_leave();
    enter_view(cpu->current);
    kernel_lock_drop();
    return &cpu->current->cross;
}

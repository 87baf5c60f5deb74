/*
 * The scheduler on a CPU whose clock is the test's: who runs, for how long, and what the timer
 * is set for.
 */
// source: core/scheduler.c
// source: core/thread.c
// source: core/timeout.c
// source: core/budget.c
// source: core/deferred.c
// source: core/priority.c
// source: core/base/line.c
// source: domains/pool.c
// source: domains/quota.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_frames.c
// include first: tests/host/fake_arch
#include "core/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "core/deferred.h"
#include "core/interrupt.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "core/priority.h"
#include "domains/asid.h"
#include "domains/segment.h"
#include "fake_frames.h"
#include "fake_machine.h"

enum { TICK_NS = 16, SLICE = THREAD_SLICE_NS / TICK_NS, THREADS = 24, STEPS = 100000 };

static struct cpu cpu;
static struct domain domains[3];
static struct thread *threads[THREADS];
static unsigned thread_count;
static uint64_t now; /* ticks */
static nsec_t deadline_ns;
static uint64_t random_state;
static uint64_t tpidr_el0;
static unsigned waits; /* how often the CPU waited for an interrupt */
static unsigned assignments;
static unsigned steps_left, step_ticks; /* of what is deferred, and what each takes */

struct spinlock kernel_lock;

/* What the scheduler calls. */

uint64_t *fake_sysreg(const char *name)
{
    static uint64_t tpidr_el1;

    tpidr_el1 = (uintptr_t)&cpu;
    if (strcmp(name, "tpidr_el1") == 0)
        return &tpidr_el1;
    return strcmp(name, "tpidr_el0") == 0 ? &tpidr_el0 : &fake_ttbr;
}

static bool is_interrupted;

bool cpu_is_interrupted(void)
{
    return is_interrupted;
}

uint64_t timer_now_ticks(void)
{
    return now;
}

nsec_t timer_now_ns(void)
{
    return now * TICK_NS;
}

nsec_t timer_ticks_to_ns(uint64_t ticks)
{
    return ticks * TICK_NS;
}

uint64_t timer_ns_to_ticks(nsec_t duration_ns)
{
    return (duration_ns + TICK_NS - 1) / TICK_NS;
}

void timer_set_deadline(nsec_t when_ns)
{
    deadline_ns = when_ns;
}

void timer_stop(void)
{
    deadline_ns = 0;
}

bool kernel_lock_wait(uint32_t ticket)
{
    (void)ticket;
    fail_msg("one CPU never waits for the lock");
    return false;
}

void kernel_lock_drop_idle(void)
{
    spinlock_unlock(&kernel_lock);
}

void kernel_lock_take_idle(void)
{
    spinlock_lock(&kernel_lock);
}

uint32_t cpu_count(void)
{
    return 1;
}

struct cpu *cpu_at(uint32_t number)
{
    assert_int_equal(number, 0);
    return &cpu;
}

void cpu_kick(struct cpu *other)
{
    (void)other;
    fail_msg("there is no other CPU");
}

void cpus_hold(void)
{
    cpu_kick(NULL);
}

/* Nothing but the timer ever interrupts: without it, this CPU would sleep for ever. */
void wfi(void)
{
    assert_false(spinlock_is_held(&kernel_lock));
    assert_true(fake_ttbr == 0); /* the last view may be gone when somebody runs again */
    assert_true(deadline_ns != 0);
    if (timer_now_ns() < deadline_ns)
        now = (deadline_ns + TICK_NS - 1) / TICK_NS;
    waits++;
}

uint32_t kernel_lock_sleepers;

void kernel_lock_wake(void)
{
    fail_msg("there is nobody to wake");
}

struct irq_ack interrupt_accept(void)
{
    return (struct irq_ack){0};
}

void interrupts_serve(struct irq_ack ack)
{
    (void)ack;
    assert_true(spinlock_is_held(&kernel_lock));
    is_interrupted = false;
    if (deadline_ns != 0 && timer_now_ns() >= deadline_ns)
        scheduler_on_timer();
}

void fp_save_live(struct cross_thread *thread, struct fp_registers *area)
{
    (void)thread;
    (void)area;
    fail_msg("nobody uses FP registers here");
}

static unsigned armed; /* how often a thread's lazy deadlines were looked at */

void portal_arm_lazy(struct thread *thread)
{
    thread->cross.is_lazy = 0;
    armed++;
}

void teardown_some(void)
{
}

bool work_is_pending(void)
{
    return !deferred_is_empty();
}

static unsigned messages; /* to itself: it is to come back at once */

void irqchip_send(unsigned number, uint64_t mpidr)
{
    assert_int_equal(number, CPU_MESSAGE_KICK);
    assert_int_equal(mpidr, cpu.mpidr);
    messages++;
}

void domain_evict(struct thread *thread)
{
    thread->state = THREAD_STATE_STOPPED;
}

void asid_assign(struct domain *domain)
{
    domain->cross.ttbr = mmu_ttbr(0x1000 * domain->id, (asid_t)domain->id);
    assignments++;
}

/* As in core/portal.c, which needs more than a scheduler. */
void portal_forget_waiting(struct thread *thread)
{
    struct portal *portal = thread->waiting_portal;

    thread->waiting_portal = NULL;
    line_leave(&portal->waiting, &thread->waiter);
    priority_lend(portal);
}

void portal_fail_waiting(struct thread *thread, enum status status)
{
    thread_unqueue(thread);
    thread->cross.regs.x[8] = status;
    thread_make_ready(thread);
}

/* A machine with domains and no thread yet. */
static int setup(void **state)
{
    (void)state;
    fake_frames_init(1000);
    deferred_init();
    memset(&cpu, 0, sizeof(cpu));
    cpu.state = CPU_STATE_ONLINE;
    for (unsigned i = 0; i < PRIORITY_COUNT; i++)
        list_init(&cpu.ready[i]);
    memset(domains, 0, sizeof(domains));
    for (unsigned d = 0; d < 3; d++) {
        domains[d].id = d + 1;
        domains[d].object.references = 1;
        domains[d].limit.threads = THREADS;
        list_init(&domains[d].threads);
        line_init(&domains[d].sleepers);
    }
    kernel_lock = (struct spinlock)SPINLOCK_SHARED;
    thread_count = 0;
    armed = 0;
    is_interrupted = false;
    step_ticks = 0;
    now = 1000;
    deadline_ns = 0;
    waits = 0;
    assignments = 0;
    fake_ttbr = 0;
    random_state = 17;
    scheduler_init();
    cpu.switched_at_ticks = now;
    return 0;
}

static struct thread *add(uint32_t priority)
{
    struct thread *thread;

    assert_int_equal(
        thread_create(&domains[thread_count % 3], 0x4000, 0x8000, 0, priority, &thread), STATUS_OK);
    threads[thread_count++] = thread;
    return thread;
}

/* Leave the kernel, and come back as long as there is work; whoever runs then. */
static struct thread *leave(void)
{
    struct thread *thread;

    do {
        messages = 0;
        spinlock_lock(&kernel_lock);
        thread = thread_of_cross(scheduler_leave());
    } while (messages > 0);

    assert_false(spinlock_is_held(&kernel_lock));
    assert_ptr_equal(thread, cpu.current);
    assert_int_equal(thread->state, THREAD_STATE_RUNNING);
    assert_false(list_node_is_linked(&thread->run_node));
    assert_int_equal(cpu.exit_work, deferred_is_empty() ? 0 : EXIT_REAP);
    assert_true(fake_ttbr == thread_domain(thread)->cross.ttbr && fake_ttbr != 0);
    for (unsigned p = 0; p < PRIORITY_COUNT; p++)
        assert_int_equal(cpu.ready_mask >> p & 1, !list_is_empty(&cpu.ready[p]));
    return thread;
}

/* Time passes at EL0, until the timer interrupts, if it does. */
static void run(uint64_t ticks)
{
    const uint64_t end = now + ticks;

    if (deadline_ns != 0 && deadline_ns <= end * TICK_NS) {
        const uint64_t due = (deadline_ns + TICK_NS - 1) / TICK_NS;
        now = due > now ? due : now;
        scheduler_on_timer();
        return;
    }
    now = end;
}

/*
 * The timer interrupts at `when_ns`, or earlier: a deadline that is due no more is not worth moving
 * the timer.
 */
static bool timer_is_set_by(nsec_t when_ns)
{
    return deadline_ns != 0 && deadline_ns <= when_ns;
}

static void block(struct thread *thread)
{
    thread_block(thread, THREAD_STATE_SLEEPING, DEADLINE_NEVER);
}

static void the_most_urgent_runs_and_equals_in_their_order(void **state)
{
    static const uint32_t priorities[] = {5, 63, 0, 5, 63, 31, 0};
    static const unsigned order[] = {1, 4, 5, 0, 3, 2, 6};

    (void)state;
    for (unsigned i = 0; i < 7; i++)
        (void)add(priorities[i]);
    for (unsigned i = 0; i < 7; i++) {
        assert_ptr_equal(leave(), threads[order[i]]);
        assert_ptr_equal(leave(), threads[order[i]]); /* and goes on */
        if (i < 6)
            block(threads[order[i]]);
    }
}

static void a_more_urgent_one_takes_over_at_once(void **state)
{
    (void)state;
    struct thread *low = add(10);
    assert_ptr_equal(leave(), low);
    run(100);
    struct thread *high = add(11);
    assert_int_equal(cpu.exit_work, EXIT_SCHEDULE);
    assert_ptr_equal(leave(), high);
    assert_int_equal(low->state, THREAD_STATE_READY);
    struct thread *lower = add(9);
    assert_ptr_equal(leave(), high);
    block(high);
    assert_ptr_equal(leave(), low);
    block(low);
    assert_ptr_equal(leave(), lower);
}

static void a_preempted_one_goes_on_first_with_what_is_left_of_its_turn(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    run(SLICE / 4);
    struct thread *urgent = add(20);
    assert_ptr_equal(leave(), urgent);
    run(3 * SLICE); /* its own time, not theirs */
    block(urgent);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == (now + SLICE - SLICE / 4) * TICK_NS + 1);
    run(SLICE / 2);
    assert_ptr_equal(leave(), first);
    run(SLICE);
    assert_ptr_equal(leave(), second);
    assert_true(deadline_ns == (now + SLICE) * TICK_NS + 1);
    run(SLICE + 1);
    assert_ptr_equal(leave(), first); /* whole again */
    assert_true(deadline_ns == (now + SLICE) * TICK_NS + 1);
}

static void one_that_is_preempted_when_its_turn_is_over_goes_last(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    now += SLICE + 1;
    struct thread *urgent = add(20);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), second);
    block(second);
    assert_ptr_equal(leave(), first);
}

static void whoever_yields_goes_last(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)add(10);
    struct thread *low = add(3);
    for (unsigned i = 0; i < 9; i++) {
        assert_ptr_equal(leave(), threads[i % 3]);
        scheduler_yield(threads[i % 3]);
    }
    for (unsigned i = 0; i < 3; i++)
        block(leave());
    assert_ptr_equal(leave(), low);
    scheduler_yield(low);
    assert_ptr_equal(leave(), low); /* to nobody */
}

static void equals_take_turns_and_a_lone_one_needs_no_timer(void **state)
{
    (void)state;
    struct thread *first = add(10);
    (void)add(4);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == 0);
    run(5 * SLICE);
    assert_ptr_equal(leave(), first);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), second); /* the first has had more than a turn */
    for (unsigned i = 0; i < 6; i++) {
        assert_true(timer_is_set_by((now + SLICE) * TICK_NS + 1));
        run(SLICE + 1);
        assert_ptr_equal(leave(), i % 2 == 0 ? first : second);
    }
}

/* Its last turn may be long over; it waited since, and nobody else ran. */
static void whoever_waited_begins_a_whole_turn(void **state)
{
    (void)state;
    struct thread *first = add(10);
    assert_ptr_equal(leave(), first);
    thread_block(first, THREAD_STATE_SLEEPING, timer_now_ns() + 100 * (nsec_t)THREAD_SLICE_NS);
    assert_ptr_equal(leave(), first);
    assert_int_equal(waits, 1);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    assert_true(timer_is_set_by((now + SLICE) * TICK_NS + 1));
    run(SLICE + 1);
    assert_ptr_equal(leave(), second);
}

static void a_priority_can_change_in_the_queue(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        (void)add(10);
    assert_ptr_equal(leave(), threads[0]);
    priority_set_base(threads[2], 12);
    assert_true(cpu.ready_mask == (BIT(10) | BIT(12)));
    assert_ptr_equal(leave(), threads[2]);
    priority_set_base(threads[2], 8); /* the one that runs */
    assert_ptr_equal(leave(), threads[0]);
    priority_set_base(threads[1], 8);
    priority_set_base(threads[3], 8);
    assert_true(cpu.ready_mask == BIT(8));
    block(threads[0]);
    assert_ptr_equal(leave(), threads[2]);
    block(threads[2]);
    assert_ptr_equal(leave(), threads[1]);
    block(threads[1]);
    assert_ptr_equal(leave(), threads[3]);
    assert_true(cpu.ready_mask == 0);
}

static void one_that_waits_gets_its_new_priority_when_it_wakes(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    block(first);
    assert_ptr_equal(leave(), second);
    priority_set_base(first, 11);
    assert_true(cpu.ready_mask == 0);
    thread_wake(first, STATUS_OK);
    assert_ptr_equal(leave(), first);
}

static void waits_end_at_their_deadlines_in_order(void **state)
{
    (void)state;
    struct thread *idle = add(0);
    for (unsigned i = 0; i < 5; i++) {
        struct thread *sleeper = add(20 + i);
        assert_ptr_equal(leave(), sleeper);
        thread_block(sleeper, THREAD_STATE_SLEEPING,
                     timer_now_ns() + 1000 * (nsec_t)(1 + i * 3 % 5));
    }
    assert_ptr_equal(leave(), idle);
    nsec_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(deadline_ns > last);
        last = deadline_ns;
        run(UINT32_MAX);
        struct thread *woken = leave();
        assert_ptr_not_equal(woken, idle);
        assert_int_equal(woken->cross.regs.x[0], STATUS_OK);
        assert_true(timer_now_ns() >= last);
        block(woken);
        assert_ptr_equal(leave(), idle);
    }
    assert_true(deadline_ns == 0);
}

static void a_timer_that_is_early_costs_an_interrupt_and_changes_nothing(void **state)
{
    (void)state;
    struct thread *sleeper = add(30);
    struct thread *first = add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + THREAD_SLICE_NS / 2);
    assert_ptr_equal(leave(), first);
    const nsec_t early = deadline_ns;
    thread_wake(sleeper, STATUS_OK);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + 2 * (nsec_t)THREAD_SLICE_NS);
    const nsec_t late = sleeper->timeout.deadline_ns;
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == early && early < late);
    run(SLICE);
    assert_ptr_equal(leave(), first);
    assert_int_equal(sleeper->state, THREAD_STATE_PARKED);
    assert_true(deadline_ns == late);
    run(3 * SLICE);
    assert_ptr_equal(leave(), sleeper);
    assert_true(timer_now_ns() >= late);
}

static void a_waiter_takes_over_if_it_is_more_urgent(void **state)
{
    (void)state;
    struct thread *urgent = add(30);
    struct thread *low = add(10);
    assert_ptr_equal(leave(), urgent);
    for (unsigned round = 0; round < 3; round++) {
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_WAITING_EVENT, DEADLINE_NEVER), low);
        assert_false(spinlock_is_held(&kernel_lock));
        assert_ptr_equal(cpu.current, low);
        assert_int_equal(low->state, THREAD_STATE_RUNNING);
        assert_true(fake_ttbr == low->home->cross.ttbr);
        low->cross.is_lazy = 1;
        now += 100;
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wake(low, urgent), urgent);
        assert_false(spinlock_is_held(&kernel_lock));
        assert_int_equal(urgent->state, THREAD_STATE_RUNNING);
        assert_int_equal(low->state, THREAD_STATE_READY);
        assert_int_equal(armed, round + 1); /* it left the CPU with a deadline written down */
        assert_int_equal(thread_cpu_time_ns(low), (round + 1) * 100 * TICK_NS);
        assert_ptr_equal(leave(), urgent);
    }
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_WAITING_EVENT, DEADLINE_NEVER), low);
    low->priority = 40;
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wake(low, urgent), low);
    assert_int_equal(urgent->state, THREAD_STATE_READY);
}

static void the_timer_is_for_whichever_comes_first(void **state)
{
    (void)state;
    struct thread *sleeper = add(30);
    struct thread *first = add(10);
    (void)add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + THREAD_SLICE_NS / 2);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns == timer_now_ns() + THREAD_SLICE_NS / 2);
    run(SLICE);
    assert_ptr_equal(leave(), sleeper);
    assert_int_equal(sleeper->cross.regs.x[0], STATUS_TIMED_OUT);
    thread_block(sleeper, THREAD_STATE_PARKED, timer_now_ns() + 3 * (nsec_t)THREAD_SLICE_NS);
    assert_ptr_equal(leave(), first);
    assert_true(deadline_ns < timer_now_ns() + THREAD_SLICE_NS);
    thread_wake(sleeper, STATUS_OK);
    assert_false(timeout_is_armed(&sleeper->timeout));
}

static void while_nobody_is_ready_the_cpu_shows_no_view_and_counts_idle_time(void **state)
{
    (void)state;
    struct thread *only = add(10);
    assert_ptr_equal(leave(), only);
    run(700);
    thread_block(only, THREAD_STATE_SLEEPING, timer_now_ns() + 5000 * TICK_NS);
    assert_ptr_equal(leave(), only); /* wfi() looked at the view */
    assert_int_equal(waits, 1);
    assert_int_equal(cpu.idle_ticks, 5000);
    run(300);
    assert_int_equal(thread_cpu_time_ns(only), (700 + 300) * TICK_NS);
}

static void a_domain_gets_an_asid_when_it_is_entered_without(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(10);
    assert_ptr_equal(leave(), first);
    assert_ptr_equal(leave(), first);
    assert_int_equal(assignments, 1);
    first->home->cross.ttbr = 0; /* taken away meanwhile */
    assert_ptr_equal(leave(), first);
    assert_int_equal(assignments, 2);
    scheduler_yield(first);
    assert_ptr_equal(leave(), second);
    assert_int_equal(assignments, 3);
    assert_true(fake_ttbr == second->home->cross.ttbr);
}

static void each_thread_has_its_own_thread_pointer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        (void)add(10);
    for (unsigned i = 0; i < 9; i++) {
        struct thread *thread = leave();
        assert_true(tpidr_el0 == (i < 3 ? 0 : thread->id * 1000));
        tpidr_el0 = thread->id * 1000;
        scheduler_yield(thread);
    }
}

static void an_ended_thread_is_freed_when_another_runs(void **state)
{
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(5);
    assert_ptr_equal(leave(), first);
    object_put(&first->object); /* the creator's */
    thread_end(first);
    assert_int_equal(domains[0].used.threads, 0);
    assert_int_equal(domains[0].object.uses, 1); /* the CPU still has it */
    assert_ptr_equal(leave(), second);
    assert_int_equal(domains[0].object.uses, 0);
}

/* It has given way to another, and waits for a CPU that is free; its registers are still here. */
static void one_that_ends_on_its_way_to_another_cpu_is_freed_when_this_one_is_done(void **state)
{
    static struct cpu other;
    (void)state;
    struct thread *first = add(10);
    struct thread *second = add(5);
    assert_ptr_equal(leave(), first);
    object_put(&first->object); /* the creator's */
    list_init(&other.ready[10]);
    first->state = THREAD_STATE_READY;
    first->cpu = &other;
    list_push_back(&other.ready[10], &first->run_node);
    thread_end(first);
    assert_true(list_is_empty(&other.ready[10]));
    assert_int_equal(domains[0].object.uses, 1); /* this CPU still has it */
    assert_ptr_equal(leave(), second);
    assert_int_equal(domains[0].object.uses, 0);
}

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static unsigned index_of(const struct thread *thread)
{
    unsigned i = 0;

    while (threads[i] != thread)
        i++;
    return i;
}

/* ---- budgets ---- */

enum { BUDGET_NS = 2000000, PERIOD_NS = 10000000 };
enum { BUDGET = BUDGET_NS / TICK_NS, PERIOD = PERIOD_NS / TICK_NS };

/* Let time pass, as the timer has it, until there is somebody new to run. */
static struct thread *next_after(const struct thread *current)
{
    struct thread *next;

    do {
        assert_true(deadline_ns != 0);
        run(UINT32_MAX);
        next = leave();
    } while (next == current);
    return next;
}

static void used_up_budget_is_background_until_the_period_ends(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    const uint64_t begin = now;

    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    for (unsigned period = 0; period < 5; period++) {
        assert_ptr_equal(next_after(high), low);
        assert_true(now >= begin + period * PERIOD + BUDGET);
        assert_true(now <= begin + period * PERIOD + BUDGET + 1 + period);
        assert_int_equal(high->priority, 0);
        assert_int_equal(high->base_priority, 30);
        assert_ptr_equal(next_after(low), high);
        assert_true(now >= begin + (period + 1) * PERIOD);
        assert_true(now <= begin + (period + 1) * PERIOD + 1);
        assert_int_equal(high->priority, 30);
    }
    budget_set(high, 0, 0);
    assert_ptr_equal(leave(), high);
    assert_int_equal(high->budget_end, 0);
    assert_false(timeout_is_armed(&high->budget.replenishment));
}

static void alone_it_goes_on_and_the_timer_only_knows_the_period(void **state)
{
    unsigned interrupts = 0;

    (void)state;
    struct thread *only = add(30);
    budget_set(only, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), only);
    for (const uint64_t end = now + 20 * PERIOD; now < end; interrupts++) {
        assert_true(deadline_ns != 0);
        run(UINT32_MAX);
        assert_ptr_equal(leave(), only);
    }
    assert_true(interrupts >= 39 && interrupts <= 41);
    assert_int_equal(waits, 0);
}

/* A period begins when the last is over and its budget used up: not by the clock. */
static void who_stays_within_its_budget_is_never_in_the_background(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    for (unsigned period = 0; period < 50; period++) {
        for (const uint64_t end = now + BUDGET * 9 / 10; now < end;) {
            run(end - now);
            assert_ptr_equal(leave(), high);
            assert_int_equal(high->priority, 30);
        }
        thread_block(high, THREAD_STATE_SLEEPING, timer_now_ns() + PERIOD_NS);
        assert_ptr_equal(leave(), low);
        assert_ptr_equal(next_after(low), high);
    }
}

static void whoever_waits_meanwhile_comes_back_with_a_new_budget(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    block(low);
    assert_ptr_equal(leave(), high);
    thread_block(high, THREAD_STATE_SLEEPING, begin + PERIOD_NS / 2);
    thread_wake(low, STATUS_OK);
    assert_ptr_equal(leave(), low);
    while (timer_now_ns() + 2000 * TICK_NS < begin + PERIOD_NS) {
        run(1000);
        (void)leave();
        assert_int_equal(high->priority, 0);
    }
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    assert_int_equal(high->priority, 30);
    assert_true(timer_is_set_by(timer_now_ns() + BUDGET_NS + TICK_NS));
}

static void budget_set_anew_goes_on_with_its_period(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    run(BUDGET / 2);
    budget_set(high, 2 * BUDGET_NS, 2 * PERIOD_NS); /* while it runs */
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + 2 * BUDGET_NS + 3 * TICK_NS);
    budget_set(high, 3 * BUDGET_NS, 2 * PERIOD_NS); /* while it is used up */
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + 3 * BUDGET_NS + 4 * TICK_NS);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), low);
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS
                && timer_now_ns() < begin + PERIOD_NS + 2 * TICK_NS);
}

/* What was used stays used, also by one that has had a narrower budget since. */
static void budget_does_not_come_back_by_being_narrowed(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const nsec_t begin = timer_now_ns();
    assert_ptr_equal(leave(), high);
    run(BUDGET * 3 / 4);
    budget_set(high, BUDGET_NS_MIN, PERIOD_NS); /* while it runs */
    assert_ptr_equal(leave(), low);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    assert_ptr_equal(next_after(high), low);
    assert_true(timer_now_ns() < begin + BUDGET_NS + 3 * TICK_NS);
    budget_set(high, BUDGET_NS_MIN, PERIOD_NS); /* while it is used up */
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), low);
    assert_int_equal(high->priority, 0);
    assert_ptr_equal(next_after(low), high);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    assert_ptr_equal(next_after(high), low); /* and a whole one then */
    assert_true(timer_now_ns() >= begin + PERIOD_NS + BUDGET_NS - 2 * TICK_NS);
}

/* From a signal to its waiter and back there is no queue and no look at the timer. */
static void suspended_one_has_its_budget_looked_after(void **state)
{
    (void)state;
    struct thread *urgent = add(40);
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), high);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(timer_is_set_by((now + BUDGET - high->cpu_ticks + 1) * TICK_NS));
        run(BUDGET / 20);
        assert_ptr_equal(leave(), high); /* if the timer was early */
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(thread_of_cross(scheduler_wake(high, urgent)), urgent);
        now += BUDGET / 5; /* not its time */
        spinlock_lock(&kernel_lock);
        assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_PARKED, DEADLINE_NEVER), &high->cross);
    }
    const uint64_t left = BUDGET - high->cpu_ticks;
    const uint64_t resumed = now;
    assert_ptr_equal(next_after(high), low);
    assert_true(now <= resumed + left + 2);
}

static void waiter_that_takes_over_has_its_budget_looked_after(void **state)
{
    (void)state;
    struct thread *urgent = add(40);
    struct thread *low = add(10);
    budget_set(urgent, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), urgent);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wait(urgent, THREAD_STATE_PARKED, DEADLINE_NEVER), &low->cross);
    run(UINT32_MAX); /* the timer was early */
    assert_ptr_equal(leave(), low);
    assert_true(deadline_ns == 0);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(scheduler_wake(low, urgent), &urgent->cross);
    assert_true(timer_is_set_by(timer_now_ns() + BUDGET_NS + TICK_NS));
}

static void new_threads_of_a_limited_domain_inherit_what_ended_ones_used(void **state)
{
    (void)state;
    domains[1].budget.budget_ns = BUDGET_NS;
    domains[1].budget.period_ns = PERIOD_NS;
    struct thread *free = add(10);
    struct thread *limited = add(30); /* of domains[1] */
    const nsec_t begin = timer_now_ns();
    assert_int_equal(free->budget_end, 0);
    assert_ptr_equal(leave(), limited);
    run(BUDGET * 3 / 4);
    thread_end(limited);
    assert_ptr_equal(leave(), free);
    thread_count++; /* the next is of domains[1] again */
    thread_count++;
    struct thread *second = add(30);
    thread_count -= 2;
    assert_ptr_equal(leave(), second);
    assert_ptr_equal(next_after(second), free);
    assert_true(timer_now_ns() < begin + BUDGET_NS + 3 * TICK_NS);
    assert_ptr_equal(next_after(free), second);
    assert_true(timer_now_ns() >= begin + PERIOD_NS);
    thread_end(second);
    assert_ptr_equal(leave(), free);
    object_put(&limited->object);
    object_put(&second->object);
}

/* Another CPU ended it while this one waited for the lock, with the timer's interrupt in hand. */
static void budget_that_ends_with_its_thread_never_comes_back(void **state)
{
    (void)state;
    struct thread *high = add(30);
    struct thread *low = add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    assert_ptr_equal(leave(), high);
    now += BUDGET;
    thread_end(high);
    scheduler_on_timer();
    assert_false(timeout_is_armed(&high->budget.replenishment));
    assert_ptr_equal(leave(), low);
    object_put(&high->object);
}

/* At its priority it never has more than a budget for each period that has begun, and one. */
static void random_use_stays_below_budget_by_period(void **state)
{
    (void)state;
    struct thread *high = add(30);
    (void)add(10);
    budget_set(high, BUDGET_NS, PERIOD_NS);
    const uint64_t begin = now;
    uint64_t urgent = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        const struct thread *current = leave();
        const bool counts = current == high && high->priority == 30;
        const uint64_t before = now;
        run(1 + random_below(BUDGET / 3));
        urgent += counts ? now - before : 0;
        assert_true(urgent <= ((now - begin) / PERIOD + 2) * (BUDGET + 2));
        if (current == high && random_below(4) == 0)
            thread_block(high, THREAD_STATE_SLEEPING, timer_now_ns() + random_below(2 * PERIOD_NS));
    }
    assert_true(urgent > (now - begin) / PERIOD * BUDGET / 4);
}

/* ---- lending ---- */

enum { PORTALS = 6, STACKS = 3 };

static struct portal portals[PORTALS];
static struct record records[PORTALS][STACKS];

static void portals_make(void)
{
    memset(portals, 0, sizeof(portals));
    memset(records, 0, sizeof(records));
    for (unsigned p = 0; p < PORTALS; p++) {
        list_init(&portals[p].records);
        line_init(&portals[p].waiting);
        for (unsigned i = 0; i < 1 + p % STACKS; i++) {
            records[p][i].portal = &portals[p];
            list_push_back(&portals[p].records, &records[p][i].portal_node);
        }
    }
}

static struct record *record_free(const struct portal *portal)
{
    LIST_FOR_EACH (node, &portal->records) {
        struct record *record = LIST_ENTRY(node, struct record, portal_node);
        if (record->cross.thread == NULL)
            return record;
    }
    return NULL;
}

/* As a call does it; true if it has a stack. */
static bool call(struct thread *thread, struct portal *portal)
{
    struct record *record = record_free(portal);

    if (record != NULL) {
        record->cross.thread = &thread->cross;
        return true;
    }
    line_join(&portal->waiting, &thread->waiter, thread->priority);
    thread->waiting_portal = portal;
    LIST_FOR_EACH (node, &portal->records)
        priority_want(LIST_ENTRY(node, struct record, portal_node));
    priority_lend(portal);
    if (scheduler_has_queued(thread))
        scheduler_dequeue(thread);
    thread_block(thread, THREAD_STATE_WAITING_PORTAL, DEADLINE_NEVER);
    return false;
}

static void give_back(struct record *record)
{
    struct waiter *first = line_first(&record->portal->waiting);

    if (list_node_is_linked(&record->wanted_node))
        priority_unwant(record, thread_of_cross(record->cross.thread));
    record->cross.thread = NULL;
    if (first == NULL)
        return;
    struct thread *next = LIST_ENTRY(first, struct thread, waiter);
    thread_unqueue(next);
    record->cross.thread = &next->cross;
    if (!line_is_empty(&record->portal->waiting))
        priority_want(record);
    thread_make_ready(next);
}

/* What is deferred is done, whoever is to run. */
static void settle(void)
{
    while (!deferred_is_empty())
        (void)deferred_some(cpu_self(), -1);
}

static void holder_inherits_until_it_gives_the_stack_back(void **state)
{
    (void)state;
    portals_make();
    struct thread *high = add(30);
    struct thread *middle = add(20);
    struct thread *low = add(10);
    block(high);
    block(middle);
    scheduler_dequeue(high);
    scheduler_dequeue(middle);
    assert_ptr_equal(leave(), low);
    assert_true(call(low, &portals[0]));
    thread_wake(middle, STATUS_OK);
    thread_wake(high, STATUS_OK);
    assert_ptr_equal(leave(), high);
    assert_false(call(high, &portals[0]));
    assert_ptr_equal(leave(), low);
    assert_int_equal(low->priority, 30);
    give_back(&records[0][0]);
    assert_int_equal(low->priority, 10);
    assert_ptr_equal(leave(), high);
    assert_true(records[0][0].cross.thread == &high->cross);
    block(high);
    assert_ptr_equal(leave(), middle);
}

/* Whoever waits in a ring passes a loan on, once; when somebody leaves it is taken back. */
static void ring_of_waiters_settles(void **state)
{
    (void)state;
    portals_make();
    (void)add(0);
    struct thread *first = add(10);
    struct thread *second = add(12);
    struct thread *third = add(30);
    assert_ptr_equal(leave(), third);
    assert_true(call(first, &portals[0]) && call(second, &portals[3]));
    assert_false(call(first, &portals[3]) || call(second, &portals[0]));
    assert_ptr_equal(leave(), third);
    assert_int_equal(first->priority, 10); /* whoever is more urgent goes first */
    settle();
    assert_int_equal(first->priority, 12);
    assert_false(call(third, &portals[0]));
    assert_ptr_equal(leave(), threads[0]);
    assert_int_equal(first->priority, 30);
    assert_int_equal(second->priority, 30);
    portal_fail_waiting(second, STATUS_TIMED_OUT);
    assert_ptr_equal(leave(), second);
    assert_int_equal(second->priority, 30); /* its stack is wanted by the first, that one's by it */
    give_back(&records[3][0]);
    assert_int_equal(second->priority, 12);
    assert_ptr_equal(leave(), first);
    assert_int_equal(first->priority, 30);
    give_back(&records[0][0]);
    assert_int_equal(first->priority, 10);
}

/* Interrupts without a pause: in a domain of a usual size a sleeper lends all the same. */
static void sleeper_lends_under_a_flood_of_interrupts(void **state)
{
    (void)state;
    struct thread *high = add(30); /* of the first of three domains, as is every third one */
    for (unsigned i = 1; i < THREADS; i++)
        (void)add(10);
    for (unsigned d = 0; d < 3; d++)
        list_init(&domains[d].belongings);
    struct thread *low = threads[3];
    low->stack_top = 0x9000;
    assert_ptr_equal(leave(), high);
    is_interrupted = true;
    assert_int_equal(thread_park(high, 0x100, DEADLINE_NEVER, 0x8ff0), STATUS_OK);
    is_interrupted = false;
    settle();
    assert_int_equal(low->priority, 30);
    assert_ptr_equal(leave(), low);
}

static void step_of_many(struct deferred *deferred)
{
    now += step_ticks;
    if (--steps_left > 0)
        deferred_add(deferred, step_of_many, 31);
}

/*
 * While an interrupt is pending no message is sent for deferred work to go on, since the interrupt
 * brings the CPU back as well; one that is served between threads that leave the queues doesn't.
 */
static void served_interrupt_is_no_message(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *stopped = add(30);
    struct thread *other = add(10);
    domains[0].state = DOMAIN_STATE_STOPPED;
    steps_left = 5;
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    is_interrupted = true;
    messages = 0;
    assert_ptr_equal(thread_of_cross(scheduler_leave()), other);
    assert_int_equal(stopped->state, THREAD_STATE_STOPPED);
    assert_false(is_interrupted);
    assert_false(deferred_is_empty());
    assert_int_equal(messages, 1);
    assert_ptr_equal(leave(), other);
    assert_int_equal(steps_left, 0);
}

/* Neither is one sent while a deadline is due: the timer interrupts at once. */
static void deadline_that_is_due_is_no_message(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *sleeper = add(40);
    struct thread *other = add(10);
    assert_ptr_equal(leave(), sleeper);
    thread_block(sleeper, THREAD_STATE_SLEEPING, timer_now_ns() + 100 * TICK_NS);
    assert_ptr_equal(leave(), other);
    steps_left = 5;
    now += 101; /* in the kernel, say, after the timer was looked at */
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    messages = 0;
    assert_ptr_equal(thread_of_cross(scheduler_leave()), other);
    assert_int_equal(steps_left, 4);
    assert_int_equal(messages, 0);
    assert_true(timer_is_set_by(timer_now_ns()));
    run(1);
    spinlock_lock(&kernel_lock);
    assert_ptr_equal(thread_of_cross(scheduler_leave()), sleeper);
    assert_int_equal(steps_left, 4); /* it goes first */
    block(sleeper);
    assert_ptr_equal(leave(), other);
    assert_int_equal(steps_left, 0);
}

static void who_is_woken_from_idleness_goes_before_what_is_deferred(void **state)
{
    static struct deferred many;

    (void)state;
    struct thread *only = add(40);
    assert_ptr_equal(leave(), only);
    thread_block(only, THREAD_STATE_SLEEPING, timer_now_ns() + 2500 * TICK_NS);
    steps_left = 100;
    step_ticks = 1000;
    spinlock_lock(&kernel_lock);
    deferred_add(&many, step_of_many, 31);
    assert_ptr_equal(thread_of_cross(scheduler_leave()), only);
    assert_int_equal(100 - steps_left, 3); /* the third was under way */
    settle();
}

/* Of many deadlines that are due, each is followed by a pause; not if another's is worth more. */
static void more_urgent_deadline_ends_a_pause(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct thread *low = add(1);
        assert_ptr_equal(leave(), low);
        thread_block(low, THREAD_STATE_SLEEPING, 2000 * TICK_NS);
    }
    struct thread *urgent = add(60);
    assert_ptr_equal(leave(), urgent);
    thread_block(urgent, THREAD_STATE_SLEEPING, 2003 * TICK_NS);
    struct thread *other = add(40);
    assert_ptr_equal(leave(), other);
    run(1000);
    assert_int_equal(now, 2000);
    assert_ptr_equal(leave(), other);
    assert_true(deadline_ns == 2003 * TICK_NS);
    run(1000);
    assert_int_equal(now, 2003);
    assert_ptr_equal(leave(), urgent);
    assert_true(deadline_ns > timer_now_ns() && deadline_ns <= timer_now_ns() + 1000 * TICK_NS);
}

/* One that is less urgent than who runs doesn't end it, whatever else is due. */
static void less_urgent_deadlines_keep_their_pauses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct thread *sleeper = add(i == 0 ? 1 : 20);
        assert_ptr_equal(leave(), sleeper);
        thread_block(sleeper, THREAD_STATE_SLEEPING, (i == 0 ? 1999 : 2000) * TICK_NS);
    }
    struct thread *urgent = add(60);
    struct thread *other = add(40);
    assert_ptr_equal(leave(), urgent);
    block(urgent);
    assert_ptr_equal(leave(), other);
    now = 2005;
    scheduler_on_timer();
    assert_ptr_equal(leave(), other);
    assert_true(deadline_ns > timer_now_ns() + 10 * TICK_NS);
    /* Who sets one now is told in time. */
    thread_wake(urgent, STATUS_OK);
    assert_ptr_equal(leave(), urgent);
    thread_block(urgent, THREAD_STATE_SLEEPING, timer_now_ns() + 3 * TICK_NS);
    assert_ptr_equal(leave(), other);
    assert_true(timer_is_set_by(timer_now_ns() + 3 * TICK_NS));
}

/* What all priorities ought to be: what is lent goes on until nothing changes. */
static void model_priorities(uint32_t *expected)
{
    for (unsigned t = 0; t < THREADS; t++)
        expected[t] = budget_is_used_up(threads[t]) ? 0 : threads[t]->base_priority;
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned t = 0; t < THREADS; t++) {
            if (threads[t]->waiting_portal == NULL)
                continue;
            LIST_FOR_EACH (node, &threads[t]->waiting_portal->records) {
                const struct record *record = LIST_ENTRY(node, struct record, portal_node);
                const struct thread *holder = thread_of_cross(record->cross.thread);
                uint32_t *of_holder = &expected[index_of(holder)];
                if (budget_is_used_up(holder) || *of_holder >= expected[t])
                    continue;
                *of_holder = expected[t];
                changed = true;
            }
        }
    }
}

static void check_lending(void)
{
    uint32_t expected[THREADS];

    model_priorities(expected);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_int_equal(threads[t]->priority, expected[t]);
        if (threads[t]->waiting_portal != NULL)
            assert_int_equal(threads[t]->waiter.urgency, expected[t]);
    }
}

/* The highest portal of which it has a stack: it only calls higher ones, so there are no rings. */
static int highest_held(const struct thread *thread, struct record **record)
{
    for (int p = PORTALS - 1; p >= 0; p--)
        for (unsigned i = 0; i < STACKS; i++)
            if (records[p][i].cross.thread == &thread->cross) {
                *record = &records[p][i];
                return p;
            }
    return -1;
}

static void lend_random(struct thread *thread)
{
    struct record *held = NULL;
    const int highest = highest_held(thread, &held);
    const bool is_waiting = thread->waiting_portal != NULL;

    switch (random_below(6)) {
    case 0:
    case 1:
    case 2:
        if (!is_waiting && highest + 1 < PORTALS)
            (void)call(
                thread,
                &portals[highest + 1 + (int)random_below((uint32_t)(PORTALS - highest - 1))]);
        break;
    case 3:
        if (is_waiting)
            portal_fail_waiting(thread, STATUS_TIMED_OUT);
        else if (held != NULL)
            give_back(held);
        break;
    case 4:
        priority_set_base(thread, random_below(8));
        break;
    default:
        thread->budget.ticks = thread->budget.ticks == 0 && random_below(3) == 0;
        priority_update(thread);
        break;
    }
}

static void random_lending_matches_the_model(void **state)
{
    (void)state;
    portals_make();
    for (unsigned i = 0; i < THREADS; i++)
        (void)add(i % 8);
    for (unsigned step = 0; step < STEPS; step++) {
        lend_random(threads[1 + random_below(THREADS - 1)]);
        (void)leave();
        settle();
        check_lending();
    }
}

/* The model: the queues as they ought to be. */
static struct {
    struct thread *queue[PRIORITY_COUNT][THREADS];
    unsigned count[PRIORITY_COUNT];
    struct thread *current;
    uint64_t turn_end;
    uint64_t left[THREADS];
} model;

static void model_insert(struct thread *thread, bool first)
{
    struct thread **queue = model.queue[thread->priority];
    unsigned *count = &model.count[thread->priority];

    if (first)
        memmove(queue + 1, queue, *count * sizeof(*queue));
    queue[first ? 0 : *count] = thread;
    ++*count;
}

static bool model_remove(struct thread *thread)
{
    struct thread **queue = model.queue[thread->priority];
    unsigned *count = &model.count[thread->priority];

    for (unsigned i = 0; i < *count; i++) {
        if (queue[i] != thread)
            continue;
        memmove(queue + i, queue + i + 1, (*count - i - 1) * sizeof(*queue));
        --*count;
        return true;
    }
    return false;
}

static int model_best(void)
{
    for (int p = PRIORITY_COUNT - 1; p >= 0; p--)
        if (model.count[p] > 0)
            return p;
    return -1;
}

/* Who is to run, after the one that ran goes on, or not. */
static struct thread *model_leave(void)
{
    struct thread *current = model.current;
    const int best = model_best();

    if (current != NULL) {
        const int own = (int)current->priority;
        const bool over = now >= model.turn_end;
        if (best < own || (best == own && !over))
            return current;
        if (!over)
            model.left[index_of(current)] = model.turn_end - now;
        model_insert(current, !over);
    }
    struct thread *next = model.queue[best][0];
    (void)model_remove(next);
    model.current = next;
    uint64_t *left = &model.left[index_of(next)];
    model.turn_end = now + (*left != 0 ? *left : SLICE);
    *left = 0;
    return next;
}

static void check_queues(void)
{
    for (unsigned p = 0; p < PRIORITY_COUNT; p++) {
        unsigned i = 0;
        LIST_FOR_EACH (node, &cpu.ready[p]) {
            assert_true(i < model.count[p]);
            assert_ptr_equal(LIST_ENTRY(node, struct thread, run_node), model.queue[p][i]);
            i++;
        }
        assert_int_equal(i, model.count[p]);
    }
}

static void step_random(void)
{
    struct thread *any = threads[1 + random_below(THREADS - 1)];
    struct thread *current = cpu.current;

    switch (random_below(5)) {
    case 0:
        now += random_below(SLICE / 2);
        break;
    case 1: /* the idle one never waits */
        if (current != threads[0]) {
            block(current);
            model.current = NULL;
        }
        break;
    case 2:
        if (any->state == THREAD_STATE_PARKED) {
            thread_wake(any, STATUS_OK);
            model_insert(any, false);
        }
        break;
    case 3:
        scheduler_yield(current);
        model_insert(current, false);
        model.current = NULL;
        break;
    default: {
        const uint32_t priority = 1 + random_below(6);
        const bool moves = priority != any->priority && model_remove(any);
        priority_set_base(any, priority);
        if (moves)
            model_insert(any, false);
        break;
    }
    }
}

static void random_steps_match_the_model(void **state)
{
    (void)state;
    memset(&model, 0, sizeof(model));
    for (unsigned d = 0; d < 3; d++)
        domains[d].limit.threads = THREADS;
    for (unsigned i = 0; i < THREADS; i++)
        model_insert(add(i == 0 ? 0 : 1 + i % 6), false);
    for (unsigned step = 0; step < STEPS; step++) {
        struct thread *expected = model_leave();
        assert_ptr_equal(leave(), expected);
        check_queues();
        /* With an equal waiting, the turn's end is the timer's. */
        if (model.count[expected->priority] > 0)
            assert_true(timer_is_set_by(model.turn_end * TICK_NS + 1));
        step_random();
    }
    uint64_t sum = cpu.idle_ticks;
    for (unsigned i = 0; i < THREADS; i++)
        sum += thread_cpu_time_ns(threads[i]) / TICK_NS;
    assert_int_equal(sum, now - 1000);
    assert_int_equal(waits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_most_urgent_runs_and_equals_in_their_order, setup),
        cmocka_unit_test_setup(a_more_urgent_one_takes_over_at_once, setup),
        cmocka_unit_test_setup(a_preempted_one_goes_on_first_with_what_is_left_of_its_turn, setup),
        cmocka_unit_test_setup(one_that_is_preempted_when_its_turn_is_over_goes_last, setup),
        cmocka_unit_test_setup(whoever_yields_goes_last, setup),
        cmocka_unit_test_setup(equals_take_turns_and_a_lone_one_needs_no_timer, setup),
        cmocka_unit_test_setup(whoever_waited_begins_a_whole_turn, setup),
        cmocka_unit_test_setup(a_priority_can_change_in_the_queue, setup),
        cmocka_unit_test_setup(one_that_waits_gets_its_new_priority_when_it_wakes, setup),
        cmocka_unit_test_setup(waits_end_at_their_deadlines_in_order, setup),
        cmocka_unit_test_setup(a_timer_that_is_early_costs_an_interrupt_and_changes_nothing, setup),
        cmocka_unit_test_setup(a_waiter_takes_over_if_it_is_more_urgent, setup),
        cmocka_unit_test_setup(the_timer_is_for_whichever_comes_first, setup),
        cmocka_unit_test_setup(while_nobody_is_ready_the_cpu_shows_no_view_and_counts_idle_time,
                               setup),
        cmocka_unit_test_setup(a_domain_gets_an_asid_when_it_is_entered_without, setup),
        cmocka_unit_test_setup(each_thread_has_its_own_thread_pointer, setup),
        cmocka_unit_test_setup(an_ended_thread_is_freed_when_another_runs, setup),
        cmocka_unit_test_setup(
            one_that_ends_on_its_way_to_another_cpu_is_freed_when_this_one_is_done, setup),
        cmocka_unit_test_setup(used_up_budget_is_background_until_the_period_ends, setup),
        cmocka_unit_test_setup(alone_it_goes_on_and_the_timer_only_knows_the_period, setup),
        cmocka_unit_test_setup(who_stays_within_its_budget_is_never_in_the_background, setup),
        cmocka_unit_test_setup(whoever_waits_meanwhile_comes_back_with_a_new_budget, setup),
        cmocka_unit_test_setup(budget_set_anew_goes_on_with_its_period, setup),
        cmocka_unit_test_setup(budget_does_not_come_back_by_being_narrowed, setup),
        cmocka_unit_test_setup(suspended_one_has_its_budget_looked_after, setup),
        cmocka_unit_test_setup(waiter_that_takes_over_has_its_budget_looked_after, setup),
        cmocka_unit_test_setup(new_threads_of_a_limited_domain_inherit_what_ended_ones_used, setup),
        cmocka_unit_test_setup(budget_that_ends_with_its_thread_never_comes_back, setup),
        cmocka_unit_test_setup(random_use_stays_below_budget_by_period, setup),
        cmocka_unit_test_setup(holder_inherits_until_it_gives_the_stack_back, setup),
        cmocka_unit_test_setup(ring_of_waiters_settles, setup),
        cmocka_unit_test_setup(sleeper_lends_under_a_flood_of_interrupts, setup),
        cmocka_unit_test_setup(served_interrupt_is_no_message, setup),
        cmocka_unit_test_setup(deadline_that_is_due_is_no_message, setup),
        cmocka_unit_test_setup(who_is_woken_from_idleness_goes_before_what_is_deferred, setup),
        cmocka_unit_test_setup(more_urgent_deadline_ends_a_pause, setup),
        cmocka_unit_test_setup(less_urgent_deadlines_keep_their_pauses, setup),
        cmocka_unit_test_setup(random_lending_matches_the_model, setup),
        cmocka_unit_test_setup(random_steps_match_the_model, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

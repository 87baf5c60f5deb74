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
#include "scheduler_fixture.h"

#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "core/interrupt.h"
#include "core/lifecycle.h"
#include "core/portal.h"
#include "core/priority.h"
#include "domains/asid.h"
#include "domains/segment.h"
#include "fake_frames.h"
#include "fake_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct cpu cpu;
struct domain domains[3];
struct thread *threads[THREADS];
unsigned thread_count;
uint64_t now;
nsec_t deadline_ns;
bool is_interrupted;
uint64_t tpidr_el0;
unsigned waits;
unsigned assignments;
unsigned armed;
unsigned messages;

static uint64_t random_state;

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

/* What the tests do. */

int setup(void **state)
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

struct thread *add(uint32_t priority)
{
    struct thread *thread;

    assert_int_equal(
        thread_create(&domains[thread_count % 3], 0x4000, 0x8000, 0, priority, &thread), STATUS_OK);
    threads[thread_count++] = thread;
    return thread;
}

unsigned index_of(const struct thread *thread)
{
    unsigned i = 0;

    while (threads[i] != thread)
        i++;
    return i;
}

struct thread *leave(void)
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

void run(uint64_t ticks)
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

bool timer_is_set_by(nsec_t when_ns)
{
    return deadline_ns != 0 && deadline_ns <= when_ns;
}

void block(struct thread *thread)
{
    thread_block(thread, THREAD_STATE_SLEEPING, DEADLINE_NEVER);
}

void settle(void)
{
    while (!deferred_is_empty())
        (void)deferred_some(cpu_self(), -1);
}

uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

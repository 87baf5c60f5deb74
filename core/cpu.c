#include "core/cpu.h"

#include "arch/crossing.h"
#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "base/assert.h"
#include "core/interrupt.h"
#include "core/scheduler.h"
#include "core/thread.h"
#include "domains/asid.h"
#include "domains/pool.h"

/* How long a CPU may take to come into the kernel; a busy host can stop a virtual one for long. */
#define HOLD_LIMIT_NS (UINT64_C(10) * 1000 * 1000 * 1000)
/* How long a CPU spins for the kernel lock before it sleeps. */
#define SPIN_NS (UINT64_C(20) * 1000)
/* How long the machine's last words wait for the other CPUs. */
#define STOP_LIMIT_NS (UINT64_C(100) * 1000 * 1000)

uint32_t kernel_lock_sleepers;

static struct cpu boot_cpu;
static struct pool cpu_pool; /* the others' */

/* Written at boot, before any thread runs. */
static struct cpu *cpus[CPU_MAX] = {&boot_cpu};
static uint32_t count = 1;
static uint32_t online_count = 1;

extern char boot_stack_top[];

static void cpu_fill(struct cpu *cpu, uint32_t number, uint64_t mpidr)
{
    cpu->number = number;
    cpu->mpidr = mpidr;
    for (unsigned i = 0; i < PRIORITY_COUNT; i++)
        list_init(&cpu->ready[i]);
}

void cpu_init_boot(void)
{
    cpu_fill(&boot_cpu, 0, cpu_affinity());
    boot_cpu.kernel_stack_top = (uintptr_t)boot_stack_top;
    boot_cpu.state = CPU_STATE_ONLINE;
    boot_cpu.midr = (uint32_t)SYSREG_READ(midr_el1);
    cpu_name(boot_cpu.midr, boot_cpu.name);
    boot_cpu.online_ticks = timer_now_ticks();
    boot_cpu.switched_at_ticks = boot_cpu.online_ticks;
    SYSREG_WRITE(tpidr_el1, (uintptr_t)&boot_cpu);
}

enum status cpu_add(uint64_t mpidr, struct cpu **out)
{
    void *memory;

    if (count == CPU_MAX)
        return STATUS_OUT_OF_SPACE;
    if (count == 1)
        pool_init(&cpu_pool, sizeof(struct cpu));
    const enum status status = pool_take(&cpu_pool, &memory);
    if (status != STATUS_OK)
        return status;
    cpu_fill(memory, count, mpidr);
    cpus[count++] = memory;
    *out = memory;
    return STATUS_OK;
}

void cpu_count_online(struct cpu *cpu)
{
    ASSERT(cpu->state == CPU_STATE_ONLINE);
    online_count++;
}

uint32_t cpu_count(void)
{
    return count;
}

uint32_t cpu_online_count(void)
{
    return online_count;
}

struct cpu *cpu_at(uint32_t number)
{
    return cpus[number];
}

bool cpus_show(const struct domain *domain)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct thread *current = cpus[i]->current;
        if (current != NULL && thread_domain(current) == domain)
            return true;
    }
    return false;
}

static bool is_served(uint32_t ticket)
{
    /* Pairs with the release in spinlock_unlock(). */
    return __atomic_load_n(&kernel_lock.serving, __ATOMIC_ACQUIRE) == ticket;
}

/*
 * Asleep until it is this CPU's turn.  Under a hypervisor, or an emulator with fewer processors,
 * who spins takes time from whom it waits for.  Another interrupt that is pending keeps it awake.
 */
static void ticket_sleep(uint32_t ticket)
{
    struct cpu *cpu = cpu_self();

    cpu->ticket = ticket;
    __atomic_store_n(&cpu->sleeps, true, __ATOMIC_RELAXED);
    (void)__atomic_fetch_add(&kernel_lock_sleepers, 1, __ATOMIC_RELAXED);
    dmb_ish();                        /* pairs with the one in kernel_lock_drop() */
    irqchip_forget(CPU_MESSAGE_KICK); /* it comes to the queues anyway, and would be kept awake */
    while (!is_served(ticket))
        wfi();
    (void)__atomic_fetch_sub(&kernel_lock_sleepers, 1, __ATOMIC_RELAXED);
    cpu->sleeps = false;
    irqchip_forget(CPU_MESSAGE_TURN);
}

static void ticket_await(uint32_t ticket)
{
    const nsec_t end = timer_now_ns() + SPIN_NS;

    while (!is_served(ticket))
        if (timer_now_ns() > end) {
            ticket_sleep(ticket);
            return;
        }
}

void kernel_lock_wake(void)
{
    const uint32_t turn = __atomic_load_n(&kernel_lock.serving, __ATOMIC_RELAXED);

    for (uint32_t i = 0; i < count; i++)
        if (__atomic_load_n(&cpus[i]->sleeps, __ATOMIC_RELAXED) && cpus[i]->ticket == turn)
            irqchip_send(CPU_MESSAGE_TURN, cpus[i]->mpidr);
}

void cpus_share(void)
{
    if (online_count == 1)
        return;
    for (uint32_t i = 0; i < count; i++)
        cpus[i]->is_shared = 1;
    handles_set_hold(cpus_hold);
    asids_set_hold(cpus_hold);
}

bool cpu_settle(struct cpu *cpu, enum cpu_state state)
{
    enum cpu_state expected = CPU_STATE_STARTING;

    return __atomic_compare_exchange_n(&cpu->state, &expected, state, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

void cpu_join(struct cpu *cpu, enum cpu_state state)
{
    if (!cpu_settle(cpu, state) || state != CPU_STATE_ONLINE)
        cpu_halt();

    wfi(); /* idle from the start: the first message, or timeout, brings it into the kernel */
    const struct irq_ack ack = interrupt_accept();
    kernel_lock_take_idle();
    interrupts_serve(ack);
    crossing_resume(scheduler_leave());
}

bool kernel_lock_wait(uint32_t ticket)
{
    struct cpu *cpu = cpu_self();

    mmu_switch_to_nothing();
    /* Pairs with the acquire in is_away(): all that this CPU did without the lock is done. */
    __atomic_store_n(&cpu->waits, true, __ATOMIC_RELEASE);
    ticket_await(ticket);
    __atomic_store_n(&cpu->waits, false, __ATOMIC_RELAXED);
    if (cpu->is_recalled) {
        cpu->is_recalled = false;
        fp_shut();
        return false;
    }
    const uint64_t ttbr = thread_domain(cpu->current)->cross.ttbr;
    ASSERT(ttbr != 0); /* an ASID is taken from nobody's current thread, or it is recalled */
    mmu_switch(ttbr);
    return true;
}

void kernel_lock_drop_idle(void)
{
    /* Pairs with the acquire in is_away(). */
    __atomic_store_n(&cpu_self()->waits, true, __ATOMIC_RELEASE);
    kernel_lock_drop();
}

void kernel_lock_take_idle(void)
{
    if (kernel_lock.is_shared == 0)
        return;
    const uint32_t ticket = __atomic_fetch_add(&kernel_lock.next, 1, __ATOMIC_RELAXED);

    ticket_await(ticket);
    __atomic_store_n(&cpu_self()->waits, false, __ATOMIC_RELAXED);
}

void cpu_kick(struct cpu *cpu)
{
    /* Who waits for the lock looks at `exit_work` when it leaves the kernel. */
    if (cpu->is_kicked || (cpu->waits && !cpu->is_idle))
        return;
    cpu->is_kicked = true;
    irqchip_send(CPU_MESSAGE_KICK, cpu->mpidr);
}

/* Whether it executes nothing, and won't before the kernel lock is dropped. */
static bool is_away(const struct cpu *cpu)
{
    return cpu == cpu_self() || __atomic_load_n(&cpu->waits, __ATOMIC_ACQUIRE)
           || __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) != CPU_STATE_ONLINE;
}

/* Send the message to those that are not away, and wait until they are; whether they all went. */
static bool cpus_send_away(enum cpu_message message, nsec_t limit_ns)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_away(cpus[i]))
            irqchip_send(message, cpus[i]->mpidr);

    /* From here: a host that stops the machine often does so where it needs the host, as above. */
    const nsec_t end = timer_now_ns() + limit_ns;

    for (uint32_t i = 0; i < count; i++)
        while (!is_away(cpus[i]))
            if (timer_now_ns() > end)
                return false;
    return true;
}

void cpus_hold(void)
{
    if (online_count > 1 && !cpus_send_away(CPU_MESSAGE_KICK, HOLD_LIMIT_NS))
        panic("a CPU doesn't come into the kernel");
}

void cpus_recall(const struct domain *domain)
{
    cpus_hold();
    for (uint32_t i = 0; i < count; i++)
        if (cpus[i] != cpu_self() && cpus[i]->current != NULL
            && thread_domain(cpus[i]->current) == domain)
            cpus[i]->is_recalled = true;
}

void cpus_forget(const void *object)
{
    for (uint32_t i = 0; i < count; i++)
        if (cpus[i]->borrowed == object)
            cpus[i]->borrowed = NULL;
}

void cpus_stop(void)
{
    if (online_count > 1)
        (void)cpus_send_away(CPU_MESSAGE_STOP, STOP_LIMIT_NS);
}

void cpu_on_message(enum cpu_message message)
{
    struct cpu *cpu = cpu_self();

    if (message == CPU_MESSAGE_TURN)
        return; /* late: the turn has been taken */
    cpu->kicks++;
    cpu->exit_work |= EXIT_SCHEDULE;
    if (message != CPU_MESSAGE_STOP)
        return;
    __atomic_store_n(&cpu->state, CPU_STATE_HALTED, __ATOMIC_RELEASE);
    cpu_halt();
}

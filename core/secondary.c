#include "core/secondary.h"

#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "arch/pmu.h"
#include "arch/timer.h"
#include "core/cpu.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/scheduler.h"
#include "domains/frame.h"

/* Long, since a virtual CPU comes when its host finds the time. */
#define ARRIVAL_LIMIT_NS (UINT64_C(5) * 1000 * 1000 * 1000)

enum { STACK_ORDER = 2 };
_Static_assert(PAGE_BYTES << STACK_ORDER == KERNEL_STACK_BYTES, "a stack is one run of frames");

static unsigned boot_asid_bits; /* of the first CPU: what every other must have at least */

/* The stack of a CPU, with a gap as large below it. */
static CHECK_RESULT enum status stack_make(uint32_t number, uintptr_t *top)
{
    const uintptr_t base = KERNEL_STACKS_BASE + (uintptr_t)(2 * number + 1) * KERNEL_STACK_BYTES;
    paddr_t physical;
    enum status status = frame_allocate(STACK_ORDER, FRAME_OBJECT, &physical);

    if (status == STATUS_OK)
        status = mmu_map(base, physical, KERNEL_STACK_BYTES, MAP_DATA);
    *top = base + KERNEL_STACK_BYTES;
    return status;
}

static CHECK_RESULT enum status switch_on(struct cpu *cpu, const struct machine_cpu *described)
{
    uintptr_t top;

    if (described->enable != MACHINE_CPU_ENABLE_PSCI)
        return STATUS_NOT_SUPPORTED;
    const enum status status = stack_make(cpu->number, &top);
    if (status != STATUS_OK)
        return status;
    cpu->kernel_stack_top = top;
    return secondary_switch_on(cpu->mpidr, &cpu->start, top, (uintptr_t)cpu);
}

static void start(const struct machine_cpu *described)
{
    struct cpu *cpu;
    enum status status = cpu_add(described->mpidr, &cpu);

    if (status == STATUS_OK) {
        status = switch_on(cpu, described);
        if (status != STATUS_OK)
            cpu->state = CPU_STATE_FAILED;
    }
    if (status != STATUS_OK)
        log_info("the CPU at 0x%lx can't be started (%s) and is left out", described->mpidr,
                 described->enable == MACHINE_CPU_ENABLE_PSCI ? status_text(status)
                                                              : "its enable-method isn't psci");
}

void secondaries_start(const struct machine *machine)
{
    boot_asid_bits = mmu_asid_bits();
    if (machine->cpu_count > 1)
        spinlock_share(&kernel_lock);
    for (unsigned i = 0; i < machine->cpu_count; i++)
        if (machine->cpus[i].mpidr != cpu_self()->mpidr)
            start(&machine->cpus[i]);
}

bool secondaries_await(void)
{
    const nsec_t end = timer_now_ns() + ARRIVAL_LIMIT_NS;
    bool all_came = true;

    for (uint32_t i = 1; i < cpu_count(); i++) {
        struct cpu *cpu = cpu_at(i);
        while (__atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) == CPU_STATE_STARTING
               && timer_now_ns() < end) {
        }
        if (cpu_settle(cpu, CPU_STATE_ABANDONED)) {
            all_came = false;
            log_info("the CPU at 0x%lx was switched on, but didn't come: it is left out",
                     cpu->mpidr);
        } else if (cpu->state == CPU_STATE_ONLINE)
            cpu_count_online(cpu);
        else if (cpu->start_status != STATUS_OK)
            log_info("the CPU at 0x%lx can't be used (%s) and is left out", cpu->mpidr,
                     status_text(cpu->start_status));
    }
    cpus_share();
    return all_came;
}

/* This CPU's own part of every device of the kernel. */
static CHECK_RESULT enum status parts_init(void)
{
    if (mmu_asid_bits() < boot_asid_bits)
        return STATUS_NOT_SUPPORTED;
    pmu_cpu_init();
    timer_cpu_init();
    const enum status status = irqchip_cpu_init();
    if (status == STATUS_OK)
        interrupts_cpu_init();
    return status;
}

void kernel_on_secondary(uint64_t argument)
{
    struct cpu *cpu = (struct cpu *)argument;

    SYSREG_WRITE(tpidr_el1, argument);
    secondary_arrive();
    cpu->midr = (uint32_t)SYSREG_READ(midr_el1);
    cpu_name(cpu->midr, cpu->name);
    cpu->start_status = parts_init();
    cpu->is_idle = true;
    cpu->waits = true;
    cpu->online_ticks = timer_now_ticks();
    cpu->switched_at_ticks = cpu->online_ticks;
    cpu_join(cpu, cpu->start_status == STATUS_OK ? CPU_STATE_ONLINE : CPU_STATE_FAILED);
}

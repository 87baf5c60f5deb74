#include "core/cpu.h"

/* The one that booted; the others get theirs when they are started. */
static struct cpu boot_cpu;

extern char boot_stack_top[];

void cpu_init_boot(void)
{
    boot_cpu.mpidr = cpu_affinity();
    boot_cpu.kernel_stack_top = (uintptr_t)boot_stack_top;
    for (unsigned i = 0; i < PRIORITY_COUNT; i++)
        list_init(&boot_cpu.ready[i]);
    SYSREG_WRITE(tpidr_el1, (uintptr_t)&boot_cpu);
}

uint32_t cpu_online_count(void)
{
    return 1;
}

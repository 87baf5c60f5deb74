#include "arch/secondary.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/psci.h"

extern const char secondary_entry[]; /* head.S */

/* Write the record out to memory: its reader has no cache yet. */
static void clean_to_memory(const struct secondary_start *start)
{
    const uintptr_t end = (uintptr_t)(start + 1);
    const uintptr_t line = 4U << bits_field(SYSREG_READ(ctr_el0), 16, 4); /* DminLine, in words */

    for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
        __asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
    dsb_sy(); /* pairs with the new CPU's reads */
}

enum status secondary_switch_on(uint64_t mpidr, struct secondary_start *start, uintptr_t stack_top,
                                uint64_t cpu)
{
    *start = (struct secondary_start){
        .kernel_table = mmu_kernel_table(),
        .stack_top = stack_top,
        .cpu = cpu,
    };
    clean_to_memory(start);
    return psci_cpu_on(mpidr, mmu_image_physical(secondary_entry), direct_map_physical(start));
}

void secondary_arrive(void)
{
    mmu_switch_to_nothing();
    __asm__ volatile("tlbi vmalle1");
    __asm__ volatile("dsb nsh" : : : "memory"); /* completes the invalidation on this CPU */
    isb();
}

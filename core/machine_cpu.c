/*
 * Machine CPUs: their names and how to wake them.
 */
#include "machine_cpu.h"

#include "arch/mpidr.h"
#include "base/string.h"
#include "devicetree_reg.h"

static enum status cpu_enable_read(const struct devicetree_node *node, struct machine_cpu *cpu)
{
    const char *method = "";
    const enum status status = devicetree_string_if(node, "enable-method", &method);

    cpu->enable = strcmp(method, "psci") == 0 ? MACHINE_CPU_ENABLE_PSCI : MACHINE_CPU_ENABLE_NONE;
    return status;
}

enum status machine_cpu_read(const struct devicetree_node *node, struct machine *machine)
{
    struct machine_cpu cpu = {0};
    enum status status = devicetree_reg_number(node, 0, &cpu.mpidr);

    if (status != STATUS_OK)
        return status;
    if ((cpu.mpidr & ~MPIDR_AFFINITY_MASK) != 0)
        return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg", "0x%llx is no CPU affinity",
                                          (unsigned long long)cpu.mpidr);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        if (machine->cpus[i].mpidr == cpu.mpidr)
            return devicetree_refuse_property(node, STATUS_BAD_DATA, "reg",
                                              "another CPU has the affinity 0x%llx too",
                                              (unsigned long long)cpu.mpidr);
    }
    status = cpu_enable_read(node, &cpu);
    if (status == STATUS_OK && machine->cpu_count < MACHINE_CPU_MAX)
        machine->cpus[machine->cpu_count++] = cpu;
    return status;
}

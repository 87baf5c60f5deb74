/*
 * Fuzzing the machine reader: any bytes at all instead of a devicetree.
 *
 * The sanitizers watch memory; here stands what must be true of every answer.
 */
// source: core/machine.c
// source: core/machine_cpu.c
// source: core/machine_gic.c
// source: core/machine_memory.c
// source: core/devicetree.c
// source: core/devicetree_interrupt.c
// source: core/devicetree_reg.c
// source: core/base/format.c
#include "core/machine.h"

#include <libfdt.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static void ranges_check(const struct machine_range *ranges, unsigned count, unsigned max)
{
    require(count <= max);
    for (unsigned i = 0; i < count; i++) {
        require(ranges[i].size != 0);
        require(ranges[i].base + ranges[i].size > ranges[i].base);
    }
}

static void machine_check(const struct machine *machine)
{
    ranges_check(machine->memory, machine->memory_count, MACHINE_MEMORY_MAX);
    ranges_check(machine->reserved, machine->reserved_count, MACHINE_RESERVED_MAX);
    require(machine->memory_count > 0);
    require(machine->cpu_count > 0 && machine->cpu_count <= MACHINE_CPU_MAX);
    require(machine->gic.version == 2 || machine->gic.version == 3);
    require(machine->gic.redistributor_count <= IRQCHIP_REDIST_REGIONS_MAX);
    require(machine->timer.irq.id >= IRQ_PPI_FIRST && machine->timer.irq.id < IRQ_SPECIAL_FIRST);
    require(machine->seed_size <= MACHINE_SEED_MAX);
    require(memchr(machine->model, '\0', sizeof(machine->model)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine machine;
    struct machine_error error = {""};
    struct machine_range uart;
    void *const tree = malloc(size); /* exactly: one byte further is an error */

    if (size > 0)
        memcpy(tree, data, size);
    if (machine_read(tree, size, 0x48000000, &machine, &error) == STATUS_OK)
        machine_check(&machine);
    else
        require(error.text[0] != '\0' && memchr(error.text, '\0', sizeof(error.text)) != NULL);
    if (machine_find_uart(tree, size, &uart) == STATUS_OK)
        require(uart.base + uart.size >= uart.base);
    machine_wipe_seeds(tree, size);
    free(tree);
    return 0;
}

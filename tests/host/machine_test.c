/*
 * Reading the machine from devicetrees: good ones of three shapes, and every way of
 * breaking one that came to mind, each with the sentence that it must produce.
 *
 * Trees lie in blocks of exactly their size, so that the address sanitizer sees any
 * step beyond them.
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

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

enum { ROOM_TO_EDIT = 4096 };

static const paddr_t FDT_PHYSICAL = 0x48000000;

struct tree {
    void *fdt;
    size_t size;
};

static struct tree tree_load(const char *name)
{
    char path[512];
    struct tree tree;

    snprintf(path, sizeof(path), "%s/%s.dtb", TEST_DEVICETREES, name);

    FILE *const file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    tree.size = (size_t)ftell(file);
    tree.fdt = malloc(tree.size);
    assert_non_null(tree.fdt);
    rewind(file);
    assert_int_equal(fread(tree.fdt, 1, tree.size, file), tree.size);
    fclose(file);
    return tree;
}

/* A copy of the tree that `change` has edited. */
static struct tree tree_edit(const struct tree *tree, void (*change)(void *fdt))
{
    const size_t room = tree->size + ROOM_TO_EDIT;
    void *const edited = malloc(room);

    assert_int_equal(fdt_open_into(tree->fdt, edited, (int)room), 0);
    change(edited);
    assert_int_equal(fdt_pack(edited), 0);

    struct tree result = {.size = fdt_totalsize(edited)};

    result.fdt = malloc(result.size);
    memcpy(result.fdt, edited, result.size);
    free(edited);
    return result;
}

static struct machine machine_of(const char *name)
{
    const struct tree tree = tree_load(name);
    struct machine machine;
    struct machine_error error = {"no message"};
    const enum status status = machine_read(tree.fdt, tree.size, FDT_PHYSICAL, &machine, &error);

    if (status != STATUS_OK)
        print_error("%s\n", error.text);
    assert_int_equal(status, STATUS_OK);
    free(tree.fdt);
    return machine;
}

static void assert_range(struct machine_range range, uint64_t base, uint64_t size)
{
    assert_true(range.base == base);
    assert_true(range.size == size);
}

static struct machine_range uart_of(const char *name)
{
    const struct tree tree = tree_load(name);
    struct machine_range uart;

    assert_int_equal(machine_find_uart(tree.fdt, tree.size, &uart), STATUS_OK);
    free(tree.fdt);
    return uart;
}

static void a_virt_machine_with_gicv2_is_read(void **state)
{
    (void)state;
    const struct machine machine = machine_of("virt-gicv2");
    static const uint8_t seed[] = {1,    2,    3,    4,    5,    6,    7,    8,
                                   0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};

    assert_string_equal(machine.model, "test,virt");
    assert_int_equal(machine.memory_count, 1);
    assert_range(machine.memory[0], 0x40000000, 0x8000000);
    assert_int_equal(machine.reserved_count, 1);
    assert_true(machine.reserved[0].base == FDT_PHYSICAL);
    assert_int_equal(machine.cpu_count, 1);
    assert_int_equal(machine.cpus[0].enable, MACHINE_CPU_ENABLE_NONE);
    assert_int_equal(machine.gic.version, 2);
    assert_range(machine.gic.distributor, 0x08000000, 0x10000);
    assert_range(machine.gic.cpu_interface, 0x08010000, 0x10000);
    assert_int_equal(machine.timer.irq.id, 27);
    assert_int_equal(machine.timer.irq.trigger, IRQ_TRIGGER_LEVEL);
    assert_int_equal(machine.timer.frequency_hz, 0);
    assert_int_equal(machine.psci.conduit, PSCI_CONDUIT_HVC);
    assert_true(machine.psci.standard_ids);
    assert_range(uart_of("virt-gicv2"), 0x09000000, 0x1000);
    assert_int_equal(machine.seed_size, sizeof(seed));
    assert_memory_equal(machine.seed, seed, sizeof(seed));
}

static void a_machine_with_gicv3_banks_and_reservations_is_read(void **state)
{
    (void)state;
    const struct machine machine = machine_of("virt-gicv3");

    assert_int_equal(machine.memory_count, 3);
    assert_range(machine.memory[0], 0x40000000, 0x80000000);
    assert_range(machine.memory[1], UINT64_C(0x880000000), UINT64_C(0x100000000));
    assert_range(machine.memory[2], UINT64_C(0x2000000000), 0x40000000);
    assert_int_equal(machine.reserved_count, 3);
    assert_range(machine.reserved[1], 0x40000000, 0x10000);
    assert_range(machine.reserved[2], 0x50000000, 0x200000);
    assert_int_equal(machine.cpu_count, 2);
    assert_true(machine.cpus[1].mpidr == UINT64_C(0x100000001));
    assert_int_equal(machine.cpus[1].enable, MACHINE_CPU_ENABLE_PSCI);
    assert_int_equal(machine.gic.version, 3);
    assert_int_equal(machine.gic.redistributor_count, 2);
    assert_range(machine.gic.redistributors[0], 0x080a0000, 0xf60000);
    assert_range(machine.gic.redistributors[1], UINT64_C(0x4000000000), 0x400000);
    assert_int_equal(machine.gic.redistributor_stride, 0x40000);
    assert_int_equal(machine.timer.irq.id, 28);
    assert_int_equal(machine.timer.irq.trigger, IRQ_TRIGGER_EDGE);
    assert_int_equal(machine.timer.frequency_hz, 24000000);
    assert_int_equal(machine.psci.conduit, PSCI_CONDUIT_SMC);
    assert_range(uart_of("virt-gicv3"), 0x2000, 0x1000);
    assert_int_equal(machine.seed_size, 0);
}

static void addresses_behind_buses_are_translated(void **state)
{
    (void)state;
    const struct machine machine = machine_of("soc");

    assert_range(machine.gic.distributor, 0xff841000, 0x1000);
    assert_range(machine.gic.cpu_interface, 0xff842000, 0x2000);
    assert_range(uart_of("soc"), 0xfe201000, 0x200);
    assert_int_equal(machine.memory_count, 2);
    assert_range(machine.memory[1], 0x40000000, 0xbc000000);
}

static void interrupts_extended_skips_other_controllers_entries(void **state)
{
    (void)state;
    const struct machine machine = machine_of("soc");

    assert_int_equal(machine.timer.irq.id, 27);
}

static void a_cpu_without_psci_is_noted_but_not_for_starting(void **state)
{
    (void)state;
    const struct machine machine = machine_of("soc");

    assert_int_equal(machine.cpu_count, 2);
    assert_int_equal(machine.cpus[0].enable, MACHINE_CPU_ENABLE_NONE);
    assert_true(machine.cpus[1].mpidr == 1);
}

static void what_lies_below_a_disabled_bus_does_not_exist(void **state)
{
    (void)state;
    const struct machine machine = machine_of("soc");

    assert_int_equal(machine.psci.conduit, PSCI_CONDUIT_NONE);
}

static void wiped_seeds_are_gone_from_the_tree(void **state)
{
    (void)state;
    struct tree tree = tree_load("virt-gicv2");
    struct machine machine;
    struct machine_error error;
    static const uint8_t zeros[16];

    machine_wipe_seeds(tree.fdt, tree.size);
    assert_int_equal(machine_read(tree.fdt, tree.size, FDT_PHYSICAL, &machine, &error), STATUS_OK);
    assert_memory_equal(machine.seed, zeros, sizeof(zeros));
    free(tree.fdt);
}

/* --- broken trees --- */

static int node_at(void *fdt, const char *path)
{
    const int offset = fdt_path_offset(fdt, path);

    assert_true(offset >= 0);
    return offset;
}

static void set(void *fdt, const char *path, const char *property, const void *value, size_t size)
{
    assert_int_equal(fdt_setprop(fdt, node_at(fdt, path), property, value, (int)size), 0);
}

static void set_u32(void *fdt, const char *path, const char *property, uint32_t value)
{
    assert_int_equal(fdt_setprop_u32(fdt, node_at(fdt, path), property, value), 0);
}

static void drop(void *fdt, const char *path, const char *property)
{
    assert_int_equal(fdt_delprop(fdt, node_at(fdt, path), property), 0);
}

static void drop_node(void *fdt, const char *path)
{
    assert_int_equal(fdt_del_node(fdt, node_at(fdt, path)), 0);
}

static void memory_is_gone(void *fdt)
{
    drop_node(fdt, "/memory@40000000");
}

static void memory_has_no_reg(void *fdt)
{
    drop(fdt, "/memory@40000000", "reg");
}

static void memory_reg_is_cut(void *fdt)
{
    set(fdt, "/memory@40000000", "reg", "\0\0\0\0\x40\0\0\0\0\0\0\0", 12);
}

static void memory_wraps(void *fdt)
{
    const uint64_t reg[] = {cpu_to_fdt64(0xfffffffffffff000), cpu_to_fdt64(0x2000)};

    set(fdt, "/memory@40000000", "reg", reg, sizeof(reg));
}

static void memory_overlaps_itself(void *fdt)
{
    const uint64_t reg[] = {cpu_to_fdt64(0x40000000), cpu_to_fdt64(0x2000),
                            cpu_to_fdt64(0x40001000), cpu_to_fdt64(0x2000)};

    set(fdt, "/memory@40000000", "reg", reg, sizeof(reg));
}

static void memory_is_in_seventeen_pieces(void *fdt)
{
    uint64_t reg[17 * 2];

    for (uint64_t i = 0; i < 17; i++) {
        reg[2 * i] = cpu_to_fdt64(0x40000000 + i * 0x200000);
        reg[2 * i + 1] = cpu_to_fdt64(0x100000);
    }
    set(fdt, "/memory@40000000", "reg", reg, sizeof(reg));
}

static void root_has_three_address_cells(void *fdt)
{
    set_u32(fdt, "/", "#address-cells", 3);
}

static void root_has_no_address_cells(void *fdt)
{
    set_u32(fdt, "/", "#address-cells", 0);
}

static void address_cells_are_a_string(void *fdt)
{
    set(fdt, "/", "#size-cells", "many!", 6);
}

static void cpus_are_gone(void *fdt)
{
    drop_node(fdt, "/cpus");
}

static void cpu_has_no_reg(void *fdt)
{
    drop(fdt, "/cpus/cpu@0", "reg");
}

static void cpu_reg_is_no_affinity(void *fdt)
{
    set_u32(fdt, "/cpus/cpu@0", "reg", 0x80000000);
}

static void cpus_share_a_name(void *fdt)
{
    const int cpu = fdt_add_subnode(fdt, node_at(fdt, "/cpus"), "cpu@1");

    assert_true(cpu >= 0);
    set(fdt, "/cpus/cpu@1", "device_type", "cpu", 4);
    set_u32(fdt, "/cpus/cpu@1", "reg", 0);
}

static void cpu_enable_method_has_no_end(void *fdt)
{
    set(fdt, "/cpus/cpu@0", "enable-method", "psci", 4);
}

static void gic_is_gone(void *fdt)
{
    set(fdt, "/intc@8000000", "compatible", "someone,else", 13);
}

static void gic_is_disabled(void *fdt)
{
    set(fdt, "/intc@8000000", "status", "disabled", 9);
}

static void gic_has_one_register_range(void *fdt)
{
    const uint64_t reg[] = {cpu_to_fdt64(0x08000000), cpu_to_fdt64(0x10000)};

    set(fdt, "/intc@8000000", "reg", reg, sizeof(reg));
}

static void gic_interrupts_have_nine_cells(void *fdt)
{
    set_u32(fdt, "/intc@8000000", "#interrupt-cells", 9);
}

static void gic_interrupts_have_one_cell(void *fdt)
{
    set_u32(fdt, "/intc@8000000", "#interrupt-cells", 1);
}

static void gic_has_a_hundred_regions(void *fdt)
{
    set(fdt, "/intc@8000000", "compatible", "arm,gic-v3", 11);
    set_u32(fdt, "/intc@8000000", "#redistributor-regions", 100);
}

static void gic_stride_is_odd(void *fdt)
{
    set(fdt, "/intc@8000000", "compatible", "arm,gic-v3", 11);
    set_u32(fdt, "/intc@8000000", "redistributor-stride", 0x20001);
}

static void timer_is_gone(void *fdt)
{
    drop_node(fdt, "/timer");
}

static void timer_has_no_interrupts(void *fdt)
{
    drop(fdt, "/timer", "interrupts");
}

static void timer_has_two_interrupts(void *fdt)
{
    const uint32_t two[6] = {cpu_to_fdt32(1), cpu_to_fdt32(13), cpu_to_fdt32(4),
                             cpu_to_fdt32(1), cpu_to_fdt32(14), cpu_to_fdt32(4)};

    set(fdt, "/timer", "interrupts", two, sizeof(two));
}

static void timer_interrupt_is_no_gic_number(void *fdt)
{
    const uint32_t cells[9] = {0, 0, 0, 0, 0, 0, cpu_to_fdt32(1), cpu_to_fdt32(16), 0};

    set(fdt, "/timer", "interrupts", cells, sizeof(cells));
}

static void timer_interrupts_are_cut(void *fdt)
{
    set(fdt, "/timer", "interrupts", "\0\0\0\1\0\0\0\15", 8);
}

static void interrupt_parent_is_gone(void *fdt)
{
    drop(fdt, "/", "interrupt-parent");
}

static void interrupt_parent_dangles(void *fdt)
{
    set_u32(fdt, "/", "interrupt-parent", 0x1234);
}

static void extended_interrupt_is_cut(void *fdt)
{
    const uint32_t cells[2] = {cpu_to_fdt32(fdt_get_phandle(fdt, node_at(fdt, "/intc@8000000"))),
                               0};

    set(fdt, "/timer", "interrupts-extended", cells, sizeof(cells));
}

static void psci_has_no_method(void *fdt)
{
    drop(fdt, "/psci", "method");
}

static void psci_method_is_unknown(void *fdt)
{
    set(fdt, "/psci", "method", "post", 5);
}

static void a_name_holds_control_characters(void *fdt)
{
    const int node = fdt_add_subnode(fdt, node_at(fdt, "/cpus"), "cpu@\x1b[2J");

    assert_true(node >= 0);
    assert_int_equal(fdt_setprop(fdt, node, "device_type", "cpu", 4), 0);
}

struct broken {
    void (*change)(void *fdt);
    enum status status;
    const char *message;
};

static const struct broken broken_trees[] = {
    {memory_is_gone, STATUS_NOT_FOUND,
     "no memory: no top-level node with device_type \"memory\" has a property reg that is not "
     "empty"},
    {memory_has_no_reg, STATUS_NOT_FOUND,
     "no memory: no top-level node with device_type \"memory\" has a property reg that is not "
     "empty"},
    {memory_reg_is_cut, STATUS_BAD_DATA,
     "/memory@40000000: property reg: is 12 bytes long, not a multiple of 16"},
    {memory_wraps, STATUS_BAD_DATA,
     "/memory@40000000: property reg: entry 0 runs past the end of memory"},
    {memory_overlaps_itself, STATUS_BAD_DATA,
     "/memory@40000000: property reg: entry 1 overlaps other memory"},
    {memory_is_in_seventeen_pieces, STATUS_NOT_SUPPORTED,
     "/memory@40000000: property reg: one range more than the 16 that the kernel keeps"},
    {root_has_three_address_cells, STATUS_NOT_SUPPORTED,
     "/: property #address-cells: is 3, more than 64 bits"},
    {root_has_no_address_cells, STATUS_BAD_DATA,
     "/: property #address-cells: is 0, yet there are addresses below"},
    {address_cells_are_a_string, STATUS_BAD_DATA, NULL},
    {cpus_are_gone, STATUS_NOT_FOUND, "no CPU: no node in /cpus has device_type \"cpu\""},
    {cpu_has_no_reg, STATUS_NOT_FOUND, "/cpus/cpu@0: property reg: has 0 entries, 1 are needed"},
    {cpu_reg_is_no_affinity, STATUS_BAD_DATA,
     "/cpus/cpu@0: property reg: 0x80000000 is no CPU affinity"},
    {cpus_share_a_name, STATUS_BAD_DATA, NULL},
    {cpu_enable_method_has_no_end, STATUS_BAD_DATA,
     "/cpus/cpu@0: property enable-method: is not a string"},
    {gic_is_gone, STATUS_NOT_FOUND,
     "no interrupt controller: no node is compatible with arm,gic-v3, arm,gic-400 or "
     "arm,cortex-a15-gic"},
    {gic_is_disabled, STATUS_NOT_FOUND, NULL},
    {gic_has_one_register_range, STATUS_NOT_FOUND,
     "/intc@8000000: property reg: has 1 entries, 2 are needed"},
    {gic_interrupts_have_nine_cells, STATUS_NOT_SUPPORTED,
     "/intc@8000000: property #interrupt-cells: is 9, not 1 to 4"},
    {gic_interrupts_have_one_cell, STATUS_NOT_SUPPORTED,
     "/timer: property interrupts: are not wired to the GIC"},
    {gic_has_a_hundred_regions, STATUS_NOT_SUPPORTED,
     "/intc@8000000: property #redistributor-regions: is 100"},
    {gic_stride_is_odd, STATUS_BAD_DATA,
     "/intc@8000000: property redistributor-stride: is not a multiple of 64 KiB"},
    {timer_is_gone, STATUS_NOT_FOUND, "no timer: no node is compatible with arm,armv8-timer"},
    {timer_has_no_interrupts, STATUS_NOT_FOUND, "/timer: property interrupts: is missing"},
    {timer_has_two_interrupts, STATUS_NOT_FOUND,
     "/timer: property interrupts: has 2 entries, 3 are needed"},
    {timer_interrupt_is_no_gic_number, STATUS_BAD_DATA,
     "/timer: property interrupts: <1 16> is no interrupt of the GIC"},
    {timer_interrupts_are_cut, STATUS_BAD_DATA,
     "/timer: property interrupts: is 8 bytes long, not a multiple of 12"},
    {interrupt_parent_is_gone, STATUS_NOT_FOUND,
     "/timer: property interrupt-parent: is missing, here and in every node above"},
    {interrupt_parent_dangles, STATUS_NOT_FOUND,
     "/: property interrupt-parent: there is no node with phandle 0x1234"},
    {extended_interrupt_is_cut, STATUS_BAD_DATA,
     "/timer: property interrupts-extended: ends in an entry"},
    {psci_has_no_method, STATUS_NOT_FOUND, "/psci: property method: is missing"},
    {psci_method_is_unknown, STATUS_BAD_DATA, "/psci: property method: is neither hvc nor smc"},
    {a_name_holds_control_characters, STATUS_NOT_FOUND,
     "/cpus/cpu@?[2J: property reg: has 0 entries, 1 are needed"},
};

static void a_broken_tree_is_refused_by_the_name_of_what_is_wrong(void **state)
{
    (void)state;
    const struct tree good = tree_load("virt-gicv2");

    for (size_t i = 0; i < sizeof(broken_trees) / sizeof(broken_trees[0]); i++) {
        const struct broken *const broken = &broken_trees[i];
        const struct tree tree = tree_edit(&good, broken->change);
        struct machine machine;
        struct machine_error error = {""};

        assert_int_equal(machine_read(tree.fdt, tree.size, FDT_PHYSICAL, &machine, &error),
                         broken->status);
        if (broken->message != NULL)
            assert_string_equal(error.text, broken->message);
        assert_true(strlen(error.text) > 0);
        free(tree.fdt);
    }
    free(good.fdt);
}

static void bus_has_no_ranges(void *fdt)
{
    drop(fdt, "/soc", "ranges");
}

static void bus_does_not_cover_its_devices(void *fdt)
{
    const uint32_t ranges[] = {cpu_to_fdt32(0x7e000000), 0, cpu_to_fdt32(0xfe000000),
                               cpu_to_fdt32(0x01800000)};

    set(fdt, "/soc", "ranges", ranges, sizeof(ranges));
}

static void a_bus_that_leads_nowhere_is_named(void **state)
{
    (void)state;
    static const struct broken trees[] = {
        {bus_has_no_ranges, STATUS_NOT_FOUND,
         "/soc: property ranges: is missing: what lies below has no address"},
        {bus_does_not_cover_its_devices, STATUS_BAD_DATA,
         "/soc: property ranges: does not cover 0x40041000"},
    };
    const struct tree good = tree_load("soc");

    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        const struct tree tree = tree_edit(&good, trees[i].change);
        struct machine machine;
        struct machine_error error = {""};

        assert_int_equal(machine_read(tree.fdt, tree.size, 0, &machine, &error), trees[i].status);
        assert_string_equal(error.text, trees[i].message);
        free(tree.fdt);
    }
    free(good.fdt);
}

static void a_tree_that_is_no_tree_is_refused(void **state)
{
    (void)state;
    struct machine machine;
    struct machine_error error = {""};
    uint64_t zeros[32] = {0};
    struct tree tree = tree_load("virt-gicv2");

    assert_int_equal(machine_read(zeros, sizeof(zeros), 0, &machine, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "the devicetree is malformed: FDT_ERR_BADMAGIC");
    assert_int_equal(machine_read((char *)zeros + 4, 64, 0, &machine, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "the devicetree is malformed: FDT_ERR_ALIGNMENT");
    assert_int_equal(machine_read(tree.fdt, tree.size - 1, 0, &machine, &error), STATUS_BAD_DATA);
    assert_string_equal(error.text, "the devicetree is malformed: FDT_ERR_TRUNCATED");
    free(tree.fdt);
}

static void every_single_byte_may_be_wrong(void **state)
{
    (void)state;
    const struct tree good = tree_load("soc");

    for (size_t at = 0; at < good.size; at++) {
        static const uint8_t wrong[] = {0x00, 0x01, 0x7f, 0xff};

        for (size_t i = 0; i < sizeof(wrong); i++) {
            uint8_t *const byte = (uint8_t *)good.fdt + at;
            const uint8_t right = *byte;
            struct machine machine;
            struct machine_error error = {""};
            struct machine_range uart;

            *byte = wrong[i];
            if (machine_read(good.fdt, good.size, 0, &machine, &error) != STATUS_OK)
                assert_true(strlen(error.text) > 0);
            /* libfdt finds the same trees malformed, in its own way; misaligned ones it reads. */
            if (strstr(error.text, "ALIGNMENT") == NULL)
                assert_int_equal(strstr(error.text, "FDT_ERR_") != NULL,
                                 fdt_check_full(good.fdt, good.size) != 0);
            (void)!machine_find_uart(good.fdt, good.size, &uart);
            *byte = right;
        }
    }
    free(good.fdt);
}

static void an_alias_names_itself(void *fdt)
{
    assert_true(fdt_add_subnode(fdt, 0, "aliases") >= 0);
    set(fdt, "/aliases", "serial0", "serial0", 8);
    set(fdt, "/chosen", "stdout-path", "serial0", 8);
}

static void an_endless_alias_leads_to_the_first_uart(void **state)
{
    (void)state;
    const struct tree good = tree_load("virt-gicv2");
    const struct tree tree = tree_edit(&good, an_alias_names_itself);
    struct machine_range uart;

    assert_int_equal(machine_find_uart(tree.fdt, tree.size, &uart), STATUS_OK);
    assert_range(uart, 0x09000000, 0x1000);
    free(tree.fdt);
    free(good.fdt);
}

static void a_broken_tree_may_still_name_its_uart(void **state)
{
    (void)state;
    const struct tree good = tree_load("virt-gicv2");
    const struct tree tree = tree_edit(&good, gic_is_gone);
    const uint64_t zeros[16] = {0};
    struct machine_range uart;

    assert_int_equal(machine_find_uart(tree.fdt, tree.size, &uart), STATUS_OK);
    assert_range(uart, 0x09000000, 0x1000);
    assert_int_equal(machine_find_uart(zeros, sizeof(zeros), &uart), STATUS_NOT_FOUND);
    free(tree.fdt);
    free(good.fdt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virt_machine_with_gicv2_is_read),
        cmocka_unit_test(a_machine_with_gicv3_banks_and_reservations_is_read),
        cmocka_unit_test(addresses_behind_buses_are_translated),
        cmocka_unit_test(interrupts_extended_skips_other_controllers_entries),
        cmocka_unit_test(a_cpu_without_psci_is_noted_but_not_for_starting),
        cmocka_unit_test(what_lies_below_a_disabled_bus_does_not_exist),
        cmocka_unit_test(wiped_seeds_are_gone_from_the_tree),
        cmocka_unit_test(a_broken_tree_is_refused_by_the_name_of_what_is_wrong),
        cmocka_unit_test(a_bus_that_leads_nowhere_is_named),
        cmocka_unit_test(a_tree_that_is_no_tree_is_refused),
        cmocka_unit_test(every_single_byte_may_be_wrong),
        cmocka_unit_test(an_endless_alias_leads_to_the_first_uart),
        cmocka_unit_test(a_broken_tree_may_still_name_its_uart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Devices are found as the machine's devicetree describes them, through buses and
 * interrupt controllers; a tree that makes no sense is refused by node and property.
 */
// source: userland/launcher/devices.c
// source: userland/launcher/tree_index.c
// source: userland/launcher/property.c
#define _GNU_SOURCE /* mkstemp, popen */
#include "userland/launcher/devices.h"

#include "abi/syscall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TREE_BYTES_MAX = 64 * 1024 };

static _Alignas(8) uint8_t tree[TREE_BYTES_MAX];
static size_t tree_bytes;
static struct tree_index tree_index;
static struct device device;
static struct property_error error;

static void compile(const char *body)
{
    char path[] = "/tmp/devices-test-XXXXXX";
    char command[128];
    const int file = mkstemp(path);
    FILE *source;

    assert_true(file >= 0);
    source = fdopen(file, "w");
    assert_non_null(source);
    (void)fprintf(source, "/dts-v1/;\n/ { %s };\n", body);
    (void)fclose(source);
    (void)snprintf(command, sizeof command, "dtc -q -f -I dts -O dtb %s", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    tree_bytes = fread(tree, 1, sizeof tree, pipe);
    assert_int_equal(pclose(pipe), 0);
    (void)unlink(path);

    const char *why = NULL;
    if (tree_index_read(tree, tree_bytes, &tree_index, &why) != STATUS_OK)
        fail_msg("%s", why);
}

static void assert_refused(const char *body, const char *compatible, const char *sentence)
{
    compile(body);
    assert_int_equal(device_find(&tree_index, compatible, -1, &device, &error), STATUS_BAD_DATA);
    if (strcmp(error.text, sentence) != 0)
        fail_msg("said \"%s\", not \"%s\"", error.text, sentence);
}

#define GIC                                                                              \
    "#address-cells = <2>; #size-cells = <2>; interrupt-parent = <1>;"                   \
    "intc@8000000 { phandle = <1>; compatible = \"arm,gic-v3\"; #interrupt-cells = <3>;" \
    "  interrupt-controller; reg = <0 0x8000000 0 0x10000>; };"

static const char machine[] = GIC
    "clk: clock { phandle = <2>; compatible = \"fixed-clock\"; clock-frequency = <24000000>; };"
    "pl011@9000000 { compatible = \"arm,pl011\", \"arm,primecell\"; reg = <0 0x9000000 0 0x1000>;"
    "  interrupts = <0 1 4>; clocks = <2 2>; };"
    "pl011@9040000 { compatible = \"arm,pl011\"; reg = <0 0x9040000 0 0x1000>;"
    "  interrupts = <0 8 4>; status = \"disabled\"; };"
    "virtio_mmio@a000000 { compatible = \"virtio,mmio\"; reg = <0 0xa000000 0 0x200>;"
    "  interrupts = <0 16 1>; dma-coherent; };"
    "virtio_mmio@a000200 { compatible = \"virtio,mmio\"; reg = <0 0xa000200 0 0x200>;"
    "  interrupts = <0 17 1>; dma-coherent; };"
    "timer { compatible = \"arm,thing\"; interrupts = <1 13 0x104>, <1 14 0x104>; };"
    "gpio@1 { phandle = <3>; #interrupt-cells = <2>; interrupt-controller; };"
    "keys { compatible = \"gpio-keys\"; interrupt-parent = <3>; interrupts = <3 1>; };"
    "bus@fe000000 { #address-cells = <1>; #size-cells = <1>;"
    "  ranges = <0x7e000000 0 0xfe000000 0x1800000>, <0x40000000 0 0xff800000 0x800000>;"
    "  inner { #address-cells = <1>; #size-cells = <1>; ranges;"
    "    serial@7e201000 { compatible = \"deep,uart\";"
    "      reg = <0x7e201000 0x200>, <0x40000100 0x10>; interrupts = <0 121 4>;"
    "      clock-frequency = <48000000>; }; }; };";

static void a_device_has_its_registers_and_interrupts(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "arm,pl011", -1, &device, &error), STATUS_OK);
    assert_string_equal(device.name, "pl011@9000000");
    assert_string_equal(device.compatible, "arm,pl011");
    assert_int_equal(device.register_count, 1);
    assert_int_equal(device.registers[0].base, 0x9000000);
    assert_int_equal(device.registers[0].size, 0x1000);
    assert_int_equal(device.interrupt_count, 1);
    assert_int_equal(device.interrupts[0].number, 33);
    assert_int_equal(device.interrupts[0].flags, 0);
    assert_int_equal(device.clock_hz, 24000000);
    assert_false(device.is_coherent);
}

static void disabled_devices_do_not_exist(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "arm,pl011", -1, &device, &error), STATUS_OK);
    assert_int_equal(device_find(&tree_index, "arm,pl011", device.node, &device, &error),
                     STATUS_NOT_FOUND);
}

static void all_devices_of_a_kind_are_found_in_order(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "virtio,mmio", -1, &device, &error), STATUS_OK);
    assert_int_equal(device.registers[0].base, 0xa000000);
    assert_int_equal(device.interrupts[0].number, 48);
    assert_int_equal(device.interrupts[0].flags, INTERRUPT_EDGE);
    assert_true(device.is_coherent);
    assert_int_equal(device_find(&tree_index, "virtio,mmio", device.node, &device, &error),
                     STATUS_OK);
    assert_int_equal(device.registers[0].base, 0xa000200);
    assert_int_equal(device_find(&tree_index, "virtio,mmio", device.node, &device, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(device_find(&tree_index, "nobody,knows", -1, &device, &error),
                     STATUS_NOT_FOUND);
}

static void private_interrupts_start_at_16(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "arm,thing", -1, &device, &error), STATUS_OK);
    assert_int_equal(device.register_count, 0);
    assert_int_equal(device.interrupt_count, 2);
    assert_int_equal(device.interrupts[0].number, 29);
    assert_int_equal(device.interrupts[1].number, 30);
}

static void addresses_are_translated_through_each_bus(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "deep,uart", -1, &device, &error), STATUS_OK);
    assert_int_equal(device.register_count, 2);
    assert_int_equal(device.registers[0].base, 0xfe201000);
    assert_int_equal(device.registers[1].base, 0xff800100);
    assert_int_equal(device.interrupts[0].number, 153);
    assert_int_equal(device.clock_hz, 48000000);
}

static void interrupts_of_other_controllers_are_left_out(void **state)
{
    (void)state;
    compile(machine);
    assert_int_equal(device_find(&tree_index, "gpio-keys", -1, &device, &error), STATUS_OK);
    assert_int_equal(device.interrupt_count, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused(GIC "u@1 { compatible = \"u\"; reg = <0 1 0>; };", "u",
                   "u@1: reg: 12 bytes are no list of addresses and sizes");
    assert_refused(GIC "u@1 { compatible = \"u\"; reg = <0 1 0 0>; };", "u",
                   "u@1: reg: has a range that is empty or wraps");
    assert_refused(GIC "u@1 { compatible = \"u\"; reg = <0xffffffff 0xffffffff 0 1>; };", "u",
                   "u@1: reg: has a range that is empty or wraps");
    assert_refused(GIC "b { u@1 { compatible = \"u\"; reg = <0 1 1>; }; };", "u",
                   "u@1: reg: the bus above has no ranges");
    assert_refused(GIC "b { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0 16>;"
                       " u@10 { compatible = \"u\"; reg = <16 1>; }; };",
                   "u", "u@10: reg: is outside the ranges of the bus above");
    assert_refused(GIC "b { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 16>;"
                       " u@10 { compatible = \"u\"; reg = <16 1>; }; };",
                   "u", "u@10: reg: the bus above has ranges that make no sense");
    assert_refused(GIC "u { compatible = \"u\"; interrupts = <0 988 4>; };", "u",
                   "u: interrupts: <0 988> is none that a GIC has");
    assert_refused(GIC "u { compatible = \"u\"; interrupts = <2 1 4>; };", "u",
                   "u: interrupts: <2 1> is none that a GIC has");
    assert_refused(GIC "u { compatible = \"u\"; interrupts = <0 1>; };", "u",
                   "u: interrupts: 8 bytes are no list of 3 cells each");
    assert_refused(GIC "u { compatible = \"u\"; interrupt-parent = <9>; interrupts = <0 1 4>; };",
                   "u", "u: interrupt-parent: leads nowhere");
}

static void a_refused_device_does_not_hide_the_next(void **state)
{
    (void)state;
    compile(GIC "u@1 { compatible = \"u\"; reg = <0 1 0 0>; };"
                "u@2 { compatible = \"u\"; reg = <0 2 0 1>; };");
    assert_int_equal(device_find(&tree_index, "u", -1, &device, &error), STATUS_BAD_DATA);
    assert_int_equal(device_find(&tree_index, "u", device.node, &device, &error), STATUS_OK);
    assert_int_equal(device.registers[0].base, 2);
}

static void a_tree_that_is_cut_off_is_refused(void **state)
{
    const char *why = NULL;

    (void)state;
    compile(machine);
    for (size_t length = 0; length < tree_bytes; length += 5) {
        uint8_t *exact = malloc(length + 1);
        memcpy(exact, tree, length);
        assert_int_equal(tree_index_read(exact, length, &tree_index, &why), STATUS_BAD_DATA);
        assert_non_null(why);
        free(exact);
    }
}

static void every_node_that_the_index_holds_is_found(void **state)
{
    static char source[48 * 1024];
    char *end = source;

    (void)state;
    for (int i = 2; i < TREE_NODES_MAX; i++)
        end += snprintf(end, (size_t)(source + sizeof source - end), "n%d {};", i);
    (void)snprintf(end, (size_t)(source + sizeof source - end), "z { compatible = \"z\"; };");
    compile(source);
    assert_int_equal(tree_index.node_count, TREE_NODES_MAX);
    assert_int_equal(device_find(&tree_index, "z", -1, &device, &error), STATUS_OK);
    assert_int_equal(device.node, TREE_NODES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_has_its_registers_and_interrupts),
        cmocka_unit_test(disabled_devices_do_not_exist),
        cmocka_unit_test(all_devices_of_a_kind_are_found_in_order),
        cmocka_unit_test(private_interrupts_start_at_16),
        cmocka_unit_test(addresses_are_translated_through_each_bus),
        cmocka_unit_test(interrupts_of_other_controllers_are_left_out),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_refused_device_does_not_hide_the_next),
        cmocka_unit_test(a_tree_that_is_cut_off_is_refused),
        cmocka_unit_test(every_node_that_the_index_holds_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Every kind of fault stops the domain it happens in, and is reported truly.
 */
#include "attack.h"

#include <string.h>

/* The unmapped middle of everything, and places of the kernel's. */
#define ADDRESS_NOT_CANONICAL UINT64_C(0x0000800000000000)
#define ADDRESS_ABOVE_SPACE   UINT64_C(0x0000008000000000)
#define ADDRESS_DIRECT_MAP    UINT64_C(0xffff000040000000)
#define ADDRESS_KERNEL_IMAGE  UINT64_C(0xffffffff80000000)
#define ADDRESS_KERNEL_DEVICE UINT64_C(0xffffffffc0000000)
#define PHYSICAL_NOTHING      UINT64_C(0x0b800000) /* where QEMU's virt has nothing at all */

static uint32_t own_id(void)
{
    struct info_domain info = {0};
    uint64_t next;

    if (domain_info(0, INFO_DOMAIN, 0, &info, sizeof info, &next) != STATUS_OK)
        return 0;
    return info.id;
}

/* Run `attack` in a child, which must be stopped for `reason`; the report is the answer. */
static struct fault_record stopped_by(child_function *attack, uint64_t address,
                                      enum fault_reason reason)
{
    struct child child;
    struct fault_record record = {0};
    const uint64_t end = child_does(&child, attack, address, 0, 0);

    if (end != CHILD_STOPPED) {
        test_fail(__FILE__, __LINE__, "how the child ended", end, CHILD_STOPPED);
        return record;
    }
    record = child_fault(&child);
    if (record.reason != reason)
        test_fail(__FILE__, __LINE__, "reason", record.reason, reason);
    if (record.domain_id != child.id || record.home_domain_id != child.id)
        test_fail(__FILE__, __LINE__, "domain", record.domain_id, child.id);
    const struct info_domain info = child_info(&child);
    if (info.state != DOMAIN_STATE_STOPPED || info.faults != 1)
        test_fail(__FILE__, __LINE__, "state", info.state, DOMAIN_STATE_STOPPED);
    child_destroy(&child);
    return record;
}

static void address_of_nobody_is_refused(void)
{
    static const uint64_t addresses[] = {
        0,
        8,
        PAGE_BYTES * 100,
        (UINT64_C(1) << 39) - 8,
        ADDRESS_ABOVE_SPACE,
        ADDRESS_NOT_CANONICAL,
        ADDRESS_DIRECT_MAP,
        ADDRESS_KERNEL_IMAGE,
        ADDRESS_KERNEL_DEVICE,
        UINT64_MAX - 7,
    };

    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct fault_record record = stopped_by(attack_read, addresses[i], FAULT_READ);
        EXPECT_IS(record.address, addresses[i]);
        EXPECT_IS(record.owner_address, 0);
        EXPECT_IS(record.owner_rights, 0);
        record = stopped_by(attack_write, addresses[i], FAULT_WRITE);
        EXPECT_IS(record.address, addresses[i]);
        record = stopped_by(attack_execute, addresses[i], FAULT_EXECUTE);
        EXPECT_IS(record.address, addresses[i]);
        EXPECT(!test_has_failed());
    }
}

static void report_names_owner_and_right(void)
{
    handle_t segment = 0;
    uaddr_t address = 0;

    EXPECT_OK(probe_make(2 * PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &segment, &address));
    const struct fault_record record =
        stopped_by(attack_write, address + PAGE_BYTES + 16, FAULT_WRITE);
    EXPECT_IS(record.address, address + PAGE_BYTES + 16);
    EXPECT_IS(record.owner_address, address);
    EXPECT_IS(record.owner_domain_id, own_id());
    EXPECT_IS(record.owner_rights, 0);
    EXPECT_IS(memcmp(record.owner_label.text, "probe", 6), 0);
}

static void report_names_a_right_that_is_too_small(void)
{
    const struct board *board = board_get();
    struct fault_record record = stopped_by(attack_execute, syscall_word(board), FAULT_EXECUTE);

    EXPECT_IS(record.address, syscall_word(board));
    EXPECT_IS(record.pc, syscall_word(board));
    EXPECT_IS(record.owner_rights, RIGHT_READ | RIGHT_WRITE);
    record = stopped_by(attack_write, syscall_word((void *)(uintptr_t)attack_nothing), FAULT_WRITE);
    EXPECT_IS(record.owner_rights, RIGHT_READ | RIGHT_EXECUTE);
    EXPECT_IS(memcmp(record.owner_label.text, "text", 5), 0);
    EXPECT_IS(record.owner_domain_id, own_id());
}

static void unaligned_addresses_are_faults(void)
{
    const uint64_t text = syscall_word((void *)(uintptr_t)attack_nothing);
    struct fault_record record = stopped_by(attack_unaligned_pc, text, FAULT_ALIGNMENT);

    EXPECT_IS(record.address, text | 2);
    EXPECT_IS(record.pc, text | 2);
    record = stopped_by(attack_unaligned_exclusive, 0, FAULT_ALIGNMENT);
    EXPECT_IS(record.address, syscall_word(board_get()) + 9);
}

/* QEMU doesn't check the alignment of sp: there the attack gets through and hurts nobody. */
static void unaligned_stack_pointer_is_a_fault(void)
{
    struct child child;

    if (child_does(&child, attack_unaligned_sp, 0, 0, 0) == CHILD_DONE)
        return;
    const struct fault_record record = child_fault(&child);
    EXPECT_IS(record.reason, FAULT_ALIGNMENT);
    EXPECT_IS(record.sp % 16, 8);
    EXPECT_IS(record.address, record.sp);
}

static void instructions_that_are_not_its_own_are_faults(void)
{
    (void)stopped_by(attack_undefined, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_wait_for_interrupt, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_read_system_register, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_mask_interrupts, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_hypervisor_call, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_unknown_svc, 0, FAULT_UNDEFINED);
    (void)stopped_by(attack_breakpoint, 0, FAULT_BREAKPOINT);
}

static void report_points_at_the_instruction(void)
{
    static child_function *const attacks[] = {attack_undefined, attack_breakpoint,
                                              attack_unknown_svc, attack_portal_return,
                                              attack_wait_for_interrupt};
    static const enum fault_reason reasons[] = {FAULT_UNDEFINED, FAULT_BREAKPOINT, FAULT_UNDEFINED,
                                                FAULT_BAD_RETURN, FAULT_UNDEFINED};

    for (unsigned i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        const struct fault_record record = stopped_by(attacks[i], 0, reasons[i]);
        const uint64_t start = syscall_word((void *)(uintptr_t)attacks[i]);
        EXPECT(record.pc >= start && record.pc < start + 32);
        EXPECT(!test_has_failed());
    }
}

static void portal_return_with_nothing_is_a_fault(void)
{
    child_function *const attacks[] = {attack_portal_return, attack_portal_return_with};

    for (unsigned i = 0; i < 2; i++) {
        const struct fault_record record = stopped_by(attacks[i], 0, FAULT_BAD_RETURN);
        /* The path has looked by then, and mustn't leave where it did. */
        for (unsigned x = 0; x < 31; x++)
            EXPECT(record.x[x] >> 48 == 0);
    }
}

static void stack_overflow_is_named(void)
{
    struct child child;

    EXPECT_IS(child_does(&child, attack_recursion, 0, 0, 0), CHILD_STOPPED);
    const struct fault_record record = child_fault(&child);
    EXPECT_IS(record.reason, FAULT_STACK_OVERFLOW);
    EXPECT(record.address >= child.stack && record.address < child.stack + PAGE_BYTES);
    EXPECT_IS(record.owner_address, child.stack);
    EXPECT(record.backtrace_count >= 3);
}

static void report_holds_the_registers(void)
{
    const struct fault_record record = stopped_by(attack_registers, 0, FAULT_UNDEFINED);

    EXPECT_IS(record.x[9], 0x909);
    EXPECT_IS(record.x[10], 0xa0a);
    EXPECT_IS(record.x[17], 0x1717);
    EXPECT_IS(record.x[28], 0x2828);
    EXPECT_IS(record.pstate & 0xf, 0);
    EXPECT(record.thread_id != 0);
    EXPECT(record.backtrace_count >= 1);
    EXPECT_IS(record.backtrace[0], record.pc);
}

static void division_by_zero_is_none(void)
{
    struct child child;

    EXPECT_IS(child_does(&child, attack_divide_by_zero, 5, 0, 0), CHILD_DONE);
    EXPECT_IS(board_get()->word[0], 1);
}

static void denied_call_is_a_fault_where_asked_for(void)
{
    const struct child_needs needs = {.denied_calls = 1, .flags = DOMAIN_DENIAL_FAULTS};
    struct child child;

    EXPECT_OK(child_make(&needs, &child));
    EXPECT_OK(child_start(&child, attack_null_call, NULL));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    const struct fault_record record = child_fault(&child);
    EXPECT_IS(record.reason, FAULT_DENIED_CALL);
    EXPECT_IS(record.address, SYS_NULL);
    EXPECT_IS(child_info(&child).denied_calls, 1);
}

/* A device segment over nothing: the bus says no. */
static void missing_device_is_a_fault(void)
{
    handle_t device = 0;
    uaddr_t address = 0;
    struct child child;

    EXPECT_OK(segment_create_device(test_factory(), PHYSICAL_NOTHING, PAGE_BYTES,
                                    name_from("nothing"), &device, &address));
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_grant(device, child.domain, RIGHT_READ | RIGHT_WRITE));
    const uint64_t argument[BIRTH_ARGUMENTS] = {address};
    EXPECT_OK(child_start(&child, attack_read, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_BUS);
    EXPECT_IS(child_fault(&child).address, address);
    EXPECT_IS(child_fault(&child).owner_rights, RIGHT_READ | RIGHT_WRITE);
}

static const struct test fault_tests[] = {
    TEST(address_of_nobody_is_refused),
    TEST(report_names_owner_and_right),
    TEST(report_names_a_right_that_is_too_small),
    TEST(unaligned_addresses_are_faults),
    TEST(unaligned_stack_pointer_is_a_fault),
    TEST(instructions_that_are_not_its_own_are_faults),
    TEST(report_points_at_the_instruction),
    TEST(portal_return_with_nothing_is_a_fault),
    TEST(stack_overflow_is_named),
    TEST(report_holds_the_registers),
    TEST(division_by_zero_is_none),
    TEST(denied_call_is_a_fault_where_asked_for),
    TEST(missing_device_is_a_fault),
};
TEST_GROUP(fault);

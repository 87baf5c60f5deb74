/*
 * The loader's tools: aliases, room behind them, devices and their interrupts.
 */
#include "attack.h"

#include <string.h>

static uint64_t word;

static void alias_is_the_same_memory_elsewhere(void)
{
    handle_t alias = 0, data = 0, other = 0;
    uaddr_t address = 0, behind = 0;
    struct child child;
    struct segment_info info = {0};

    EXPECT_OK(segment_info(test_text(), &info));
    EXPECT_OK(segment_create_alias(test_factory(), test_text(), 0, info.length_bytes, PAGE_BYTES,
                                   2 * SLOT_BYTES, name_from("again"), &alias, &address));
    EXPECT(address != info.address);
    EXPECT_IS(segment_grant(alias, 0, RIGHT_READ | RIGHT_WRITE), STATUS_NO_RIGHT);
    EXPECT_OK(segment_grant(alias, 0, RIGHT_READ | RIGHT_EXECUTE));
    EXPECT_IS(
        memcmp((void *)(uintptr_t)address, (void *)(uintptr_t)info.address, info.length_bytes), 0);
    /* Behind the first page nothing can be executed, whatever the view grants. */
    EXPECT_OK(child_make(&(struct child_needs){0}, &child));
    EXPECT_OK(segment_grant(alias, child.domain, RIGHT_READ | RIGHT_EXECUTE));
    const uint64_t argument[BIRTH_ARGUMENTS] = {address + PAGE_BYTES};
    EXPECT_OK(child_start(&child, attack_execute, argument));
    EXPECT_IS(child_wait(&child), CHILD_STOPPED);
    EXPECT_IS(child_fault(&child).reason, FAULT_EXECUTE);
    EXPECT_IS(child_fault(&child).owner_rights, RIGHT_READ);
    /* The room behind it is taken once, as a whole, and by nobody else. */
    const uint64_t distance = (info.length_bytes + SLOT_BYTES - 1) / SLOT_BYTES * SLOT_BYTES;
    EXPECT_IS(segment_create_behind(test_factory(), alias, distance, SLOT_BYTES,
                                    name_from("behind"), &data, &behind),
              STATUS_BAD_ARGUMENT);
    EXPECT_OK(segment_create_behind(test_factory(), alias, distance, SLOT_BYTES + PAGE_BYTES,
                                    name_from("behind"), &data, &behind));
    EXPECT_IS(behind, address + distance);
    EXPECT_IS(segment_create_behind(test_factory(), alias, distance, SLOT_BYTES + PAGE_BYTES,
                                    name_from("behind"), &other, &behind),
              STATUS_BAD_ARGUMENT);
    EXPECT_OK(segment_revoke(alias, 0));
    EXPECT_OK(handle_close(alias));
    EXPECT_OK(segment_grant(data, 0, RIGHT_READ | RIGHT_WRITE));
    *(volatile uint64_t *)(uintptr_t)behind = 1;
}

/* Memory that was shared with an alias outlives what it was an alias of. */
static void alias_keeps_its_source(void)
{
    handle_t source = 0, alias = 0;
    uaddr_t address = 0, copy = 0;

    EXPECT_OK(
        segment_create(4 * PAGE_BYTES, RIGHT_READ, 0, 0, name_from("source"), &source, &address));
    EXPECT_OK(segment_create_alias(test_factory(), source, PAGE_BYTES, PAGE_BYTES, 0, 0,
                                   name_from("alias"), &alias, &copy));
    EXPECT_OK(handle_close(source));
    test_settle();
    EXPECT_OK(segment_grant(alias, 0, RIGHT_READ));
    EXPECT_IS(*(volatile uint64_t *)(uintptr_t)copy, 0);
}

static void opened_segments_can_only_be_read(void)
{
    handle_t segment = 0, opened = 0;
    uaddr_t address = 0;
    struct handle_info info = {0};

    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, 0, 0, name_from("open"),
                             &segment, &address));
    EXPECT_OK(segment_open(test_factory(), address + 100, &opened));
    EXPECT_OK(handle_info(opened, &info));
    EXPECT_IS(info.rights, RIGHT_READ | RIGHT_INSPECT);
    EXPECT_IS(segment_grant(opened, 0, RIGHT_READ | RIGHT_WRITE), STATUS_NO_RIGHT);
    EXPECT_IS(segment_open(test_factory(), address + PAGE_BYTES, &segment), STATUS_NOT_FOUND);
}

static void assigned_segments_are_paid_for_by_their_owner(void)
{
    struct child child;
    handle_t segment = 0;
    uaddr_t address = 0;
    const struct child_needs needs = {.quota = {.frames = 100}};

    EXPECT_OK(child_make(&needs, &child));
    const uint32_t before = child_info(&child).used.frames;
    EXPECT_OK(
        segment_create(200 * PAGE_BYTES, RIGHT_READ, 0, 0, name_from("big"), &segment, &address));
    EXPECT_IS(segment_assign(segment, child.domain), STATUS_OUT_OF_QUOTA);
    EXPECT_IS(child_info(&child).used.frames, before);
    EXPECT_OK(
        segment_create(20 * PAGE_BYTES, RIGHT_READ, 0, 0, name_from("small"), &segment, &address));
    EXPECT_OK(segment_assign(segment, child.domain));
    EXPECT_OK(segment_assign(segment, child.domain));
    EXPECT(child_info(&child).used.frames >= before + 20);
    EXPECT(child_info(&child).used.frames <= before + 22);
    EXPECT_OK(handle_close(segment));
    test_settle();
    EXPECT_IS(child_info(&child).used.frames, before);
    EXPECT_OK(domain_destroy(child.domain));
    EXPECT_OK(segment_create(PAGE_BYTES, RIGHT_READ, 0, 0, name_from("late"), &segment, &address));
    EXPECT_IS(segment_assign(segment, child.domain), STATUS_PEER_DEAD);
}

/* ---- a real interrupt: the alarm of the PL031, which is on SPI 2 of QEMU's virt ---- */

enum { RTC_NUMBER = 34, RTC_DATA = 0, RTC_MATCH = 4, RTC_MASK = 0x10, RTC_CLEAR = 0x1c };
#define RTC_PHYSICAL UINT64_C(0x09010000)

static uaddr_t rtc;

static uint32_t rtc_get(uint64_t offset)
{
    return *(volatile uint32_t *)(uintptr_t)(rtc + offset);
}

static void rtc_set(uint64_t offset, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)(rtc + offset) = value;
}

static uint64_t rtc_count(void)
{
    struct info_interrupt record = {0};
    uint64_t next;

    if (system_info(INFO_INTERRUPTS, RTC_NUMBER, &record, sizeof record, &next) != STATUS_OK
        || record.number != RTC_NUMBER)
        return 0;
    return record.count;
}

static void interrupts_come_until_they_are_acknowledged(void)
{
    handle_t registers = 0, interrupt = 0, event = 0;

    EXPECT_OK(segment_create_device(test_factory(), RTC_PHYSICAL, PAGE_BYTES, name_from("rtc"),
                                    &registers, &rtc));
    EXPECT_OK(segment_grant(registers, 0, RIGHT_READ | RIGHT_WRITE));
    EXPECT_OK(test_event(&word, &event));
    EXPECT_OK(interrupt_create(test_factory(), RTC_NUMBER, 0, &interrupt));
    EXPECT_OK(interrupt_bind(interrupt, event, 8));
    rtc_set(RTC_MASK, 1);
    rtc_set(RTC_MATCH, rtc_get(RTC_DATA) + 1);
    EXPECT_OK(event_wait(event, test_soon(3 * TEST_S)));
    EXPECT_IS(word, 8);
    EXPECT_IS(rtc_count(), 1);
    /* The line is still up, but silent. */
    word = 0;
    EXPECT_IS(event_wait(event, test_soon(TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_IS(rtc_count(), 1);
    EXPECT_OK(interrupt_ack(interrupt));
    EXPECT_OK(event_wait(event, test_soon(TEST_MS)));
    EXPECT_IS(rtc_count(), 2);
    /* Cleared at the device, then acknowledged: over. */
    word = 0;
    rtc_set(RTC_CLEAR, 1);
    EXPECT_OK(interrupt_ack(interrupt));
    EXPECT_OK(interrupt_ack(interrupt));
    EXPECT_IS(event_wait(event, test_soon(TEST_MS)), STATUS_TIMED_OUT);
    EXPECT_IS(rtc_count(), 2);
    /* A driver that dies while it is active leaves a line that works for the next. */
    rtc_set(RTC_MATCH, rtc_get(RTC_DATA) + 1);
    EXPECT_OK(event_wait(event, test_soon(3 * TEST_S)));
    EXPECT_OK(handle_close(interrupt));
    word = 0;
    EXPECT_OK(interrupt_create(test_factory(), RTC_NUMBER, 0, &interrupt));
    EXPECT_OK(interrupt_bind(interrupt, event, 16));
    EXPECT_OK(event_wait(event, test_soon(TEST_MS)));
    EXPECT_IS(word, 16);
    rtc_set(RTC_CLEAR, 1);
    rtc_set(RTC_MASK, 0);
}

static const struct test loader_tests[] = {
    TEST(alias_is_the_same_memory_elsewhere),
    TEST(alias_keeps_its_source),
    TEST(opened_segments_can_only_be_read),
    TEST(assigned_segments_are_paid_for_by_their_owner),
    TEST(interrupts_come_until_they_are_acknowledged),
};
TEST_GROUP(loader);

/*
 * What a network stack may ask the driver to send, and what it may not.
 */
// source: devices/virtio-net/frame.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "devices/virtio-net/frame.h"

static const struct frame_limits limits = {
    .pool_bytes = 65536, .mtu = 1500, .has_checksum_offload = true};

static struct link_message frame(uint8_t count, uint32_t offset, uint16_t length)
{
    struct link_message m = {.kind = LINK_TX, .count = count};

    for (unsigned i = 0; i < LINK_TX_PIECES; i++) {
        m.tx.offset[i] = offset;
        m.tx.length[i] = length;
    }
    return m;
}

static void expect_length(struct link_message m, uint32_t length)
{
    assert_int_equal(frame_length(&m, &limits), length);
}

static void whole_frames_are_accepted(void **state)
{
    (void)state;
    expect_length(frame(1, 0, 14), 14);
    expect_length(frame(1, 0, 1514), 1514);
    expect_length(frame(2, 4096, 700), 1400);
    expect_length(frame(3, 65536 - 504, 504), 1512);
}

static void pieces_are_counted_and_never_empty(void **state)
{
    (void)state;
    expect_length(frame(0, 0, 100), 0);
    expect_length(frame(4, 0, 100), 0);
    expect_length(frame(255, 0, 100), 0);
    struct link_message m = frame(3, 0, 100);
    m.tx.length[1] = 0;
    expect_length(m, 0);
}

static void pieces_outside_the_pool_are_refused(void **state)
{
    (void)state;
    expect_length(frame(1, 65536 - 99, 100), 0);
    expect_length(frame(1, 65536, 100), 0);
    expect_length(frame(1, 65537, 100), 0);
    expect_length(frame(1, UINT32_MAX, 100), 0);
    expect_length(frame(1, UINT32_MAX - 50, 100), 0);
    struct link_message m = frame(2, 0, 100);
    m.tx.offset[1] = 65500;
    expect_length(m, 0);
}

static void frames_are_neither_too_short_nor_too_long(void **state)
{
    (void)state;
    expect_length(frame(1, 0, 13), 0);
    expect_length(frame(1, 0, 1515), 0);
    expect_length(frame(3, 0, 0xffff), 0);
}

static void checksum_lies_inside_the_frame(void **state)
{
    (void)state;
    struct link_message m = frame(1, 0, 60);

    m.flags = LINK_TX_CHECKSUM;
    m.tx.checksum_start = 34;
    m.tx.checksum_offset = 16;
    expect_length(m, 60);
    m.tx.checksum_offset = 24;
    expect_length(m, 60);
    m.tx.checksum_offset = 25;
    expect_length(m, 0);
    m.tx.checksum_start = 0xffff;
    m.tx.checksum_offset = 0xffff;
    expect_length(m, 0);
}

static void checksum_without_the_device_s_help_is_refused(void **state)
{
    (void)state;
    const struct frame_limits plain = {.pool_bytes = 65536, .mtu = 1500};
    struct link_message m = frame(1, 0, 60);

    assert_int_equal(frame_length(&m, &plain), 60);
    m.flags = LINK_TX_CHECKSUM;
    assert_int_equal(frame_length(&m, &plain), 0);
}

static void pieces_reach_the_device_at_their_places(void **state)
{
    (void)state;
    struct virtqueue_piece pieces[LINK_TX_PIECES];
    struct link_message m = frame(2, 0x100, 20);

    m.tx.offset[1] = 0x800;
    frame_gather(&m, UINT64_C(0x40000000), pieces);
    assert_int_equal(pieces[0].physical, 0x40000100);
    assert_int_equal(pieces[1].physical, 0x40000800);
    assert_int_equal(pieces[1].length, 20);
    assert_false(pieces[0].is_writable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_frames_are_accepted),
        cmocka_unit_test(pieces_are_counted_and_never_empty),
        cmocka_unit_test(pieces_outside_the_pool_are_refused),
        cmocka_unit_test(frames_are_neither_too_short_nor_too_long),
        cmocka_unit_test(checksum_lies_inside_the_frame),
        cmocka_unit_test(checksum_without_the_device_s_help_is_refused),
        cmocka_unit_test(pieces_reach_the_device_at_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

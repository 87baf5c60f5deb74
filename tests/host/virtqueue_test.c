/*
 * The virtqueue against a model of a device, first a correct one, then a hostile one.
 *
 * The device's half is written here from the specification, so that the two sides
 * check each other.
 */
// source: devices/virtio/queue.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virtio/queue.h"

enum { SIZE = 8 };

struct bench {
    struct virtqueue queue;
    struct virtqueue_slot *slots;
    void *memory;
    uint16_t seen; /* the device's position in the available ring */
};

static void bench_open(struct bench *b, uint16_t size, bool has_event_index)
{
    size_t bytes = virtqueue_bytes(size);

    *b = (struct bench){.slots = malloc(size * sizeof(*b->slots))};
    b->memory = aligned_alloc(64, bytes);
    memset(b->memory, 0, bytes);
    virtqueue_init(&b->queue, size, b->memory, b->slots, has_event_index);
}

static void bench_close(struct bench *b)
{
    free(b->memory);
    free(b->slots);
}

static uint16_t lend(struct bench *b, uint16_t pieces, uint32_t length, bool is_writable)
{
    struct virtqueue_piece piece[SIZE];
    uint16_t head = 0;

    for (uint16_t i = 0; i < pieces; i++)
        piece[i] = (struct virtqueue_piece){
            .physical = 0x1000U * (i + 1U), .length = length, .is_writable = is_writable};
    assert_int_equal(virtqueue_add(&b->queue, piece, pieces, &head), STATUS_OK);
    return head;
}

/* For the tests to which it doesn't matter whether the device wants to hear of it. */
static void publish(struct bench *b)
{
    bool notify = virtqueue_publish(&b->queue);

    (void)notify;
}

/* The device's side. */

static uint16_t device_next(struct bench *b)
{
    uint16_t index = atomic_load(&b->queue.available->index);

    assert_true(b->seen != index);
    return b->queue.available->ring[b->seen++ % b->queue.size];
}

static void device_return(struct bench *b, uint32_t id, uint32_t length)
{
    struct virtqueue_used *used = b->queue.used;
    uint16_t index = atomic_load(&used->index);

    used->ring[index % b->queue.size].id = id;
    used->ring[index % b->queue.size].length = length;
    atomic_store(&used->index, (uint16_t)(index + 1));
}

static void size_is_the_largest_power_of_two_that_both_allow(void **state)
{
    (void)state;
    assert_int_equal(virtqueue_size(0, 256), 0);
    assert_int_equal(virtqueue_size(1, 256), 1);
    assert_int_equal(virtqueue_size(1024, 256), 256);
    assert_int_equal(virtqueue_size(100, 256), 64);
    assert_int_equal(virtqueue_size(32768, 32768), 32768);
    assert_int_equal(virtqueue_size(UINT32_MAX, 65535), 32768);
}

static void layout_is_that_of_the_specification(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= VIRTQUEUE_SIZE_MAX; size *= 2) {
        uint16_t n = (uint16_t)size;

        assert_int_equal(virtqueue_available_offset(n), 16 * size);
        assert_true(virtqueue_used_offset(n) >= 16 * size + 6 + 2 * size);
        assert_int_equal(virtqueue_used_offset(n) % 4, 0);
        assert_true(virtqueue_bytes(n) >= virtqueue_used_offset(n) + 6 + 8 * size);
    }
}

static void chain_reaches_the_device_as_it_was_lent(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    struct virtqueue_piece pieces[3] = {{.physical = 0x1000, .length = 12},
                                        {.physical = 0x2000, .length = 100},
                                        {.physical = 0x3000, .length = 200, .is_writable = true}};
    uint16_t head;

    assert_int_equal(virtqueue_add(&b.queue, pieces, 3, &head), STATUS_OK);
    assert_int_equal(atomic_load(&b.queue.available->index), 0);
    assert_true(virtqueue_publish(&b.queue));
    assert_false(virtqueue_publish(&b.queue));

    uint16_t at = device_next(&b);
    assert_int_equal(at, head);
    for (int i = 0; i < 3; i++) {
        struct virtqueue_descriptor *d = &b.queue.descriptors[at];

        assert_int_equal(d->physical, pieces[i].physical);
        assert_int_equal(d->length, pieces[i].length);
        assert_int_equal(d->flags, (i < 2 ? VIRTQUEUE_NEXT : 0) | (i == 2 ? VIRTQUEUE_WRITE : 0));
        at = d->next;
    }

    uint32_t written;
    assert_int_equal(virtqueue_take(&b.queue, &head, &written), STATUS_WOULD_BLOCK);
    device_return(&b, head, 200);
    assert_int_equal(virtqueue_take(&b.queue, &head, &written), STATUS_OK);
    assert_int_equal(written, 200);
    assert_int_equal(b.queue.free_count, SIZE);
    bench_close(&b);
}

static void full_queue_refuses_and_recovers(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, false);
    struct virtqueue_piece piece = {.physical = 1, .length = 1};
    uint16_t head;
    uint32_t written;

    uint16_t first = lend(&b, 2, 10, false);
    (void)lend(&b, 6, 10, false);
    assert_int_equal(virtqueue_add(&b.queue, &piece, 1, &head), STATUS_WOULD_BLOCK);
    assert_true(virtqueue_publish(&b.queue));
    device_return(&b, first, 0);
    assert_int_equal(virtqueue_take(&b.queue, &head, &written), STATUS_OK);
    assert_int_equal(b.queue.free_count, 2);
    (void)lend(&b, 2, 10, false);
    bench_close(&b);
}

static void random_traffic_loses_and_doubles_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    uint32_t random = 1;
    uint32_t length_of[SIZE] = {0};
    uint16_t held[SIZE];
    unsigned held_count = 0, lent = 0, taken = 0;

    for (unsigned round = 0; round < 300000; round++) {
        random = random * 1664525U + 1013904223U;
        unsigned choice = random >> 30;
        uint16_t count = (uint16_t)(1 + ((random >> 20) % 3));

        if (choice == 0 && b.queue.free_count >= count) {
            uint32_t length = 1 + ((random >> 8) & 0xff);
            length_of[lend(&b, count, length, true)] = length * count;
            publish(&b);
            lent++;
        } else if (choice == 1 && b.seen != atomic_load(&b.queue.available->index)) {
            held[held_count++] = device_next(&b);
        } else if (choice == 2 && held_count > 0) {
            unsigned pick = (random >> 10) % held_count;
            device_return(&b, held[pick], length_of[held[pick]]);
            held[pick] = held[--held_count];
        } else if (choice == 3) {
            uint16_t head;
            uint32_t written;
            if (virtqueue_take(&b.queue, &head, &written) == STATUS_OK) {
                assert_int_equal(written, length_of[head]);
                length_of[head] = 0;
                taken++;
            }
        }
    }
    assert_true(lent > 10000);
    assert_int_equal(lent - taken, b.queue.in_flight);
    bench_close(&b);
}

static void event_index_decides_about_notifications(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);

    (void)lend(&b, 1, 1, false);
    assert_true(virtqueue_publish(&b.queue)); /* event 0: wants to hear of the first */
    (void)lend(&b, 1, 1, false);
    assert_false(virtqueue_publish(&b.queue)); /* still 0, long passed */
    atomic_store(b.queue.available_event, 3);
    (void)lend(&b, 1, 1, false);
    assert_false(virtqueue_publish(&b.queue));
    (void)lend(&b, 1, 1, false);
    (void)lend(&b, 1, 1, false);
    assert_true(virtqueue_publish(&b.queue));
    bench_close(&b);
}

static void flags_decide_without_the_event_index(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, false);

    (void)lend(&b, 1, 1, false);
    assert_true(virtqueue_publish(&b.queue));
    atomic_store(&b.queue.used->flags, VIRTQUEUE_NO_NOTIFY);
    (void)lend(&b, 1, 1, false);
    assert_false(virtqueue_publish(&b.queue));
    virtqueue_disarm(&b.queue);
    assert_int_equal(atomic_load(&b.queue.available->flags), VIRTQUEUE_NO_INTERRUPT);
    assert_true(virtqueue_arm(&b.queue, 0));
    assert_int_equal(atomic_load(&b.queue.available->flags), 0);
    bench_close(&b);
}

static void arming_notices_what_came_in_between(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    uint16_t one = lend(&b, 1, 1, false), two = lend(&b, 1, 1, false);

    publish(&b);
    assert_true(virtqueue_arm(&b.queue, 0));
    device_return(&b, one, 0);
    assert_false(virtqueue_arm(&b.queue, 0));
    assert_true(virtqueue_arm(&b.queue, 1));
    assert_int_equal(atomic_load(b.queue.used_event), 1);
    device_return(&b, two, 0);
    assert_false(virtqueue_arm(&b.queue, 1));
    bench_close(&b);
}

static void indices_survive_wrapping_around(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, 1, true);

    for (unsigned i = 0; i < 200000; i++) {
        uint16_t head;
        uint32_t written;

        (void)lend(&b, 1, 4, true);
        atomic_store(b.queue.available_event, b.seen);
        assert_true(virtqueue_publish(&b.queue));
        device_return(&b, device_next(&b), 4);
        assert_int_equal(virtqueue_take(&b.queue, &head, &written), STATUS_OK);
    }
    bench_close(&b);
}

/* A hostile device: each lie is found out, and nothing is touched. */

static void expect_bad_data(struct bench *b)
{
    struct virtqueue before = b->queue;
    uint16_t head = 77;
    uint32_t written = 77;

    assert_int_equal(virtqueue_take(&b->queue, &head, &written), STATUS_BAD_DATA);
    assert_int_equal(head, 77);
    assert_int_equal(written, 77);
    assert_memory_equal(&before, &b->queue, sizeof(before));
}

static void returned_number_outside_the_table_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    (void)lend(&b, 1, 10, true);
    publish(&b);
    device_return(&b, SIZE, 0);
    expect_bad_data(&b);
    bench_close(&b);

    bench_open(&b, SIZE, true);
    (void)lend(&b, 1, 10, true);
    device_return(&b, UINT32_MAX, 0);
    expect_bad_data(&b);
    bench_close(&b);
}

static void returned_number_that_is_not_a_head_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    uint16_t head = lend(&b, 3, 10, true);
    publish(&b);
    device_return(&b, b.queue.descriptors[head].next, 0);
    expect_bad_data(&b);
    bench_close(&b);
}

static void buffer_returned_twice_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    uint16_t head = lend(&b, 1, 10, true), taken;
    uint32_t written;

    (void)lend(&b, 1, 10, true);
    publish(&b);
    device_return(&b, head, 10);
    device_return(&b, head, 10);
    assert_int_equal(virtqueue_take(&b.queue, &taken, &written), STATUS_OK);
    expect_bad_data(&b);
    bench_close(&b);
}

static void length_beyond_the_buffer_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    struct virtqueue_piece pieces[2] = {{.physical = 1, .length = 1000},
                                        {.physical = 2, .length = 10, .is_writable = true}};
    uint16_t head;

    assert_int_equal(virtqueue_add(&b.queue, pieces, 2, &head), STATUS_OK);
    publish(&b);
    device_return(&b, head, 11);
    expect_bad_data(&b);
    bench_close(&b);
}

static void more_returned_than_lent_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    (void)lend(&b, 1, 10, true);
    publish(&b);
    atomic_store(&b.queue.used->index, 2);
    expect_bad_data(&b);
    atomic_store(&b.queue.used->index, 0xffff);
    expect_bad_data(&b);
    bench_close(&b);
}

static void scribbled_descriptors_change_nothing_for_the_driver(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SIZE, true);
    uint16_t head = lend(&b, 4, 10, true), taken;
    uint32_t written;

    publish(&b);
    memset(b.queue.descriptors, 0xff, SIZE * sizeof(struct virtqueue_descriptor));
    memset(b.queue.available->ring, 0xff, SIZE * sizeof(uint16_t));
    device_return(&b, head, 40);
    assert_int_equal(virtqueue_take(&b.queue, &taken, &written), STATUS_OK);
    assert_int_equal(b.queue.free_count, SIZE);
    for (int i = 0; i < SIZE; i++)
        (void)lend(&b, 1, 1, false);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_is_the_largest_power_of_two_that_both_allow),
        cmocka_unit_test(layout_is_that_of_the_specification),
        cmocka_unit_test(chain_reaches_the_device_as_it_was_lent),
        cmocka_unit_test(full_queue_refuses_and_recovers),
        cmocka_unit_test(random_traffic_loses_and_doubles_nothing),
        cmocka_unit_test(event_index_decides_about_notifications),
        cmocka_unit_test(flags_decide_without_the_event_index),
        cmocka_unit_test(arming_notices_what_came_in_between),
        cmocka_unit_test(indices_survive_wrapping_around),
        cmocka_unit_test(returned_number_outside_the_table_is_refused),
        cmocka_unit_test(returned_number_that_is_not_a_head_is_refused),
        cmocka_unit_test(buffer_returned_twice_is_refused),
        cmocka_unit_test(length_beyond_the_buffer_is_refused),
        cmocka_unit_test(more_returned_than_lent_is_refused),
        cmocka_unit_test(scribbled_descriptors_change_nothing_for_the_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

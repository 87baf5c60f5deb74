/*
 * Pools: items that don't overlap, come zeroed, and give their frames back.
 */
// source: domains/pool.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_frames.c
// include first: tests/host/fake_arch
#include "domains/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_frames.h"

enum { ITEMS_MAX = 2000, STEPS = 100000, ROOM = 4096 - 64 };

static struct pool pool;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static int setup(void **state)
{
    (void)state;
    fake_frames_init(UINT64_C(1) << 20);
    random_state = 3;
    return 0;
}

static uint8_t *take(size_t bytes)
{
    void *item = NULL;

    assert_int_equal(pool_take(&pool, &item), STATUS_OK);
    assert_int_equal((uintptr_t)item % 16, 0);
    assert_int_equal((uintptr_t)item / 4096, ((uintptr_t)item + bytes - 1) / 4096);
    const uint8_t *byte = item;
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(byte[i], 0);
    return item;
}

static void a_frame_holds_as_many_items_as_fit(void **state)
{
    static const size_t sizes[] = {1, 8, 16, 17, 48, 100, 512, 1344, 2016, 2017, ROOM};

    (void)state;
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        static uint8_t *items[ROOM / 16 + 1];
        pool_init(&pool, sizes[s]);
        const size_t per_frame = ROOM / ((sizes[s] + 15) / 16 * 16);
        for (size_t i = 0; i < per_frame; i++) {
            items[i] = take(sizes[s]);
            memset(items[i], (int)i + 1, sizes[s]);
            assert_int_equal(fake_frames_used(), 1);
        }
        items[per_frame] = take(sizes[s]);
        assert_int_equal(fake_frames_used(), 2);
        pool_return(&pool, items[per_frame]);
        assert_int_equal(fake_frames_used(), 1);
        for (size_t i = 0; i < per_frame; i++) {
            for (size_t b = 0; b < sizes[s]; b++)
                assert_int_equal(items[i][b], (uint8_t)(i + 1));
            pool_return(&pool, items[i]);
        }
        assert_int_equal(fake_frames_used(), 0);
        assert_true(list_is_empty(&pool.partial));
    }
}

static void an_item_larger_than_a_frame_is_the_kernels_mistake(void **state)
{
    (void)state;
    expect_assert_failure(pool_init(&pool, ROOM + 1));
}

static void without_a_frame_there_is_no_item(void **state)
{
    void *item = NULL;

    (void)state;
    pool_init(&pool, ROOM);
    fake_frames_left = 1;
    uint8_t *only = take(ROOM);
    assert_int_equal(pool_take(&pool, &item), STATUS_OUT_OF_MEMORY);
    assert_null(item);
    pool_return(&pool, only);
    pool_return(&pool, take(ROOM));
    assert_int_equal(fake_frames_used(), 0);
}

static void random_steps_keep_items_apart(void **state)
{
    static struct {
        uint8_t *at;
        uint8_t mark;
    } items[ITEMS_MAX];
    const size_t bytes = 200;
    unsigned count = 0, most = 0;

    (void)state;
    pool_init(&pool, bytes);
    for (unsigned step = 0; step < STEPS; step++) {
        const bool grow = random_below(100) < (step / 10000 % 2 == 0 ? 60U : 40U);
        if (grow && count < ITEMS_MAX) {
            items[count].at = take(bytes);
            items[count].mark = (uint8_t)(1 + random_below(255));
            memset(items[count].at, items[count].mark, bytes);
            count++;
        } else if (!grow && count > 0) {
            const unsigned i = random_below(count);
            for (size_t b = 0; b < bytes; b++)
                assert_int_equal(items[i].at[b], items[i].mark);
            pool_return(&pool, items[i].at);
            items[i] = items[--count];
        }
        most = count > most ? count : most;
        /* No frame without an item, and room in the frames for all items. */
        assert_true(fake_frames_used() <= count);
        assert_true(fake_frames_used() * (ROOM / 208) >= count);
    }
    assert_true(most > 1000);
    while (count > 0)
        pool_return(&pool, items[--count].at);
    assert_int_equal(fake_frames_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_frame_holds_as_many_items_as_fit, setup),
        cmocka_unit_test_setup(an_item_larger_than_a_frame_is_the_kernels_mistake, setup),
        cmocka_unit_test_setup(without_a_frame_there_is_no_item, setup),
        cmocka_unit_test_setup(random_steps_keep_items_apart, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

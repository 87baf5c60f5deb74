/*
 * The base layer's small nouns: bits, lists, ratios, spinlocks.
 */
// source: core/base/ratio.c
// source: core/base/assert.c
#include "base/assert.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/ratio.h"
#include "base/spinlock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void panic(const char *format, ...)
{
    (void)format;
    mock_assert(0, "panic", __FILE__, __LINE__);
    __builtin_trap();
}

static void rounding_and_counting_hold_at_the_edges(void **state)
{
    (void)state;
    assert_int_equal(align_up(0, 4096), 0);
    assert_int_equal(align_up(1, 4096), 4096);
    assert_int_equal(align_up(4096, 4096), 4096);
    assert_int_equal(align_down(8191, 4096), 4096);
    assert_int_equal(align_up(UINT64_MAX, 4096), 0);
    assert_true(is_aligned(8192, 4096));
    assert_false(is_aligned(8193, 4096));
    assert_int_equal(divide_up(UINT64_MAX, 2), UINT64_C(1) << 63);
    assert_int_equal(divide_up(0, 7), 0);
    assert_int_equal(bits_leading_zeros(0), 64);
    assert_int_equal(bits_trailing_zeros(0), 64);
    assert_int_equal(bits_highest(1), 0);
    assert_int_equal(bits_highest(UINT64_MAX), 63);
    assert_true(is_power_of_two(BIT(63)));
    assert_false(is_power_of_two(0));
    assert_false(is_power_of_two(3));
}

static void fields_are_cut_and_set_without_touching_neighbours(void **state)
{
    (void)state;
    assert_int_equal(BITS(7, 4), 0xf0);
    assert_true(BITS(63, 0) == UINT64_MAX);
    assert_int_equal(bits_field(0xabcd, 4, 8), 0xbc);
    assert_int_equal(bits_field_set(0xabcd, 4, 8, 0xfff11), 0xa11d);
    assert_true(bits_field_set(UINT64_MAX, 63, 1, 0) == UINT64_MAX >> 1);
}

struct item {
    int value;
    struct list_node node;
};

static int item_value(struct list_node *node)
{
    return LIST_ENTRY(node, struct item, node)->value;
}

static void list_keeps_order_and_forgets_what_is_removed(void **state)
{
    (void)state;
    struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
    struct list list;
    int expected = 0;

    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_pop_front(&list));
    assert_false(list_node_is_linked(&items[0].node));

    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[3].node);
    list_push_front(&list, &items[0].node);
    list_insert_before(&items[3].node, &items[2].node);
    LIST_FOR_EACH (node, &list)
        assert_int_equal(item_value(node), expected++);
    assert_int_equal(expected, 4);
    assert_ptr_equal(list_after(&list, &items[0].node), &items[1].node);
    assert_null(list_after(&list, &items[3].node));
    assert_ptr_equal(list_last(&list), &items[3].node);

    LIST_FOR_EACH (node, &list) {
        if (item_value(node) % 2 == 0)
            list_remove(node);
    }
    assert_false(list_node_is_linked(&items[2].node));
    assert_ptr_equal(list_pop_front(&list), &items[1].node);
    assert_ptr_equal(list_pop_front(&list), &items[3].node);
    assert_true(list_is_empty(&list));
}

static void ratio_is_never_high_and_at_most_one_low(void **state)
{
    (void)state;
    static const uint64_t frequencies[] = {1,        3,         19200000,   24000000,
                                           62500000, 999999937, 1000000000, UINT64_C(4000000000)};
    static const uint64_t values[] = {
        0, 1, 2, 15, 62499999, 62500000, UINT64_C(1) << 40, UINT64_C(0x123456789abcdef)};

    for (size_t f = 0; f < sizeof(frequencies) / sizeof(frequencies[0]); f++) {
        const struct ratio ratio = ratio_make(1000000000, frequencies[f]);

        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            __extension__ typedef unsigned __int128 wide_t;
            const wide_t exact = (wide_t)values[v] * 1000000000 / frequencies[f];
            const uint64_t got = ratio_apply(&ratio, values[v]);

            if (exact > UINT64_MAX) {
                assert_true(got == UINT64_MAX);
                continue;
            }
            assert_true(got <= (uint64_t)exact);
            assert_true(got + 1 >= (uint64_t)exact);
        }
    }
}

static void ratio_of_a_divisor_is_exact(void **state)
{
    (void)state;
    const struct ratio ratio = ratio_make(1000000000, 62500000);

    assert_int_equal(ratio.whole, 16);
    assert_int_equal(ratio.fraction, 0);
    assert_true(ratio_apply(&ratio, 12345678901) == UINT64_C(12345678901) * 16);
}

static void ratio_inverted_never_falls_short(void **state)
{
    (void)state;
    static const uint64_t frequencies[] = {
        1000, 19200000, 24000000, 62500000, 999999937, 1000000000, UINT64_C(3300000000)};

    for (size_t f = 0; f < sizeof(frequencies) / sizeof(frequencies[0]); f++) {
        const struct ratio ns_per_tick = ratio_make(1000000000, frequencies[f]);
        const struct ratio ticks_per_ns = ratio_make(frequencies[f], 1000000000);

        for (uint64_t ns = 0; ns < UINT64_C(1) << 60; ns = ns * 3 + 1) {
            const uint64_t ticks = ratio_invert(&ticks_per_ns, &ns_per_tick, ns);

            assert_true(ratio_apply(&ns_per_tick, ticks) >= ns);
            assert_true(ticks == 0 || ratio_apply(&ns_per_tick, ticks - 1) < ns);
        }
    }
}

static void ratio_refuses_to_divide_by_zero(void **state)
{
    (void)state;
    expect_assert_failure((void)ratio_make(1, 0));
}

static void spinlock_is_held_from_lock_to_unlock(void **state)
{
    (void)state;
    struct spinlock lock = SPINLOCK_SHARED;

    assert_false(spinlock_is_held(&lock));
    for (int i = 0; i < 3; i++) {
        spinlock_lock(&lock);
        assert_true(spinlock_is_held(&lock));
        spinlock_unlock(&lock);
        assert_false(spinlock_is_held(&lock));
    }
}

/* While one CPU runs, locking is nothing; who has the lock when the second starts, holds it. */
static void spinlock_becomes_shared_in_its_holder_s_hands(void **state)
{
    (void)state;
    struct spinlock lock = {0};

    spinlock_lock(&lock);
    assert_false(spinlock_is_held(&lock));
    spinlock_unlock(&lock);
    spinlock_lock(&lock);
    spinlock_share(&lock);
    assert_true(spinlock_is_held(&lock));
    spinlock_unlock(&lock);
    assert_false(spinlock_is_held(&lock));
    spinlock_lock(&lock);
    assert_true(spinlock_is_held(&lock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding_and_counting_hold_at_the_edges),
        cmocka_unit_test(fields_are_cut_and_set_without_touching_neighbours),
        cmocka_unit_test(list_keeps_order_and_forgets_what_is_removed),
        cmocka_unit_test(ratio_is_never_high_and_at_most_one_low),
        cmocka_unit_test(ratio_of_a_divisor_is_exact),
        cmocka_unit_test(ratio_inverted_never_falls_short),
        cmocka_unit_test(ratio_refuses_to_divide_by_zero),
        cmocka_unit_test(spinlock_is_held_from_lock_to_unlock),
        cmocka_unit_test(spinlock_becomes_shared_in_its_holder_s_hands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

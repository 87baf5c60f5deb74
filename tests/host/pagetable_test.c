/*
 * Descriptors of the shared space, against the bit positions of the Arm ARM written out by hand:
 * nothing here uses the names that the kernel gives them.
 *
 * Source: Arm ARM, D8.3 "Translation table descriptor formats": block and page descriptors (AP,
 * UXN, PXN, nG, AF, SH, AttrIndx), table descriptors (NSTable, APTable, UXNTable, PXNTable).
 */
#include "arch/pagetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/layout.h"

static const paddr_t ADDRESS = 0x8123456000;
static const paddr_t BLOCK_ADDRESS = 0x8123400000;

static bool bit(pte_t entry, unsigned n)
{
    return (entry >> n & 1) != 0;
}

static unsigned field(pte_t entry, unsigned high, unsigned low)
{
    return (unsigned)(entry >> low & ((UINT64_C(1) << (high - low + 1)) - 1));
}

/* What the hardware lets EL0 do: a walk from the view's own entry, by the manual. */
static rights_t walk(pte_t above, pte_t leaf)
{
    const bool is_table = field(above, 1, 0) == 3;
    rights_t rights = 0;

    if (!bit(above, 0))
        return 0;
    if (!is_table)
        leaf = above;
    if (!bit(leaf, 0))
        return 0;
    unsigned ap = field(leaf, 7, 6); /* AP[2:1] */
    bool uxn = bit(leaf, 54);
    if (is_table) {
        const unsigned ap_table = field(above, 62, 61);
        if ((ap_table & 1) != 0)
            ap &= 2; /* no access at EL0 */
        if ((ap_table & 2) != 0)
            ap |= 2; /* no write at any level */
        uxn = uxn || bit(above, 60);
    }
    if ((ap & 1) != 0)
        rights |= RIGHT_READ;
    if (ap == 1)
        rights |= RIGHT_WRITE;
    if (!uxn)
        rights |= RIGHT_EXECUTE;
    return rights;
}

static void assert_common_bits(pte_t leaf)
{
    assert_true(bit(leaf, 0));   /* valid */
    assert_false(bit(leaf, 5));  /* NS */
    assert_true(bit(leaf, 6));   /* AP[1]: EL0 */
    assert_true(bit(leaf, 10));  /* AF: no access flag fault */
    assert_true(bit(leaf, 11));  /* nG: tagged with the ASID */
    assert_false(bit(leaf, 50)); /* GP */
    assert_false(bit(leaf, 51)); /* DBM: hardware never makes it writable */
    assert_false(bit(leaf, 52)); /* Contiguous */
    assert_true(bit(leaf, 53));  /* PXN: the kernel never executes it */
    assert_int_equal(field(leaf, 63, 55), 0);
}

static void a_page_and_a_block_have_the_manuals_bits(void **state)
{
    (void)state;
    for (rights_t widest = 0; widest <= RIGHTS_MEMORY; widest++) {
        const pte_t page = pte_leaf(ADDRESS, widest, false, 3);
        const pte_t block = pte_leaf(BLOCK_ADDRESS, widest, false, 2);

        assert_common_bits(page);
        assert_common_bits(block);
        assert_int_equal(field(page, 1, 0), 3);
        assert_int_equal(field(block, 1, 0), 1);
        assert_true((page & UINT64_C(0x0000fffffffff000)) == ADDRESS);
        assert_true((block & UINT64_C(0x0000ffffffe00000)) == BLOCK_ADDRESS);
        assert_int_equal(field(block, 20, 12), 0);
        assert_int_equal(bit(page, 7), (widest & RIGHT_WRITE) == 0);
        assert_int_equal(bit(page, 54), (widest & RIGHT_EXECUTE) == 0);
        assert_true((page & ~UINT64_C(0xfffffffff002)) == (block & ~UINT64_C(0xfffffffff002)));
    }
}

static void the_bits_of_common_pages_are_these_words(void **state)
{
    const rights_t read = RIGHT_READ;

    (void)state;
    assert_true(pte_leaf(0x40000000, read | RIGHT_WRITE, false, 3) == UINT64_C(0x60000040000f43));
    assert_true(pte_leaf(0x40000000, read, false, 3) == UINT64_C(0x60000040000fc3));
    assert_true(pte_leaf(0x40000000, read | RIGHT_EXECUTE, false, 3) == UINT64_C(0x20000040000fc3));
    assert_true(pte_leaf(0x40000000, read | RIGHT_WRITE, false, 2) == UINT64_C(0x60000040000f41));
    assert_true(pte_leaf(0x09000000, read | RIGHT_WRITE, true, 3) == UINT64_C(0x60000009000c47));
    assert_true(pte_table(0x40001000) == UINT64_C(0x40001003));
}

static void memory_is_inner_shareable_and_registers_are_device(void **state)
{
    (void)state;
    const pte_t memory = pte_leaf(ADDRESS, RIGHT_READ, false, 3);
    const pte_t registers = pte_leaf(ADDRESS, RIGHT_READ | RIGHT_WRITE, true, 3);

    assert_int_equal(field(memory, 4, 2), 0);
    assert_int_equal(field(memory, 9, 8), 3);
    assert_int_equal(field(registers, 4, 2), 1);
    assert_common_bits(registers);
    assert_true(bit(registers, 54)); /* nobody executes registers */
    /* MAIR_ELx: Attr0 is Normal, write-back, allocating; Attr1 is Device-nGnRE. */
    assert_int_equal(MAIR_VALUE & 0xff, 0xff);
    assert_int_equal(MAIR_VALUE >> 8 & 0xff, 0x04);
}

static void a_narrowed_table_has_the_manuals_bits(void **state)
{
    (void)state;
    for (rights_t rights = 0; rights <= RIGHTS_MEMORY; rights++) {
        const pte_t entry = pte_narrow(pte_table(ADDRESS), rights);

        if ((rights & RIGHT_READ) == 0) {
            assert_true(entry == 0);
            continue;
        }
        assert_int_equal(field(entry, 1, 0), 3);
        assert_true((entry & UINT64_C(0x0000fffffffff000)) == ADDRESS);
        assert_true(bit(entry, 59)); /* PXNTable */
        assert_int_equal(bit(entry, 60), (rights & RIGHT_EXECUTE) == 0);
        assert_false(bit(entry, 61)); /* APTable[0]: a view without READ has no entry at all */
        assert_int_equal(bit(entry, 62), (rights & RIGHT_WRITE) == 0);
        assert_false(bit(entry, 63)); /* NSTable */
    }
}

static void a_view_gets_what_both_the_leaf_and_its_own_entry_allow(void **state)
{
    (void)state;
    for (rights_t widest = RIGHT_READ; widest <= RIGHTS_MEMORY; widest += 2) {
        for (rights_t rights = 0; rights <= RIGHTS_MEMORY; rights++) {
            const rights_t both = (rights & RIGHT_READ) != 0 ? widest & rights : 0;
            const pte_t page = pte_leaf(ADDRESS, widest, false, 3);
            const pte_t table = pte_narrow(pte_table(0x40001000), rights);
            const pte_t block = pte_narrow(pte_leaf(BLOCK_ADDRESS, widest, false, 2), rights);

            assert_int_equal(pte_rights(table, page), both);
            assert_int_equal(walk(table, page), both);
            assert_int_equal(pte_rights(block, block), both);
            assert_int_equal(walk(block, block), both);
            /* A block below a gigabyte's table, as segments of that size have them. */
            const pte_t leaf = pte_leaf(BLOCK_ADDRESS, widest, false, 2);
            assert_int_equal(pte_rights(table, leaf), both);
            assert_int_equal(walk(table, leaf), both);
        }
    }
}

static void what_pte_rights_says_is_what_the_hardware_does(void **state)
{
    (void)state;
    /* All combinations of the bits that matter, sensible or not. */
    for (unsigned t = 0; t < 64; t++) {
        for (unsigned l = 0; l < 32; l++) {
            const pte_t above = (t & 3) | (uint64_t)(t >> 2 & 1) << 60
                                | (uint64_t)(t >> 3 & 3) << 61 | (uint64_t)(t >> 5) << 59;
            const pte_t leaf = (l & 3) | (uint64_t)(l >> 2 & 3) << 6 | (uint64_t)(l >> 4) << 54;
            if ((t & 3) == 1)
                continue; /* a block: its own bits count, tried above */
            assert_int_equal(pte_rights(above, leaf), walk(above, leaf));
        }
    }
}

/* Narrowing never adds a right, so leaves that are never both are enough. */
static void write_and_execute_never_meet(void **state)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;

    (void)state;
    for (rights_t widest = RIGHT_READ; widest <= RIGHTS_MEMORY; widest += 2) {
        if ((widest & w_and_x) == w_and_x)
            continue; /* segment_create() refuses it */
        for (rights_t rights = 0; rights <= RIGHTS_MEMORY; rights++) {
            const pte_t page = pte_leaf(ADDRESS, widest, false, 3);
            const pte_t block = pte_narrow(pte_leaf(BLOCK_ADDRESS, widest, false, 2), rights);
            assert_true((walk(pte_narrow(pte_table(0x1000), rights), page) & w_and_x) != w_and_x);
            assert_true((walk(block, block) & w_and_x) != w_and_x);
        }
    }
}

static void narrowing_twice_is_narrowing_to_both(void **state)
{
    (void)state;
    for (rights_t a = 1; a <= RIGHTS_MEMORY; a += 2) {
        for (rights_t b = 1; b <= RIGHTS_MEMORY; b += 2) {
            const pte_t table = pte_table(ADDRESS);
            const pte_t block = pte_leaf(BLOCK_ADDRESS, RIGHTS_MEMORY, false, 2);
            assert_true(pte_narrow(pte_narrow(table, a), b) == pte_narrow(table, a & b));
            assert_true(pte_narrow(pte_narrow(block, a), b) == pte_narrow(block, a & b));
        }
        assert_int_equal(pte_narrowed(pte_narrow(pte_table(ADDRESS), a)), a);
        assert_int_equal(
            pte_narrowed(pte_narrow(pte_leaf(BLOCK_ADDRESS, RIGHTS_MEMORY, false, 2), a)), a);
    }
}

static void what_is_invalid_stays_invalid(void **state)
{
    (void)state;
    for (rights_t rights = 0; rights <= RIGHTS_MEMORY; rights++) {
        assert_true(pte_narrow(0, rights) == 0);
        assert_int_equal(pte_narrowed(pte_narrow(pte_table(ADDRESS), rights & ~(rights_t)1)), 0);
        assert_int_equal(pte_rights(0, pte_leaf(ADDRESS, RIGHTS_MEMORY, false, 3)), 0);
        assert_int_equal(pte_rights(pte_narrow(pte_table(ADDRESS), rights), 0), 0);
    }
    assert_false(pte_is_table(0));
    assert_false(pte_is_table(2)); /* what is invalid points nowhere */
    assert_false(pte_is_table(pte_leaf(BLOCK_ADDRESS, RIGHT_READ, false, 2)));
    assert_true(pte_is_table(pte_table(ADDRESS)));
}

static void an_address_leads_through_these_indices(void **state)
{
    (void)state;
    const uaddr_t address = (UINT64_C(0x155) << 30) | (UINT64_C(0x0aa) << 21) | 0x1fffff;

    assert_int_equal(level1_index(address), 0x155);
    assert_int_equal(level2_index(address), 0x0aa);
    assert_int_equal(level1_index((UINT64_C(1) << SHARED_SPACE_BITS) - 1), 511);
    assert_int_equal(level2_index((UINT64_C(1) << SHARED_SPACE_BITS) - 1), 511);
    assert_true(pte_address(pte_leaf(ADDRESS, RIGHT_READ, true, 3)) == ADDRESS);
    assert_true(pte_address(pte_narrow(pte_table(ADDRESS), RIGHT_READ)) == ADDRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_and_a_block_have_the_manuals_bits),
        cmocka_unit_test(the_bits_of_common_pages_are_these_words),
        cmocka_unit_test(memory_is_inner_shareable_and_registers_are_device),
        cmocka_unit_test(a_narrowed_table_has_the_manuals_bits),
        cmocka_unit_test(a_view_gets_what_both_the_leaf_and_its_own_entry_allow),
        cmocka_unit_test(what_pte_rights_says_is_what_the_hardware_does),
        cmocka_unit_test(write_and_execute_never_meet),
        cmocka_unit_test(narrowing_twice_is_narrowing_to_both),
        cmocka_unit_test(what_is_invalid_stays_invalid),
        cmocka_unit_test(an_address_leads_through_these_indices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

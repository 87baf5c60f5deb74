#include "walk.h"

#include "arch/mmu.h"
#include "claim.h"

enum { SHARED_STRIDE = 256 };

static const pte_t limit_bits =
    PTE_PXN_TABLE | PTE_UXN_TABLE | PTE_NO_EL0_TABLE | PTE_READ_ONLY_TABLE;

unsigned walk_chance(unsigned bound)
{
    static uint64_t state;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % bound;
}

/* Bits that mean something: of a table its address and attributes, of a block all but four. */
static pte_t entry_read(pte_t entry)
{
    return entry & (pte_is_table(entry) ? BITS(1, 0) | PTE_ADDRESS | limit_bits : ~BITS(58, 55));
}

static const pte_t *table_below(pte_t entry)
{
    return pte_is_table(entry) ? direct_map(pte_address(entry)) : NULL;
}

static void walk_level2(const struct walk_step *above, bool is_shared, walk_step_fn *on_step,
                        void *context)
{
    const unsigned chosen = is_shared ? walk_chance(SHARED_STRIDE) : 0;

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        const pte_t entry = entry_read(above->below[i]);
        if (!pte_is_valid(entry) || (is_shared && i != 0 && i % SHARED_STRIDE != chosen))
            continue;
        const struct walk_step step = {
            .domain = above->domain,
            .address = above->address + (uaddr_t)i * SLOT_BYTES,
            .level = 2,
            .is_shared = is_shared,
            .entry = entry,
            .limits = above->limits | (pte_is_table(entry) ? entry & limit_bits : 0),
            .below = table_below(entry),
        };
        on_step(&step, context);
    }
}

void walk_view(const struct domain *domain, walk_step_fn *on_step, void *context)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        const pte_t entry = entry_read(domain->root[i]);
        if (!pte_is_valid(entry))
            continue;
        const struct walk_step step = {
            .domain = domain,
            .address = (uaddr_t)i << LEVEL1_SHIFT,
            .level = 1,
            .entry = entry,
            .limits = entry & limit_bits,
            .below = table_below(entry),
        };
        claim(step.below != NULL, "no gigabyte is one block", domain, step.address, entry);
        on_step(&step, context);
        walk_level2(&step, step.limits != 0, on_step, context);
    }
}

rights_t walk_rights(pte_t limits, pte_t leaf)
{
    const bool is_read = (leaf & PTE_EL0) != 0 && (limits & PTE_NO_EL0_TABLE) == 0;
    const bool is_written =
        is_read && (leaf & PTE_READ_ONLY) == 0 && (limits & PTE_READ_ONLY_TABLE) == 0;
    const bool is_executed = (leaf & PTE_UXN) == 0 && (limits & PTE_UXN_TABLE) == 0;

    return (is_read ? (rights_t)RIGHT_READ : 0U) | (is_written ? (rights_t)RIGHT_WRITE : 0U)
           | (is_executed ? (rights_t)RIGHT_EXECUTE : 0U);
}

void walk_find_valid(const pte_t *table, struct walk_valid *out)
{
    for (unsigned word = 0; word < TABLE_ENTRIES / 64; word++) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 64; i++)
            bits |= (uint64_t)(table[word * 64 + i] & PTE_VALID) << i;
        out->bits[word] = bits;
    }
}

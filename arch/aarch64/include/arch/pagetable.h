/*
 * Translation tables: what a descriptor means, as pure functions of words.
 *
 * Three levels for the shared space, four for the kernel, 4 KiB granule.  A leaf
 * carries the widest rights that anybody has to the page; a table descriptor narrows
 * them for everything below it.  That is what lets all views share a segment's leaf
 * tables: each view's own descriptor says what this view may do.
 *
 * "No access" needs APTable=01 and UXNTable together, since APTable=01 leaves a page
 * executable; views simply leave the descriptor out (invalid) for that.
 *
 * Source: Arm ARM, "VMSAv8-64 translation table format descriptors",
 * "Hierarchical control of data access permissions".
 */
#pragma once

#include "abi/rights.h"
#include "abi/types.h"
#include "base/bits.h"
#include "base/path.h"

#include <stdbool.h>

enum {
    TABLE_ENTRIES = 512,
    LEVEL1_SHIFT = 30, /* an entry of level 1 spans 1 GiB */
    LEVEL2_SHIFT = 21,
    LEVEL3_SHIFT = 12,
};

typedef uint64_t pte_t;

#define PTE_VALID            BIT(0)
#define PTE_TABLE            BIT(1) /* levels 0 to 2: a table; level 3: a page */
#define PTE_EL0              BIT(6) /* AP[1]: EL0 may access */
#define PTE_READ_ONLY        BIT(7) /* AP[2] */
#define PTE_INNER            (UINT64_C(3) << 8)
#define PTE_ACCESSED         BIT(10)
#define PTE_NOT_GLOBAL       BIT(11)
#define PTE_PXN              BIT(53)
#define PTE_UXN              BIT(54)
#define PTE_ADDRESS          BITS(47, 12)
#define PTE_ATTRIBUTE(index) ((pte_t)(index) << 2)

#define PTE_PXN_TABLE       BIT(59)
#define PTE_UXN_TABLE       BIT(60)
#define PTE_NO_EL0_TABLE    BIT(61) /* APTable[0] */
#define PTE_READ_ONLY_TABLE BIT(62) /* APTable[1] */

static inline paddr_t pte_address(pte_t entry)
{
    return entry & PTE_ADDRESS;
}

static inline bool pte_is_valid(pte_t entry)
{
    return (entry & PTE_VALID) != 0;
}

/* A leaf of the shared space at level 3 (a page) or level 2 (a 2 MiB block). */
static inline pte_t pte_leaf(paddr_t address, rights_t widest, bool is_device, unsigned level)
{
    pte_t entry = address | PTE_VALID | PTE_ACCESSED | PTE_NOT_GLOBAL | PTE_PXN | PTE_EL0;

    if (level == 3)
        entry |= PTE_TABLE;
    entry |= is_device ? PTE_ATTRIBUTE(1) : PTE_ATTRIBUTE(0) | PTE_INNER;
    if ((widest & RIGHT_WRITE) == 0)
        entry |= PTE_READ_ONLY;
    if ((widest & RIGHT_EXECUTE) == 0)
        entry |= PTE_UXN;
    return entry;
}

/* A descriptor for the table at `address`, before any view narrows it. */
static inline pte_t pte_table(paddr_t address)
{
    return address | PTE_VALID | PTE_TABLE;
}

/* Level 1 or 2: whether the entry points to a table, not a block. */
static inline bool pte_is_table(pte_t entry)
{
    return (entry & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

/*
 * What a view's own level 1 or 2 entry says: `entry` as the segment made it (a table, or a block
 * with the widest rights), narrowed to `rights`.  Rights without READ give an invalid entry.
 */
static inline pte_t pte_narrow(pte_t entry, rights_t rights)
{
    const pte_t write = rights & RIGHT_WRITE;
    const pte_t execute = rights & RIGHT_EXECUTE;
    pte_t taken;

    if (!pte_is_valid(entry) || (rights & RIGHT_READ) == 0)
        return 0;
    /* Each bit takes a right away: all of them, but for those of the rights that stay. */
    if (LIKELY((entry & PTE_TABLE) != 0)) {
        taken = PTE_PXN_TABLE | PTE_READ_ONLY_TABLE | PTE_UXN_TABLE;
        taken -= write * (PTE_READ_ONLY_TABLE / RIGHT_WRITE);
        taken -= execute * (PTE_UXN_TABLE / RIGHT_EXECUTE);
    } else {
        taken = PTE_READ_ONLY | PTE_UXN;
        taken -= write * (PTE_READ_ONLY / RIGHT_WRITE);
        taken -= execute * (PTE_UXN / RIGHT_EXECUTE);
    }
    return entry | taken;
}

/* What EL0 may do below a view's narrowed entry, if `leaf` is the leaf that it leads to. */
static inline rights_t pte_rights(pte_t narrowed, pte_t leaf)
{
    rights_t rights = 0;

    if (!pte_is_valid(narrowed) || !pte_is_valid(leaf))
        return 0;
    if (pte_is_table(narrowed)) {
        /* What the table's bits take away, as the leaf's own do. */
        if ((narrowed & PTE_READ_ONLY_TABLE) != 0)
            leaf |= PTE_READ_ONLY;
        if ((narrowed & PTE_UXN_TABLE) != 0)
            leaf |= PTE_UXN;
        if ((narrowed & PTE_NO_EL0_TABLE) != 0)
            leaf &= ~PTE_EL0;
    } else {
        leaf = narrowed; /* a block: the view's own entry is all there is */
    }
    if ((leaf & PTE_EL0) != 0)
        rights = RIGHT_READ | ((leaf & PTE_READ_ONLY) == 0 ? (rights_t)RIGHT_WRITE : 0U);
    return rights | ((leaf & PTE_UXN) == 0 ? (rights_t)RIGHT_EXECUTE : 0U);
}

/* The rights that pte_narrow() left in a view's entry; 0 if it is invalid. */
static inline rights_t pte_narrowed(pte_t narrowed)
{
    return pte_rights(narrowed, PTE_VALID | PTE_EL0);
}

static inline unsigned level1_index(uaddr_t address)
{
    return (unsigned)bits_field(address, LEVEL1_SHIFT, 9);
}

static inline unsigned level2_index(uaddr_t address)
{
    return (unsigned)bits_field(address, LEVEL2_SHIFT, 9);
}

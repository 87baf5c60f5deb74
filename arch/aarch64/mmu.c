#include "arch/mmu.h"

#include "arch/cpu.h"
#include "arch/mmu_boot.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/path.h"

enum { BOOT_TABLE_COUNT = 48 };

#define TABLE __attribute__((aligned(4096)))

/* The kernel's own tables.  Written on the boot CPU only, before any other starts. */
static TABLE pte_t table_pool[BOOT_TABLE_COUNT][TABLE_ENTRIES];
static unsigned table_pool_used;
static TABLE pte_t table_root[TABLE_ENTRIES]; /* level 0 of TTBR1 */
static TABLE pte_t table_nothing[TABLE_ENTRIES];
static paddr_t image_base;
static uintptr_t device_next = DEVICE_WINDOW_BASE;
static bool is_finished;

void mmu_set_image(paddr_t image)
{
    image_base = image;
}

paddr_t mmu_image_physical(const void *image_pointer)
{
    return (uintptr_t)image_pointer - KERNEL_IMAGE_BASE + image_base;
}

static pte_t *table_at(pte_t entry)
{
    const paddr_t pool = mmu_image_physical(table_pool);

    return table_pool[(pte_address(entry) - pool) / sizeof(table_pool[0])];
}

/* The table below `*entry`, made if there is none; NULL when the pool is used up. */
static pte_t *table_below(pte_t *entry)
{
    if (pte_is_valid(*entry))
        return table_at(*entry);
    if (table_pool_used == BOOT_TABLE_COUNT)
        return NULL;

    pte_t *table = table_pool[table_pool_used++];
    *entry = pte_table(mmu_image_physical(table));
    return table;
}

static pte_t map_leaf(paddr_t physical, enum map_kind kind, unsigned level)
{
    pte_t entry = physical | PTE_VALID | PTE_ACCESSED | PTE_UXN;

    if (level == 3)
        entry |= PTE_TABLE;
    if (kind == MAP_DEVICE)
        entry |= PTE_ATTRIBUTE(MAIR_INDEX_DEVICE);
    else
        entry |= PTE_ATTRIBUTE(MAIR_INDEX_NORMAL) | PTE_INNER;
    if (kind != MAP_TEXT)
        entry |= PTE_PXN;
    if (kind == MAP_TEXT || kind == MAP_READ_ONLY)
        entry |= PTE_READ_ONLY;
    return entry;
}

/* The highest level at which one entry can map the start of the run. */
static unsigned map_level(uintptr_t virtual_address, paddr_t physical, uint64_t size)
{
    for (unsigned level = 1; level < 3; level++) {
        const uint64_t span = BIT(LEVEL1_SHIFT - 9 * (level - 1));
        if (size >= span && is_aligned(virtual_address | physical, span))
            return level;
    }
    return 3;
}

enum status mmu_map(uintptr_t virtual_address, paddr_t physical, uint64_t size, enum map_kind kind)
{
    while (size > 0) {
        const unsigned level = map_level(virtual_address, physical, size);
        pte_t *table = table_root;

        for (unsigned at = 0; at < level; at++) {
            table = table_below(&table[bits_field(virtual_address, 39 - 9 * at, 9)]);
            if (table == NULL)
                return STATUS_OUT_OF_MEMORY;
        }
        const uint64_t span = BIT(39 - 9 * level);
        uint64_t index = bits_field(virtual_address, 39 - 9 * level, 9);
        pte_t entry = map_leaf(physical, kind, level);

        /* On to the end of this table: no sooner can a higher level's entry fit. */
        do {
            table[index++] = entry;
            entry += span;
            virtual_address += span;
            physical += span;
            size -= span;
        } while (size >= span && index < TABLE_ENTRIES);
    }
    if (is_finished)
        dsb_ishst(); /* pairs with this CPU's walks: the entries were invalid before */
    isb();
    return STATUS_OK;
}

enum status mmu_map_device(paddr_t physical, uint64_t size, uintptr_t *out)
{
    const paddr_t first = align_down(physical, PAGE_BYTES);
    const uint64_t length = align_up(physical + size, PAGE_BYTES) - first;
    /* What is large begins at its place within a block, and so is mapped by blocks. */
    const uintptr_t at = length < BIT(LEVEL2_SHIFT) ? device_next
                                                    : align_up(device_next, BIT(LEVEL2_SHIFT))
                                                          + (first & (BIT(LEVEL2_SHIFT) - 1));
    const enum status status = mmu_map(at, first, length, MAP_DEVICE);

    if (status != STATUS_OK)
        return status;
    device_next = at + length;
    *out = at + (physical - first);
    return STATUS_OK;
}

void mmu_finish(void)
{
    dsb_ishst(); /* pairs with the walks through the new root */
    SYSREG_WRITE(ttbr1_el1, mmu_kernel_table());
    isb();
    mmu_switch_to_nothing();
    __asm__ volatile("tlbi vmalle1is");
    dsb_ish(); /* completes the invalidation of what the boot tables mapped */
    isb();
    is_finished = true;
}

void mmu_unmap_image(const char *from, const char *to)
{
    for (; from != to; from += PAGE_BYTES) {
        pte_t *table = table_root;
        for (unsigned shift = 39; shift > PAGE_SHIFT; shift -= 9)
            table = table_at(table[bits_field((uintptr_t)from, shift, 9)]);
        table[bits_field((uintptr_t)from, PAGE_SHIFT, 9)] = 0;
    }
    dsb_ishst(); /* pairs with the walks of all CPUs: none begins any more that finds the old */
    __asm__ volatile("tlbi vmalle1is");
    dsb_ish(); /* completes the invalidation */
    isb();
}

paddr_t mmu_kernel_table(void)
{
    return mmu_image_physical(table_root);
}

unsigned mmu_asid_bits(void)
{
    return bits_field(SYSREG_READ(id_aa64mmfr0_el1), 4, 4) == 2 ? 16 : 8;
}

void mmu_switch(uint64_t ttbr)
{
    SYSREG_WRITE(ttbr0_el1, ttbr);
    isb();
}

void mmu_switch_to_nothing(void)
{
    mmu_switch(mmu_ttbr(mmu_image_physical(table_nothing), 0));
}

void mmu_leave(uint64_t ttbr)
{
    if (SYSREG_READ(ttbr0_el1) == ttbr)
        mmu_switch_to_nothing();
}

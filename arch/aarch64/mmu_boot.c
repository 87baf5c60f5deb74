/*
 * Boot tables: just enough translation to run C at its linked address.
 *
 * Runs with the MMU off, at whatever physical address the image was loaded to: no
 * absolute address may be used here.  The image is mapped at its link address, and the
 * gigabytes that hold the image and the devicetree at their place in the direct map,
 * all as ordinary memory; the real tables (mmu.c) replace all of it.
 */
#include "arch/mmu_boot.h"
#include "arch/layout.h"
#include "arch/pagetable.h"

#define TABLE __attribute__((aligned(4096)))

/* Named in head.S.  boot_table_kernel is level 0, the others as used below. */
TABLE pte_t boot_table_identity[TABLE_ENTRIES];
TABLE pte_t boot_table_kernel[TABLE_ENTRIES];
static TABLE pte_t boot_table_direct[TABLE_ENTRIES];
static TABLE pte_t boot_table_high[TABLE_ENTRIES];
static TABLE pte_t boot_table_image[TABLE_ENTRIES];

static pte_t boot_block(paddr_t address)
{
    return address | PTE_VALID | PTE_ACCESSED | PTE_INNER | PTE_ATTRIBUTE(MAIR_INDEX_NORMAL);
}

static void boot_map_gigabyte(pte_t *table, paddr_t address)
{
    const paddr_t base = align_down(address, BIT(LEVEL1_SHIFT));

    if (base >> LEVEL1_SHIFT < TABLE_ENTRIES)
        table[base >> LEVEL1_SHIFT] = boot_block(base);
}

void boot_tables_fill(paddr_t image, paddr_t devicetree)
{
    boot_map_gigabyte(boot_table_identity, image);
    boot_map_gigabyte(boot_table_identity, image + KERNEL_IMAGE_LIMIT);
    boot_map_gigabyte(boot_table_direct, image);
    boot_map_gigabyte(boot_table_direct, image + KERNEL_IMAGE_LIMIT);
    boot_map_gigabyte(boot_table_direct, devicetree);
    boot_map_gigabyte(boot_table_direct, devicetree + SLOT_BYTES);

    for (unsigned i = 0; i < KERNEL_IMAGE_LIMIT >> LEVEL2_SHIFT; i++)
        boot_table_image[i] = boot_block(image + ((paddr_t)i << LEVEL2_SHIFT));
    boot_table_high[level1_index(KERNEL_IMAGE_BASE)] = pte_table((paddr_t)boot_table_image);
    boot_table_kernel[0] = pte_table((paddr_t)boot_table_direct);
    boot_table_kernel[TABLE_ENTRIES - 1] = pte_table((paddr_t)boot_table_high);
}

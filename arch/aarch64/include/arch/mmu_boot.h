/*
 * What head.S calls and names before the MMU is on.
 */
#pragma once

#include "arch/pagetable.h"

extern pte_t boot_table_identity[TABLE_ENTRIES];
extern pte_t boot_table_kernel[TABLE_ENTRIES];

/* Context: MMU off, image at `image`.  Fills the boot tables. */
void boot_tables_fill(paddr_t image, paddr_t devicetree);

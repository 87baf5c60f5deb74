/*
 * Zeroing whole pages, as fast as the CPU can.
 */
#pragma once

#include "abi/types.h"
#include "base/path.h"

/* Learn how much DC ZVA zeroes.  Context: boot CPU, once. */
BOOT_ONLY void zero_init(void);

/* Zero the page at `page`, page-aligned, in the direct map. */
void zero_page(void *page);

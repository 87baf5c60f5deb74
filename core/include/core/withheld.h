/*
 * Withheld: the physical ranges that no driver gets as registers, since they are RAM or belong to a
 * device that the kernel keeps for itself.
 */
#pragma once

#include "base/path.h"
#include "core/machine.h"

/* Context: boot. */
BOOT_ONLY void withheld_add(struct machine_range range);

bool withheld_overlaps(paddr_t base, uint64_t size);

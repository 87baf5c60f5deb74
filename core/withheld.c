#include "core/withheld.h"

static struct machine_range withheld[MACHINE_MEMORY_MAX + IRQCHIP_REDIST_REGIONS_MAX + 2];
static unsigned count;

BOOT_ONLY void withheld_add(struct machine_range range)
{
    withheld[count++] = range;
}

bool withheld_overlaps(paddr_t base, uint64_t size)
{
    for (unsigned i = 0; i < count; i++)
        if (base < withheld[i].base + withheld[i].size && withheld[i].base < base + size)
            return true;
    return false;
}

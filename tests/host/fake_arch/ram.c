#include "ram.h"

#include "arch/mmu.h"
#include "fake_machine.h"

#include <stdlib.h>
#include <string.h>

static void *records;
static uint64_t random_state;

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t ram_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void ram_start(uint64_t pages)
{
    const uint64_t bytes = pages * PAGE_BYTES;

    fake_ram_map(RAM_BASE, RAM_BASE + bytes);
    free(records);
    records = calloc(1, frames_records_bytes(RAM_BASE, RAM_BASE + bytes));
    if (records == NULL)
        abort();
    memset(direct_map(RAM_BASE), 0xdd, bytes); /* nobody may count on zeroes */
    random_state = 1;
    frames_init(RAM_BASE, RAM_BASE + bytes, records);
    frames_add(RAM_BASE, bytes);
}

bool ram_end(void)
{
    const struct frame_totals totals = frame_totals();

    free(records);
    records = NULL;
    return totals.free == totals.total;
}

/* No CPU has a view here. */
void mmu_leave(uint64_t ttbr)
{
    (void)ttbr;
}

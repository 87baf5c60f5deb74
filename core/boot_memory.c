#include "core/boot_memory.h"

#include "arch/mmu.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "core/boot_end.h"
#include "core/withheld.h"
#include "domains/audit.h"
#include "domains/frame.h"

enum { RUNS_MAX = MACHINE_MEMORY_MAX + MACHINE_RESERVED_MAX + 8 };

/* Runs of RAM, page-aligned, in no order, none overlapping. */
struct runs {
    struct machine_range at[RUNS_MAX];
    unsigned count;
};

static uint64_t kernel_frames;

static void run_add(struct runs *runs, paddr_t from, paddr_t to)
{
    if (from < to && runs->count < RUNS_MAX)
        runs->at[runs->count++] = (struct machine_range){.base = from, .size = to - from};
}

/* Cut [from, to) out of every run. */
static void runs_cut(struct runs *runs, paddr_t from, paddr_t to)
{
    const unsigned count = runs->count;

    for (unsigned i = 0; i < count; i++) {
        const paddr_t base = runs->at[i].base;
        const paddr_t end = base + runs->at[i].size;
        if (base >= to || from >= end)
            continue;
        runs->at[i].size = from > base ? from - base : 0;
        run_add(runs, to, end);
    }
}

static paddr_t page_down(paddr_t address)
{
    return align_down(address, PAGE_BYTES);
}

static paddr_t page_up(paddr_t address)
{
    return align_up(address, PAGE_BYTES);
}

/* RAM less what the tree reserves; overlapping statements of RAM count once. */
static void runs_of_machine(struct runs *runs, const struct machine *machine)
{
    for (unsigned i = 0; i < machine->memory_count; i++) {
        const struct machine_range *m = &machine->memory[i];
        const paddr_t from = page_up(m->base), to = page_down(m->base + m->size);
        if (from >= to)
            continue;
        runs_cut(runs, from, to);
        run_add(runs, from, to);
    }
    for (unsigned i = 0; i < machine->reserved_count; i++)
        runs_cut(runs, page_down(machine->reserved[i].base),
                 page_up(machine->reserved[i].base + machine->reserved[i].size));
}

static enum status direct(paddr_t from, paddr_t to, enum map_kind kind)
{
    return mmu_map((uintptr_t)from + DIRECT_MAP_BASE, from, to - from, kind);
}

extern const char __text_end[], __rodata_end[], __image_end[];

/*
 * The direct map: text, constants and the archive can't be written through it either.  What only
 * booting needs isn't in it yet.
 */
static enum status map_image(const struct boot_image *image)
{
    const paddr_t data = mmu_image_physical(__rodata_end);
    const paddr_t archive = image->base + image->kernel_bytes;
    enum status status = direct(image->base, data, MAP_READ_ONLY);

    if (status == STATUS_OK)
        status = direct(data, mmu_image_physical(__boot_start), MAP_DATA);
    if (status == STATUS_OK)
        status = direct(mmu_image_physical(__boot_end), archive, MAP_DATA);
    if (status == STATUS_OK)
        status = direct(archive, archive + image->archive_bytes, MAP_READ_ONLY);
    return status;
}

/* Take the frame allocator's records from the largest run. */
static enum status records_take(struct runs *runs)
{
    struct machine_range *largest = &runs->at[0];
    paddr_t low = mmu_image_physical(__boot_start), high = mmu_image_physical(__boot_end);

    for (unsigned i = 0; i < runs->count; i++) {
        const struct machine_range *run = &runs->at[i];
        if (run->size == 0)
            continue;
        if (run->size > largest->size)
            largest = &runs->at[i];
        low = run->base < low ? run->base : low;
        high = run->base + run->size > high ? run->base + run->size : high;
    }
    const uint64_t bytes = page_up(frames_records_bytes(low, high));
    if (largest->size <= bytes)
        return STATUS_OUT_OF_MEMORY;

    const paddr_t records = largest->base;
    largest->base += bytes;
    largest->size -= bytes;
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES)
        zero_page(direct_map(records + at));
    frames_init(low, high, direct_map(records));
    audit_forbid(records, bytes);
    kernel_frames += bytes / PAGE_BYTES;
    return STATUS_OK;
}

static void withhold(const struct machine *machine)
{
    for (unsigned i = 0; i < machine->memory_count; i++)
        withheld_add(machine->memory[i]);
    withheld_add(machine->gic.distributor);
    if (machine->gic.version == 2)
        withheld_add(machine->gic.cpu_interface);
    for (unsigned i = 0; i < machine->gic.redistributor_count; i++)
        withheld_add(machine->gic.redistributors[i]);
}

enum status boot_memory_show(void)
{
    return direct(mmu_image_physical(__boot_start), mmu_image_physical(__boot_end), MAP_DATA);
}

uint64_t boot_memory_kernel_frames(void)
{
    return kernel_frames;
}

enum status boot_memory_init(const struct machine *machine, const struct boot_image *image)
{
    static struct runs runs;
    const uint64_t image_bytes = page_up(image->kernel_bytes + image->archive_bytes);
    enum status status = STATUS_OK;

    withhold(machine);
    runs_of_machine(&runs, machine);
    runs_cut(&runs, image->base, image->base + image_bytes);
    if (runs.count == RUNS_MAX)
        return STATUS_OUT_OF_MEMORY;
    kernel_frames = image_bytes / PAGE_BYTES;
    audit_forbid(image->base, mmu_image_physical(__boot_start) - image->base);
    audit_forbid(mmu_image_physical(__boot_end), (uint64_t)(__image_end - __boot_end));

    status = map_image(image);
    for (unsigned i = 0; i < runs.count && status == STATUS_OK; i++)
        status = direct(runs.at[i].base, runs.at[i].base + runs.at[i].size, MAP_DATA);
    if (status == STATUS_OK)
        status = records_take(&runs);
    for (unsigned i = 0; i < runs.count && status == STATUS_OK; i++)
        frames_add(runs.at[i].base, runs.at[i].size);
    return status;
}

#include "core/boot.h"

#include "arch/early_uart.h"
#include "arch/irqchip.h"
#include "arch/mmu.h"
#include "arch/pmu.h"
#include "arch/timer.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "base/format.h"
#include "base/string.h"
#include "board/board.h"
#include "core/boot_end.h"
#include "core/boot_memory.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/deferred.h"
#include "core/event.h"
#include "core/fault.h"
#include "core/info.h"
#include "core/interrupt.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/portal.h"
#include "core/scheduler.h"
#include "core/secondary.h"
#include "domains/asid.h"
#include "domains/frame.h"
#include "domains/segment.h"
#include "domains/space.h"

#include <libfdt.h>

/* Where the devicetree is seen until a copy is made: above the kernel's device window. */
#define DEVICETREE_WINDOW UINT64_C(0xffffffffe0000000)

extern const char __image_start[], __text_end[], __rodata_end[], __image_end[];
extern const char boot_stack_guard[]; /* head.S */

/* The image's header, whose size the packer made that of the whole file. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
};

__attribute__((noreturn)) static void boot_halt(const char *what, const char *why)
{
    log_info("cannot boot: %s%s%s", what, why == NULL ? "" : ": ", why == NULL ? "" : why);
    log_info("halted");
    cpu_halt();
}

static void boot_need(enum status status, const char *what)
{
    if (status != STATUS_OK)
        boot_halt(what, status_text(status));
}

/* Whatever can't be mapped: the table pool is too small for any machine; no console yet. */
static void map(uintptr_t address, paddr_t physical, uint64_t size, enum map_kind kind)
{
    if (mmu_map(address, physical, size, kind) != STATUS_OK)
        cpu_halt();
}

static void map_image(const char *from, const char *to, enum map_kind kind)
{
    map((uintptr_t)from, mmu_image_physical(from), (uint64_t)(to - from), kind);
}

/* The kernel's own tables: its image page by page, and a window onto the devicetree. */
static void map_kernel(paddr_t devicetree)
{
    map_image(__image_start, __text_end, MAP_TEXT);
    map_image(__text_end, __rodata_end, MAP_READ_ONLY);
    map_image(__rodata_end, __boot_start, MAP_DATA);
    map_image(__boot_start, __boot_text_end, MAP_TEXT);
    map_image(__boot_text_end, boot_stack_guard, MAP_DATA);
    map_image(boot_stack_guard + KERNEL_STACK_GUARD_BYTES, __image_end, MAP_DATA);
    if (devicetree != 0)
        map(DEVICETREE_WINDOW, align_down(devicetree, PAGE_BYTES), DEVICETREE_MAX + PAGE_BYTES,
            MAP_READ_ONLY);
    mmu_finish();
}

/* From here on messages are seen: on the tree's UART, or where the board is known to have one. */
static void console_start(void)
{
    const paddr_t physical = boot_uart != 0 ? boot_uart : board.fallback_uart;
    uintptr_t base;

    if (physical == 0 || mmu_map_device(physical, PAGE_BYTES, &base) != STATUS_OK)
        base = 0;
    early_uart_set_base(base);
    log_console_set(early_uart_write);
}

static uintptr_t map_range(const struct machine_range *range)
{
    uintptr_t base;

    boot_need(mmu_map_device(range->base, range->size, &base), "mapping device registers");
    return base;
}

static void irqchip_start(const struct machine_gic *gic)
{
    struct irqchip_config config = {
        .version = gic->version,
        .distributor = {map_range(&gic->distributor), gic->distributor.size},
        .redistributor_count = gic->redistributor_count,
        .redistributor_stride = gic->redistributor_stride,
    };

    if (gic->version == 2)
        config.cpu_interface =
            (struct irqchip_window){map_range(&gic->cpu_interface), gic->cpu_interface.size};
    for (unsigned i = 0; i < gic->redistributor_count; i++)
        config.redistributors[i] = (struct irqchip_window){map_range(&gic->redistributors[i]),
                                                           gic->redistributors[i].size};
    boot_need(irqchip_init(&config), "the interrupt controller");
}

static uint64_t seed_mix(const struct machine *machine)
{
    uint64_t seed = timer_now_ticks();

    for (size_t i = 0; i < machine->seed_size; i++)
        seed = (seed ^ machine->seed[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return seed;
}

static void objects_start(const struct machine *machine)
{
    segments_init();
    deferred_init();
    scheduler_init();
    events_init();
    portals_init();
    clocks_init();
    lifecycle_init();
    space_init(seed_mix(machine));
    interrupts_init(machine->timer.irq.id);
}

/* A copy of the tree for the launcher: no longer than it needs to be, and without the seeds. */
static struct first_domain_source devicetree_copy(const void *tree)
{
    const uint32_t structure = fdt_off_dt_struct(tree) + fdt_size_dt_struct(tree);
    const uint32_t strings = fdt_off_dt_strings(tree) + fdt_size_dt_strings(tree);
    const uint32_t size = structure > strings ? structure : strings;
    const uint64_t pages = divide_up(size, PAGE_BYTES);
    const unsigned order = pages == 1 ? 0 : bits_highest(pages - 1) + 1;
    paddr_t copy;

    boot_need(frame_allocate(order, FRAME_SEGMENT, &copy), "copying the devicetree");
    for (uint64_t i = 0; i < BIT(order); i++)
        zero_page(direct_map(copy + i * PAGE_BYTES));
    memcpy(direct_map(copy), tree, size);
    fdt_set_totalsize(direct_map(copy), size);
    machine_wipe_seeds(direct_map(copy), size);
    return (struct first_domain_source){.devicetree = copy, .devicetree_bytes = size};
}

static void machine_describe(const struct machine *machine, uint64_t exception_level)
{
    const struct cpu_features features = cpu_features_read();
    struct info_machine info = {
        .cpu_count = machine->cpu_count,
        .cpu_online = cpu_online_count(),
        .midr = (uint32_t)features.midr,
        .gic_version = machine->gic.version,
        .entry_el = (uint32_t)exception_level,
        .has_pmu = pmu_is_available(),
        .has_crypto =
            (features.aes ? 1U : 0U) | (features.pmull ? 2U : 0U) | (features.sha256 ? 4U : 0U),
        .counter_frequency = timer_frequency(),
    };
    char name[CPU_NAME_SIZE];

    memcpy(info.model, machine->model, sizeof(info.model));
    info_set_machine(&info);
    cpu_name(features.midr, name);
    log_info("%s: %u x %s (%u in use), GICv%u, timer %u MHz%s", machine->model, machine->cpu_count,
             name, cpu_online_count(), machine->gic.version, timer_frequency() / 1000000,
             info.has_pmu ? ", PMU" : "");
}

static void memory_describe(const struct boot_image *image, uint64_t given_bytes)
{
    const struct frame_totals totals = frame_totals();
    const uint64_t given = given_bytes / PAGE_BYTES;

    info_set_memory(boot_memory_kernel_frames() - given, image->kernel_bytes - given_bytes,
                    image->archive_bytes);
    log_info("memory: %lu MiB free of %lu MiB; kernel %lu KiB, boot archive %lu KiB",
             (totals.free + given) >> 8, (totals.total + boot_memory_kernel_frames()) >> 8,
             (image->kernel_bytes - given_bytes) >> 10, image->archive_bytes >> 10);
}

void kernel_start(paddr_t devicetree, paddr_t image_base, uint64_t exception_level)
{
    static struct machine machine; /* large; needed until the first domain runs */
    struct machine_error error;
    const void *tree = NULL;

    cpu_init_boot();
    spinlock_lock(&kernel_lock); /* until the first thread runs */
    mmu_set_image(image_base);
    zero_init();
    map_kernel(devicetree);
    if (devicetree != 0 && is_aligned(devicetree, 8))
        tree = (const void *)(DEVICETREE_WINDOW + devicetree % PAGE_BYTES);
    console_start();
    if (tree == NULL)
        boot_halt("x0 holds no address of a devicetree",
                  "boot the Image, not the ELF file, or pass -dtb");
    if (machine_read(tree, DEVICETREE_MAX, devicetree, &machine, &error) != STATUS_OK)
        boot_halt("the devicetree", error.text);
    if (!timer_init(machine.timer.frequency_hz))
        boot_halt("the devicetree", "/timer has no clock-frequency and CNTFRQ_EL0 is 0");
    timer_cpu_init();
    psci_init(&machine.psci);

    const struct image_header *header = (const void *)__image_start;
    const uint64_t kernel_bytes = (uint64_t)(__image_end - __image_start);
    const struct boot_image image = {
        .base = image_base,
        .kernel_bytes = kernel_bytes,
        .archive_bytes = header->image_size - kernel_bytes,
    };
    boot_need(boot_memory_init(&machine, &image), "memory");
    irqchip_start(&machine.gic);
    objects_start(&machine);
    asids_init(asid_limit(mmu_asid_bits()));
    asids_set_pinned(cpus_show);
    secondaries_start(&machine);
    const uint64_t given_bytes = secondaries_await() ? (uint64_t)(__boot_end - __boot_start) : 0;
    if (given_bytes != 0)
        boot_need(boot_memory_show(), "memory");
    machine_describe(&machine, exception_level);
    memory_describe(&image, given_bytes);

    struct first_domain_source source = devicetree_copy(tree);
    source.archive = image_base + kernel_bytes;
    source.archive_bytes = image.archive_bytes;
    struct domain *launcher;
    boot_need(first_domain_create(&source, &launcher), "the launcher");
    fault_set_launcher(launcher);

    boot_end(given_bytes);
}

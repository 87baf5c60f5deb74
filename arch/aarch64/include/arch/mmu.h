/*
 * MMU: the kernel's own mappings, and the switch between views.
 *
 * RAM has one kernel address each, in the direct map; a device register page that the
 * kernel uses is mapped once, for ever.  Nothing here is reachable from EL0.
 */
#pragma once

#include "abi/status.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/pagetable.h"
#include "base/path.h"

/* What mmu_map() may write; text and boot archive are never writable, RAM never executable. */
enum map_kind {
    MAP_TEXT,
    MAP_READ_ONLY,
    MAP_DATA,
    MAP_DEVICE,
};

static inline void *direct_map(paddr_t address)
{
    return (void *)(uintptr_t)(address | DIRECT_MAP_BASE);
}

static inline paddr_t direct_map_physical(const void *pointer)
{
    return (uintptr_t)pointer - DIRECT_MAP_BASE;
}

/* How far into its page `pointer` leads. */
static inline uint64_t page_offset(const void *pointer)
{
    return (uintptr_t)pointer % PAGE_BYTES;
}

/*
 * Add [physical, physical + size) at `virtual` to the kernel tables that are being built.
 * All three page-aligned.  Context: boot, before mmu_finish().
 * Errors: OUT_OF_MEMORY (the fixed pool of boot tables is used up).
 */
BOOT_ONLY CHECK_RESULT enum status mmu_map(uintptr_t virtual_address, paddr_t physical,
                                           uint64_t size, enum map_kind kind);

/* Leave the boot tables for the ones built, and drop the identity map. */
BOOT_ONLY void mmu_finish(void);

/* Take [from, to) of the image, page by page mapped, out of the kernel's tables and all TLBs. */
COLD void mmu_unmap_image(const char *from, const char *to);

/* The kernel's image lies at this physical address. */
BOOT_ONLY void mmu_set_image(paddr_t image);
paddr_t mmu_image_physical(const void *image_pointer);

/* Map device registers for the kernel's own use; returns the virtual address of `physical`. */
BOOT_ONLY CHECK_RESULT enum status mmu_map_device(paddr_t physical, uint64_t size, uintptr_t *out);

/* The kernel's own tables, as TTBR1_EL1 wants them.  Context: after mmu_finish(). */
paddr_t mmu_kernel_table(void);

/* Number of bits of an ASID on this CPU: 8 or 16. */
BOOT_ONLY unsigned mmu_asid_bits(void);

/* The TTBR0_EL1 value of a view. */
static inline uint64_t mmu_ttbr(paddr_t root, asid_t asid)
{
    return root | (uint64_t)asid << 48;
}

/* Make this the view of the calling CPU. */
void mmu_switch(uint64_t ttbr);

/*
 * The same on the way to EL0, when nothing more is done with the view here: the exception return
 * is the context synchronisation event that it needs (Arm ARM, "Context synchronization event").
 */
static inline void mmu_enter(uint64_t ttbr)
{
    SYSREG_WRITE(ttbr0_el1, ttbr);
}

/* A view that shows nothing, for a CPU that runs no domain. */
void mmu_switch_to_nothing(void);

/* If this is the calling CPU's view, show nothing instead: its ASID and tables are about to go. */
void mmu_leave(uint64_t ttbr);

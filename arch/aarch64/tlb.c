#include "arch/tlb.h"

#include "arch/cpu.h"

static uint64_t tlbi_operand(asid_t asid, uaddr_t address)
{
    return (uint64_t)asid << 48 | bits_field(address, PAGE_SHIFT, 44);
}

void tlb_publish(void)
{
    dsb_ishst(); /* pairs with the table walks of all CPUs */
}

void tlb_invalidate_pages(asid_t asid, uaddr_t address, uint64_t pages)
{
    uint64_t operand = tlbi_operand(asid, address);
    const uint64_t end = operand + pages; /* a page more is 1 more */

    dsb_ishst(); /* pairs with the store that broke the entries */
    do {
        __asm__ volatile("tlbi vae1is, %0" : : "r"(operand));
    } while (++operand != end);
    dsb_ish(); /* completes the invalidations on all CPUs */
    kernel_on_tlb_invalidation(asid, address, pages);
}

void tlb_invalidate_asid(asid_t asid)
{
    dsb_ishst(); /* pairs with the store that broke the entries */
    __asm__ volatile("tlbi aside1is, %0" : : "r"((uint64_t)asid << 48));
    dsb_ish(); /* completes the invalidation on all CPUs */
    kernel_on_tlb_invalidation(asid, 0, 0);
}

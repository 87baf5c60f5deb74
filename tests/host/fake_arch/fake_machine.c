#include "fake_machine.h"

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "arch/zero.h"
#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <sanitizer/asan_interface.h>

struct fake_tlb fake_tlb;
uint64_t fake_ttbr;

void fake_ram_map(paddr_t low, paddr_t high)
{
    static void *mapped;
    static size_t mapped_bytes;

    if (mapped != NULL)
        ASAN_UNPOISON_MEMORY_REGION(mapped, mapped_bytes);
    if (mapped == direct_map(low) && mapped_bytes == high - low) {
        /* The same again, and zero: mapping anew costs newer sanitizers half a second. */
        assert_int_equal(madvise(mapped, mapped_bytes, MADV_DONTNEED), 0);
        return;
    }
    if (mapped != NULL)
        assert_int_equal(munmap(mapped, mapped_bytes), 0);
    mapped_bytes = high - low;
    mapped = mmap(direct_map(low), mapped_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(mapped, direct_map(low));
}

void fake_tlb_reset(void)
{
    fake_tlb.count = 0;
}

static void tlb_event_add(struct fake_tlb_event event)
{
    if (fake_tlb.count < FAKE_TLB_EVENTS_MAX)
        fake_tlb.events[fake_tlb.count++] = event;
    if (fake_tlb.on_event != NULL)
        fake_tlb.on_event(&event);
}

void tlb_publish(void)
{
    tlb_event_add((struct fake_tlb_event){.kind = FAKE_TLB_PUBLISH});
}

void tlb_invalidate_pages(asid_t asid, uaddr_t address, uint64_t pages)
{
    tlb_event_add((struct fake_tlb_event){FAKE_TLB_PAGES, asid, address, pages});
}

void tlb_invalidate_asid(asid_t asid)
{
    tlb_event_add((struct fake_tlb_event){.kind = FAKE_TLB_ASID, .asid = asid});
}

void mmu_switch(uint64_t ttbr)
{
    fake_ttbr = ttbr;
}

void mmu_switch_to_nothing(void)
{
    fake_ttbr = 0;
}

void mmu_leave(uint64_t ttbr)
{
    if (fake_ttbr == ttbr)
        mmu_switch_to_nothing();
}

void zero_page(void *page)
{
    assert_int_equal((uintptr_t)page % PAGE_BYTES, 0);
    memset(page, 0, PAGE_BYTES);
}

/* A failed assertion of the kernel is a failed test, or what expect_assert_failure() waits for. */
void assert_failed(const char *claim)
{
    mock_assert(0, claim, __FILE__, __LINE__);
    abort();
}

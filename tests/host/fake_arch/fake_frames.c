#include "fake_frames.h"

#include "arch/mmu.h"
#include "base/bits.h"
#include "domains/frame.h"
#include "fake_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <sanitizer/asan_interface.h>

enum { FRAMES = 1 << 20 };

static const paddr_t RAM_BASE = 0x40000000;

struct record {
    uint8_t order;
    bool used;
    uint16_t count;
};

static struct record records[FRAMES];
static uint64_t next;
static uint64_t used;

uint64_t fake_frames_left;

void fake_frames_init(uint64_t left)
{
    fake_ram_map(RAM_BASE, RAM_BASE + (uint64_t)FRAMES * PAGE_BYTES);
    memset(records, 0, sizeof(records));
    next = 0;
    used = 0;
    fake_frames_left = left;
}

uint64_t fake_frames_used(void)
{
    return used;
}

static struct record *record_of(paddr_t address)
{
    const uint64_t number = (address - RAM_BASE) / PAGE_BYTES;

    assert_true(number < next);
    assert_true(records[number].used);
    return &records[number];
}

enum status frame_allocate(unsigned order, enum frame_use use, paddr_t *out)
{
    (void)use;
    if (BIT(order) > fake_frames_left)
        return STATUS_OUT_OF_MEMORY;
    next = align_up(next, BIT(order));
    assert_true(next + BIT(order) <= FRAMES);
    *out = RAM_BASE + next * PAGE_BYTES;
    records[next] = (struct record){.order = (uint8_t)order, .used = true};
    memset(direct_map(*out), 0xa5, (size_t)PAGE_BYTES << order); /* frames come as they are */
    next += BIT(order);
    used += BIT(order);
    fake_frames_left -= BIT(order);
    return STATUS_OK;
}

enum status frame_allocate_zeroed(enum frame_use use, paddr_t *out)
{
    const enum status status = frame_allocate(0, use, out);

    if (status == STATUS_OK)
        memset(direct_map(*out), 0, PAGE_BYTES);
    return status;
}

void frame_free_zeroed(paddr_t address)
{
    const uint64_t *words = direct_map(address);

    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*words); i++)
        assert_true(words[i] == 0);
    frame_free(address);
}

void frame_free(paddr_t address)
{
    struct record *record = record_of(address);
    const size_t bytes = (size_t)PAGE_BYTES << record->order;

    record->used = false;
    used -= BIT(record->order);
    fake_frames_left += BIT(record->order);
    assert_int_equal(madvise(direct_map(address), bytes, MADV_DONTNEED), 0);
    ASAN_POISON_MEMORY_REGION(direct_map(address), bytes);
}

unsigned frame_order(paddr_t address)
{
    return record_of(address)->order;
}

uint16_t *frame_count(paddr_t address)
{
    return &record_of(address)->count;
}

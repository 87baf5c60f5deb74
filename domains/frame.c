#include "domains/frame.h"

#include "arch/mmu.h"
#include "arch/zero.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/path.h"
#include "base/string.h"

/* One per frame.  For the first frame of a run `order` is the run's. */
struct frame {
    uint8_t order;
    uint8_t state; /* enum frame_state */
    uint16_t count;
};
_Static_assert(sizeof(struct frame) == 4, "0.1% of RAM goes into these");

enum frame_state {
    FRAME_STATE_INSIDE = 0, /* not the first of a run, or not RAM */
    FRAME_STATE_FREE = 1,
    FRAME_STATE_USED = 2, /* + enum frame_use */
};

static struct frame *frames;
static uint64_t frame_first; /* number of the frame that frames[0] describes */
static uint64_t frame_end;
static struct list free_runs[FRAME_ORDERS];
static uint64_t total;
static uint64_t used[FRAME_USES];

/*
 * Single frames that have come back stay here for who takes one next, not joined with their
 * buddies: most are taken again soon.  Those of the second kind are zero, but for the link.
 */
struct kept {
    struct kept_frame *first;
    uint32_t count;
};
struct kept_frame {
    struct kept_frame *next;
};
enum { KEPT_MAX = 8 };
static struct kept kept_any;
static struct kept kept_zeroed;

static struct frame *frame_at(uint64_t number)
{
    return &frames[number - frame_first];
}

uint64_t frames_records_bytes(paddr_t low, paddr_t high)
{
    return (high - low) / PAGE_BYTES * sizeof(struct frame);
}

void frames_init(paddr_t low, paddr_t high, void *records)
{
    frames = records;
    frame_first = low / PAGE_BYTES;
    frame_end = high / PAGE_BYTES;
    total = 0;
    memset(used, 0, sizeof(used));
    kept_any = kept_zeroed = (struct kept){0};
    for (unsigned i = 0; i < FRAME_ORDERS; i++)
        list_init(&free_runs[i]);
}

static struct list_node *run_node(uint64_t number)
{
    return direct_map(number * PAGE_BYTES);
}

static void run_put(uint64_t number, unsigned order)
{
    struct frame *frame = frame_at(number);

    frame->order = (uint8_t)order;
    frame->state = FRAME_STATE_FREE;
    list_push_front(&free_runs[order], run_node(number));
}

static void run_remove(uint64_t number)
{
    list_remove(run_node(number));
    frame_at(number)->state = FRAME_STATE_INSIDE;
}

/* Free a run, joined with its buddy as long as that is free and of the same size. */
static void run_free(uint64_t number, unsigned order)
{
    while (order + 1 < FRAME_ORDERS) {
        const uint64_t buddy = number ^ BIT(order);
        if (buddy < frame_first || buddy >= frame_end)
            break;
        const struct frame *other = frame_at(buddy);
        if (other->state != FRAME_STATE_FREE || other->order != order)
            break;
        run_remove(buddy);
        number &= ~BIT(order);
        order++;
    }
    run_put(number, order);
}

void frames_add(paddr_t base, uint64_t size)
{
    uint64_t number = base / PAGE_BYTES;
    const uint64_t end = number + size / PAGE_BYTES;

    total += end - number;
    while (number < end) {
        unsigned order = number == 0 ? FRAME_ORDERS - 1 : bits_trailing_zeros(number);
        if (order >= FRAME_ORDERS)
            order = FRAME_ORDERS - 1;
        while (BIT(order) > end - number)
            order--;
        run_free(number, order);
        number += BIT(order);
    }
}

void frames_add_few(paddr_t base, uint64_t size)
{
    const uint64_t end = (base + size) / PAGE_BYTES;

    total += size / PAGE_BYTES;
    for (uint64_t number = base / PAGE_BYTES; number < end; number++)
        run_free(number, 0);
}

static paddr_t kept_pop(struct kept *kept)
{
    struct kept_frame *frame = kept->first;

    kept->first = frame->next;
    kept->count--;
    return direct_map_physical(frame);
}

static void kept_push(struct kept *kept, paddr_t address)
{
    struct kept_frame *frame = direct_map(address);

    frame->next = kept->first;
    kept->first = frame;
    kept->count++;
}

/* Bounded: a few runs at the most, of which none gets longer than what was asked for. */
COLD static bool kept_join(struct kept *kept, unsigned order)
{
    while (kept->count > 0) {
        run_free(kept_pop(kept) / PAGE_BYTES, 0);
        if (!list_is_empty(&free_runs[order]))
            return true;
    }
    return false;
}

static void frame_use(uint64_t number, unsigned order, enum frame_use use)
{
    *frame_at(number) = (struct frame){
        .order = (uint8_t)order,
        .state = (uint8_t)((unsigned)FRAME_STATE_USED + (unsigned)use),
    };
    used[use] += BIT(order);
}

COLD static enum status run_allocate(unsigned order, enum frame_use use, paddr_t *out)
{
    unsigned from = order;

    while (from < FRAME_ORDERS && list_is_empty(&free_runs[from]))
        from++;
    if (from >= FRAME_ORDERS) {
        if (!kept_join(&kept_any, order) && !kept_join(&kept_zeroed, order))
            return STATUS_OUT_OF_MEMORY;
        from = order;
    }

    const uint64_t number = direct_map_physical(list_first(&free_runs[from])) / PAGE_BYTES;
    run_remove(number);
    while (from > order) {
        from--;
        run_put(number + BIT(from), from);
    }
    frame_use(number, order, use);
    *out = number * PAGE_BYTES;
    return STATUS_OK;
}

enum status frame_allocate(unsigned order, enum frame_use use, paddr_t *out)
{
    if (order != 0 || kept_any.first == NULL)
        return run_allocate(order, use, out);
    const paddr_t address = kept_pop(&kept_any);
    frame_use(address / PAGE_BYTES, 0, use);
    *out = address;
    return STATUS_OK;
}

COLD static enum status allocate_and_zero(enum frame_use use, paddr_t *out)
{
    const enum status status = frame_allocate(0, use, out);

    if (status == STATUS_OK)
        zero_page(direct_map(*out));
    return status;
}

enum status frame_allocate_zeroed(enum frame_use use, paddr_t *out)
{
    if (kept_zeroed.first == NULL)
        return allocate_and_zero(use, out);
    const paddr_t address = kept_pop(&kept_zeroed);
    *(uint64_t *)direct_map(address) = 0;
    frame_use(address / PAGE_BYTES, 0, use);
    *out = address;
    return STATUS_OK;
}

/* The run isn't in use any more; returns its number. */
static uint64_t frame_unuse(paddr_t address)
{
    const uint64_t number = address / PAGE_BYTES;
    struct frame *frame = frame_at(number);

    ASSERT(frame->state >= FRAME_STATE_USED);
    used[frame->state - FRAME_STATE_USED] -= BIT(frame->order);
    frame->state = FRAME_STATE_INSIDE;
    return number;
}

void frame_free(paddr_t address)
{
    const uint64_t number = frame_unuse(address);
    const unsigned order = frame_at(number)->order;

    if (order == 0 && kept_any.count < KEPT_MAX)
        kept_push(&kept_any, address);
    else
        run_free(number, order);
}

void frame_free_zeroed(paddr_t address)
{
    if (kept_zeroed.count == KEPT_MAX) {
        frame_free(address);
        return;
    }
    (void)frame_unuse(address);
    kept_push(&kept_zeroed, address);
}

unsigned frame_order(paddr_t address)
{
    return frame_at(address / PAGE_BYTES)->order;
}

bool frame_run_find(paddr_t address, struct frame_run *out)
{
    const uint64_t number = address / PAGE_BYTES;

    if (number < frame_first || number >= frame_end)
        return false;
    for (unsigned order = 0; order < FRAME_ORDERS; order++) {
        const uint64_t first = align_down(number, BIT(order));
        if (first < frame_first)
            return false;
        const struct frame *frame = frame_at(first);
        if (frame->state < FRAME_STATE_USED || first + BIT(frame->order) <= number)
            continue;
        out->base = first * PAGE_BYTES;
        out->order = frame->order;
        out->use = (enum frame_use)(frame->state - FRAME_STATE_USED);
        return true;
    }
    return false;
}

uint16_t *frame_count(paddr_t address)
{
    return &frame_at(address / PAGE_BYTES)->count;
}

struct frame_totals frame_totals(void)
{
    struct frame_totals totals = {.total = total, .free = total};

    for (unsigned use = 0; use < FRAME_USES; use++) {
        totals.used[use] = used[use];
        totals.free -= used[use];
    }
    return totals;
}

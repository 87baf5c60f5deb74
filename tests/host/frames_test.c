/*
 * The frame allocator against a map of who has which page, over memory of odd shapes.
 */
// source: domains/frame.c
// source: tests/host/fake_arch/fake_machine.c
// include first: tests/host/fake_arch
#include "domains/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "fake_machine.h"

enum { RANGES_MAX = 4, RUNS_MAX = 4096, STEPS = 100000 };

struct range {
    paddr_t base;
    uint64_t pages;
};

/* A machine's memory: what lies in [low, high) and is in no range is a hole. */
struct shape {
    paddr_t low, high;
    struct range ranges[RANGES_MAX];
};

static const struct shape shapes[] = {
    /* One bank, as machines like it. */
    {0x40000000, 0x42000000, {{0x40000000, 8192}}},
    /* From 0 on, to an odd end. */
    {0, 0x1803000, {{0, 0x1803}}},
    /* An image cut out, reserved single pages, ends that are no multiple of anything. */
    {0x40003000, 0x41f85000, {{0x40003000, 0x1fd}, {0x40480000, 0x77}, {0x40500000, 0x1a85}}},
    /* Two neighbours that were added apart, a far one, and a page alone. */
    {0x40000000,
     0x44801000,
     {{0x40000000, 0x333}, {0x40333000, 0x4cd}, {0x43ff0000, 0x810}, {0x44800000, 1}}},
    /* A gigabyte and a half: the largest order and then some. */
    {0x80000000, 0xe0000000, {{0x80000000, 0x60000}}},
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

struct run {
    paddr_t address;
    unsigned order;
    enum frame_use use;
};

static uint8_t *map; /* per page of [low, high): 0 hole, 1 free, 2 taken */
static const struct shape *shape;
static uint64_t total_pages;
static void *records;
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static void machine_start(const struct shape *s)
{
    shape = s;
    free(map);
    free(records);
    fake_ram_map(s->low, s->high);
    map = calloc((s->high - s->low) / PAGE_BYTES, 1);
    records = calloc(1, frames_records_bytes(s->low, s->high)); /* not a byte more */
    frames_init(s->low, s->high, records);
    total_pages = 0;
    for (unsigned i = 0; i < RANGES_MAX && s->ranges[i].pages != 0; i++) {
        frames_add(s->ranges[i].base, s->ranges[i].pages * PAGE_BYTES);
        memset(map + (s->ranges[i].base - s->low) / PAGE_BYTES, 1, s->ranges[i].pages);
        total_pages += s->ranges[i].pages;
    }
    random_state = 7;
}

static int teardown(void **state)
{
    (void)state;
    free(map);
    free(records);
    map = NULL;
    records = NULL;
    return 0;
}

/* The pages of a run pass from state `from` to state `to` of the map. */
static void map_change(const struct run *run, uint8_t from, uint8_t to)
{
    const uint64_t first = (run->address - shape->low) / PAGE_BYTES;

    for (uint64_t i = 0; i < UINT64_C(1) << run->order; i++) {
        assert_int_equal(map[first + i], from);
        map[first + i] = to;
    }
}

static bool run_take(struct run *run, unsigned order, enum frame_use use)
{
    *run = (struct run){.order = order, .use = use};
    if (frame_allocate(order, use, &run->address) != STATUS_OK)
        return false;
    assert_true(run->address >= shape->low);
    assert_true(run->address + ((uint64_t)PAGE_BYTES << order) <= shape->high);
    assert_int_equal(run->address & (((uint64_t)PAGE_BYTES << order) - 1), 0);
    map_change(run, 1, 2);
    assert_int_equal(frame_order(run->address), order);
    assert_int_equal(*frame_count(run->address), 0);
    *frame_count(run->address) = 77; /* whatever is left there, the next one finds 0 */
    return true;
}

static void run_give(const struct run *run)
{
    map_change(run, 2, 1);
    frame_free(run->address);
}

/* How many runs of each order can be had, largest first; all are given back. */
static void census(uint64_t counts[FRAME_ORDERS])
{
    struct run *runs = calloc(RUNS_MAX, sizeof(*runs));
    unsigned count = 0;

    for (unsigned order = FRAME_ORDERS; order-- > 0;) {
        counts[order] = 0;
        while (run_take(&runs[count], order, FRAME_SEGMENT)) {
            assert_true(++count < RUNS_MAX);
            counts[order]++;
        }
    }
    assert_int_equal(frame_totals().free, 0);
    while (count > 0)
        run_give(&runs[--count]);
    free(runs);
    assert_int_equal(frame_totals().free, total_pages);
}

static void memory_is_cut_into_the_largest_runs_there_are(void **state)
{
    uint64_t counts[FRAME_ORDERS];

    (void)state;
    machine_start(&shapes[4]);
    census(counts);
    assert_int_equal(counts[FRAME_ORDER_1G], 1);
    assert_int_equal(counts[FRAME_ORDER_1G - 1], 1);
    machine_start(&shapes[0]);
    census(counts);
    assert_int_equal(counts[13], 1);
    /* 0x40000000 + 0x333 pages joins with the 0x4cd behind it: 0x800 in one piece. */
    machine_start(&shapes[3]);
    census(counts);
    assert_int_equal(counts[11], 2);
    assert_int_equal(counts[4], 1); /* the 16 pages before 0x44000000 */
    assert_int_equal(counts[0], 1);
}

static void all_pages_can_be_had_one_by_one_and_no_more(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SHAPES; s++) {
        machine_start(&shapes[s]);
        struct run *runs = calloc(total_pages + 1, sizeof(*runs));
        for (uint64_t i = 0; i < total_pages; i++) {
            assert_true(run_take(&runs[i], 0, FRAME_OBJECT));
            assert_int_equal(frame_totals().free, total_pages - i - 1);
        }
        assert_false(run_take(&runs[total_pages], 0, FRAME_OBJECT));
        assert_int_equal(frame_totals().used[FRAME_OBJECT], total_pages);
        assert_int_equal(frame_totals().total, total_pages);
        for (uint64_t i = 0; i < total_pages; i++)
            run_give(&runs[i % 2 == 0 ? i / 2 : total_pages - 1 - i / 2]); /* from both ends */
        assert_int_equal(frame_totals().free, total_pages);
        assert_int_equal(frame_totals().used[FRAME_OBJECT], 0);
        free(runs);
    }
}

/* What only booting needed is joined as all of RAM is. */
static void frames_that_come_late_are_as_good_as_any(void **state)
{
    static const struct range late = {0x40800000, 15};
    void (*const add[])(paddr_t base, uint64_t size) = {frames_add, frames_add_few};
    uint64_t counts[2][FRAME_ORDERS];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine_start(&shapes[3]);
        add[i](late.base, late.pages * PAGE_BYTES);
        memset(map + (late.base - shape->low) / PAGE_BYTES, 1, late.pages);
        total_pages += late.pages;
        assert_int_equal(frame_totals().total, total_pages);
        assert_int_equal(frame_totals().free, total_pages);
        census(counts[i]);
    }
    assert_int_equal(counts[1][3], 1); /* 8, 4, 2 and 1 of them, and the page alone */
    assert_int_equal(counts[1][0], 2);
    assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
}

static void an_address_out_of_memory_is_left_untouched(void **state)
{
    paddr_t address = 0x1234;

    (void)state;
    machine_start(&shapes[2]);
    assert_int_equal(frame_allocate(FRAME_ORDER_1G, FRAME_SEGMENT, &address), STATUS_OUT_OF_MEMORY);
    assert_true(address == 0x1234);
    assert_int_equal(frame_totals().free, total_pages);
}

static void freeing_twice_is_the_kernels_mistake(void **state)
{
    struct run run;

    (void)state;
    machine_start(&shapes[0]);
    assert_true(run_take(&run, 3, FRAME_TABLE));
    run_give(&run);
    expect_assert_failure(frame_free(run.address));
    assert_true(run_take(&run, 0, FRAME_TABLE));
    memset(direct_map(run.address), 0, PAGE_BYTES);
    frame_free_zeroed(run.address);
    expect_assert_failure(frame_free_zeroed(run.address));
    expect_assert_failure(frame_free(run.address));
}

static bool is_zero(paddr_t address)
{
    const uint64_t *words = direct_map(address);

    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*words); i++)
        if (words[i] != 0)
            return false;
    return true;
}

/* Those that come back zeroed are taken again as they are, and are not lost to anybody else. */
static void frames_asked_for_zeroed_are_zero(void **state)
{
    static paddr_t taken[8192];
    unsigned count = 0;

    (void)state;
    machine_start(&shapes[0]);
    for (unsigned step = 0; step < 1000; step++) {
        if (count > 0 && random_below(2) == 0) {
            const unsigned i = random_below(count);
            if (random_below(2) == 0) {
                frame_free_zeroed(taken[i]);
            } else {
                memset(direct_map(taken[i]), 0xd2, PAGE_BYTES);
                frame_free(taken[i]);
            }
            taken[i] = taken[--count];
        } else {
            assert_int_equal(frame_allocate_zeroed(FRAME_TABLE, &taken[count]), STATUS_OK);
            assert_true(is_zero(taken[count++]));
        }
        assert_int_equal(frame_totals().used[FRAME_TABLE], count);
        assert_int_equal(frame_totals().free, total_pages - count);
    }
    while (frame_allocate_zeroed(FRAME_TABLE, &taken[count]) == STATUS_OK)
        count++;
    assert_int_equal(count, total_pages);
    while (count > 0)
        frame_free(taken[--count]);
    uint64_t counts[FRAME_ORDERS];
    census(counts);
    assert_int_equal(counts[13], 1); /* what waited to be taken again has joined */
}

/* A word of its own at each end: whoever else wrote there would be seen. */
static void run_mark(const struct run *run)
{
    uint64_t *first = direct_map(run->address);

    first[0] = run->address;
    first[((uint64_t)PAGE_BYTES << run->order) / 8 - 1] = ~run->address;
}

static void run_check_mark(const struct run *run)
{
    const uint64_t *first = direct_map(run->address);

    assert_true(first[0] == run->address);
    assert_true(first[((uint64_t)PAGE_BYTES << run->order) / 8 - 1] == ~run->address);
}

/* Whose a page is, asked for one anywhere in memory and for one inside of a run. */
static void find_some(const struct run *runs, unsigned count)
{
    const uint64_t pages = (shape->high - shape->low) / PAGE_BYTES;
    const uint64_t page = random_below((uint32_t)pages);
    struct frame_run found;

    assert_int_equal(frame_run_find(shape->low + page * PAGE_BYTES, &found), map[page] == 2);
    assert_false(frame_run_find(shape->high, &found));
    if (count == 0)
        return;
    const struct run *run = &runs[random_below(count)];
    const uint64_t inside = random_below((uint32_t)(UINT64_C(1) << run->order));
    assert_true(frame_run_find(run->address + inside * PAGE_BYTES, &found));
    assert_true(found.base == run->address);
    assert_int_equal(found.order, run->order);
    assert_int_equal(found.use, run->use);
}

static unsigned random_order(void)
{
    const unsigned kind = random_below(100);

    if (kind < 60)
        return 0;
    return kind < 95 ? random_below(6) : random_below(12);
}

static void random_steps_keep_the_map(void **state)
{
    static struct run runs[RUNS_MAX];

    (void)state;
    for (unsigned s = 0; s < SHAPES - 1; s++) {
        uint64_t before[FRAME_ORDERS], after[FRAME_ORDERS];
        uint64_t used[FRAME_USES] = {0};
        unsigned count = 0;
        machine_start(&shapes[s]);
        census(before);
        for (unsigned step = 0; step < STEPS / (SHAPES - 1); step++) {
            /* Tides: mostly taking, then mostly giving back. */
            const bool take = random_below(100) < (step / 3000 % 2 == 0 ? 70U : 30U);
            if (take && count < RUNS_MAX) {
                const enum frame_use use = random_below(FRAME_USES);
                if (!run_take(&runs[count], random_order(), use))
                    continue;
                used[use] += UINT64_C(1) << runs[count].order;
                run_mark(&runs[count++]);
            } else if (!take && count > 0) {
                const unsigned i = random_below(count);
                run_check_mark(&runs[i]);
                used[runs[i].use] -= UINT64_C(1) << runs[i].order;
                run_give(&runs[i]);
                runs[i] = runs[--count];
            }
            find_some(runs, count);
            const struct frame_totals totals = frame_totals();
            uint64_t sum = totals.free;
            for (unsigned use = 0; use < FRAME_USES; use++) {
                assert_int_equal(totals.used[use], used[use]);
                sum += used[use];
            }
            assert_int_equal(sum, totals.total);
        }
        while (count > 0)
            run_give(&runs[--count]);
        /* Everything has joined again. */
        census(after);
        assert_memory_equal(before, after, sizeof(before));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(memory_is_cut_into_the_largest_runs_there_are, teardown),
        cmocka_unit_test_teardown(all_pages_can_be_had_one_by_one_and_no_more, teardown),
        cmocka_unit_test_teardown(frames_that_come_late_are_as_good_as_any, teardown),
        cmocka_unit_test_teardown(an_address_out_of_memory_is_left_untouched, teardown),
        cmocka_unit_test_teardown(freeing_twice_is_the_kernels_mistake, teardown),
        cmocka_unit_test_teardown(frames_asked_for_zeroed_are_zero, teardown),
        cmocka_unit_test_teardown(random_steps_keep_the_map, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

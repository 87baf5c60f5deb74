/*
 * The shared space: who gets which slots, and when they are used again.
 */
// source: domains/space.c
// source: tests/host/fake_arch/fake_machine.c
// source: tests/host/fake_arch/fake_frames.c
// include first: tests/host/fake_arch
#include "domains/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_frames.h"

enum { RUNS_MAX = 3000, STEPS = 20000, HOME = 17 };

static const uint64_t GIGABYTE = UINT64_C(1) << 30;

struct run {
    uint32_t first, count;
    uint8_t owner;
};

static uint8_t owners[SPACE_SLOTS];    /* what the space should say: 0 nobody, else an owner's */
static bool is_whole[SPACE_GIGABYTES]; /* taken by the gigabyte */
static uint8_t segments[256];          /* their addresses are owners; nobody looks inside */
static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % bound);
}

static struct segment *segment_of(uint8_t owner)
{
    return owner == 0 ? NULL : (struct segment *)(void *)&segments[owner];
}

/* More than there can ever be: it is refused, after everything that rests was released. */
static void resting_end(void)
{
    enum status status;
    uaddr_t address;

    do {
        status = space_take(segment_of(1), SPACE_SLOTS, true, 0, &address);
    } while (status == STATUS_WOULD_BLOCK);
    assert_int_equal(status, STATUS_OUT_OF_SPACE);
}

static int setup(void **state)
{
    (void)state;
    fake_frames_init(1024);
    space_init(99);
    resting_end();
    random_state = 5;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < SPACE_SLOTS; slot++) {
        const uint32_t count = is_whole[slot / 512] ? 512 : 1;
        if (owners[slot] == 0)
            continue;
        space_give((uaddr_t)slot * SLOT_BYTES, count);
        memset(owners + slot, 0, count);
    }
    memset(is_whole, 0, sizeof(is_whole));
    assert_int_equal(space_table_frames(), 0);
    assert_int_equal(fake_frames_used(), 0);
    return 0;
}

static bool try_take(uint8_t owner, uint32_t count, bool by_gigabyte, uint32_t home,
                     struct run *run)
{
    uaddr_t address = 0;
    enum status status;

    do {
        status = space_take(segment_of(owner), count, by_gigabyte, home, &address);
    } while (status == STATUS_WOULD_BLOCK);
    if (status == STATUS_OUT_OF_SPACE)
        return false;
    assert_int_equal(status, STATUS_OK);
    assert_true(address >= GIGABYTE); /* small numbers taken for pointers must fault */
    assert_int_equal(address % (by_gigabyte ? GIGABYTE : SLOT_BYTES), 0);
    if (by_gigabyte)
        count = (count + 511) / 512 * 512;
    *run = (struct run){(uint32_t)(address / SLOT_BYTES), count, owner};
    for (uint32_t i = 0; by_gigabyte && i < count; i += 512)
        is_whole[(run->first + i) / 512] = true;
    assert_true(run->first + count <= SPACE_SLOTS);
    if (!by_gigabyte)
        assert_int_equal(run->first / 512, (run->first + count - 1) / 512);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(owners[run->first + i], 0);
        owners[run->first + i] = owner;
    }
    return true;
}

static struct run take(uint8_t owner, uint32_t count, bool by_gigabyte, uint32_t home)
{
    struct run run;

    assert_true(try_take(owner, count, by_gigabyte, home, &run));
    return run;
}

static void give(const struct run *run)
{
    space_give((uaddr_t)run->first * SLOT_BYTES, run->count);
    memset(owners + run->first, 0, run->count);
    for (uint32_t g = run->first / 512; g * 512 < run->first + run->count; g++)
        is_whole[g] = false;
}

static void check_owner(uint32_t slot)
{
    const uaddr_t address = (uaddr_t)slot * SLOT_BYTES;

    assert_ptr_equal(space_owner(address), segment_of(owners[slot]));
    assert_ptr_equal(space_owner(address + SLOT_BYTES - 1), segment_of(owners[slot]));
}

static void slots_lie_at_home_while_there_is_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SLOTS_PER_GIGABYTE; i++)
        assert_int_equal(take(1, 1, false, HOME).first / 512, HOME);
    assert_int_equal(space_table_frames(), 1);
    assert_true(take(1, 1, false, HOME).first / 512 != HOME);
    assert_int_equal(space_table_frames(), 2);
}

static void the_owner_is_found_by_any_address(void **state)
{
    (void)state;
    const struct run a = take(1, 3, false, HOME);
    const struct run b = take(2, 2 * 512 + 5, true, HOME);

    for (uint32_t slot = 0; slot < SPACE_SLOTS; slot++)
        check_owner(slot);
    space_pass((uaddr_t)(a.first + 1) * SLOT_BYTES, 2, segment_of(3));
    owners[a.first + 1] = owners[a.first + 2] = 3;
    for (uint32_t i = 0; i < 3; i++)
        check_owner(a.first + i);
    give(&b);
    for (uint32_t slot = 0; slot < SPACE_SLOTS; slot++)
        check_owner(slot);
    assert_null(space_owner(UINT64_C(1) << 39));
    assert_null(space_owner(UINT64_MAX));
    assert_null(space_owner((UINT64_C(1) << 39) + (uaddr_t)a.first * SLOT_BYTES));
}

static void a_slot_given_up_is_not_used_again_while_there_are_fresh_ones(void **state)
{
    static bool used[SPACE_SLOTS];

    (void)state;
    memset(used, 0, sizeof(used));
    for (unsigned i = 0; i < SPACE_SLOTS / 4; i++) {
        const struct run run = take(1, 1, false, HOME);
        assert_false(used[run.first]);
        used[run.first] = true;
        give(&run);
        assert_null(space_owner((uaddr_t)run.first * SLOT_BYTES));
    }
}

/* What rested long enough is free again before there is no room otherwise. */
static void rest_ends_in_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * SPACE_SLOTS; i++) {
        uaddr_t address;
        assert_int_equal(space_take(segment_of(1), 1, false, HOME, &address), STATUS_OK);
        space_give(address, 1);
    }
}

static void a_full_space_is_refused_and_works_again_after_one_is_given_up(void **state)
{
    struct run run;
    unsigned count = 0;

    (void)state;
    while (try_take(1, 512, true, HOME, &run))
        count++;
    assert_int_equal(count, SPACE_GIGABYTES - 1);
    assert_false(try_take(1, 1, false, HOME, &run));
    give(&(struct run){.first = 100 * 512, .count = 512});
    assert_int_equal(take(2, 512, true, HOME).first, 100 * 512);
    assert_false(try_take(1, 1, false, HOME, &run));
}

static void gigabytes_in_a_row_are_found_between_others(void **state)
{
    struct run run, runs[SPACE_GIGABYTES];
    unsigned count = 0;

    (void)state;
    while (try_take(1, 512, true, HOME, &run))
        runs[count++] = run;
    for (unsigned i = 0; i < count; i++)
        if (runs[i].first / 512 >= 200 && runs[i].first / 512 < 207)
            give(&runs[i]);
    assert_false(try_take(2, 7 * 512 + 1, true, HOME, &run));
    assert_in_range(take(2, 5 * 512 + 1, true, HOME).first, 200 * 512, 201 * 512);
    /* The seventh has room for slots, and then not for a whole gigabyte. */
    assert_int_equal(take(3, 511, false, HOME).count, 511);
    assert_false(try_take(3, 512, true, HOME, &run));
    assert_int_equal(take(3, 1, false, HOME).count, 1);
    assert_false(try_take(3, 1, false, HOME, &run));
}

static void the_seed_makes_the_placement(void **state)
{
    uint32_t first[3][32];
    unsigned same = 0, neighbours = 0;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        resting_end();
        space_init(round < 2 ? 1234 : 1235);
        struct run runs[32];
        for (unsigned i = 0; i < 32; i++) {
            runs[i] = take(1, 1, false, HOME);
            first[round][i] = runs[i].first;
        }
        for (unsigned i = 0; i < 32; i++)
            give(&runs[i]);
    }
    assert_memory_equal(first[0], first[1], sizeof(first[0]));
    for (unsigned i = 0; i < 32; i++)
        same += first[0][i] == first[2][i];
    for (unsigned i = 1; i < 32; i++)
        neighbours += first[0][i] == first[0][i - 1] + 1;
    assert_true(same < 4);
    assert_true(neighbours < 4);
}

static void without_memory_for_the_owner_table_nothing_is_taken(void **state)
{
    uaddr_t address = 42;

    (void)state;
    fake_frames_left = 0;
    assert_int_equal(space_take(segment_of(1), 1, false, HOME, &address), STATUS_OUT_OF_MEMORY);
    assert_true(address == 42);
    assert_int_equal(space_table_frames(), 0);
    for (uint32_t slot = 0; slot < SPACE_SLOTS; slot++)
        check_owner(slot);
    fake_frames_left = 1024;
    for (unsigned i = 0; i < SLOTS_PER_GIGABYTE; i++) /* all of home is there still */
        assert_int_equal(take(1, 1, false, HOME).first / 512, HOME);
}

static void random_steps_match_the_model(void **state)
{
    static struct run runs[RUNS_MAX];
    unsigned count = 0;

    (void)state;
    for (unsigned step = 0; step < STEPS; step++) {
        if (random_below(100) < (step / 4000 % 2 == 0 ? 60U : 40U) && count < RUNS_MAX) {
            const bool by_gigabyte = random_below(40) == 0;
            const uint32_t most = by_gigabyte ? 3 * 512 : random_below(10) == 0 ? 512 : 8;
            const uint32_t slots = by_gigabyte ? 512 + random_below(most) : 1 + random_below(most);
            if (try_take((uint8_t)(1 + random_below(255)), slots, by_gigabyte,
                         1 + random_below(SPACE_GIGABYTES - 1), &runs[count]))
                count++;
        } else if (count > 0) {
            const unsigned i = random_below(count);
            give(&runs[i]);
            runs[i] = runs[--count];
        }
        for (unsigned i = 0; i < 10; i++)
            check_owner(random_below(SPACE_SLOTS));
    }
    bool in_use[SPACE_GIGABYTES] = {false}; /* slot by slot */
    uint64_t tables = 0;
    for (uint32_t slot = 0; slot < SPACE_SLOTS; slot++) {
        check_owner(slot);
        in_use[slot / 512] = in_use[slot / 512] || (owners[slot] != 0 && !is_whole[slot / 512]);
    }
    for (unsigned g = 0; g < SPACE_GIGABYTES; g++)
        tables += in_use[g];
    assert_int_equal(space_table_frames(), tables);
    assert_int_equal(fake_frames_used(), tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slots_lie_at_home_while_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(the_owner_is_found_by_any_address, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_slot_given_up_is_not_used_again_while_there_are_fresh_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(rest_ends_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_space_is_refused_and_works_again_after_one_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(gigabytes_in_a_row_are_found_between_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_seed_makes_the_placement, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_for_the_owner_table_nothing_is_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(random_steps_match_the_model, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

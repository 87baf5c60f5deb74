#include "domains/space.h"

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/bits.h"
#include "domains/frame.h"

enum { WORDS_PER_GIGABYTE = SLOTS_PER_GIGABYTE / 64 };

/*
 * A slot is taken from space_take() on; given up, it rests: it stays `taken` and is set in
 * `resting` until too little of the space is left, when everything that rests is freed at once.
 */
static uint64_t taken[SPACE_SLOTS / 64];
static uint64_t resting[SPACE_SLOTS / 64];
static uint32_t resting_count;
/* A frame each, which counts the slots that somebody owns; there while there is one. */
static struct segment **owners[SPACE_GIGABYTES];
static uint64_t random_state;
static uint64_t table_frames;

static bool bit_get(const uint64_t *map, uint32_t slot)
{
    return (map[slot / 64] >> slot % 64 & 1) != 0;
}

static void bit_set(uint64_t *map, uint32_t slot)
{
    map[slot / 64] |= BIT(slot % 64);
}

void space_init(uint64_t seed)
{
    random_state = seed;
    /* The first gigabyte stays empty: small numbers taken for pointers must fault. */
    for (unsigned i = 0; i < WORDS_PER_GIGABYTE; i++)
        taken[i] = ~UINT64_C(0);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t space_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void resting_release(void)
{
    for (uint32_t i = 0; i < SPACE_SLOTS / 64; i++) {
        taken[i] &= ~resting[i];
        resting[i] = 0;
    }
    resting_count = 0;
}

static bool run_is_free(uint32_t slot, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (bit_get(taken, slot + i))
            return false;
    return true;
}

/* A free run within one gigabyte, looked for from a random place on. */
static bool find_in_gigabyte(uint32_t gigabyte, uint32_t count, uint32_t *out)
{
    const uint32_t places = SLOTS_PER_GIGABYTE - count + 1;
    const uint32_t start = (uint32_t)(space_random() % places);

    for (uint32_t i = 0; i < places; i++) {
        const uint32_t slot = gigabyte * SLOTS_PER_GIGABYTE + (start + i) % places;
        if (run_is_free(slot, count)) {
            *out = slot;
            return true;
        }
    }
    return false;
}

/* Whole gigabytes in a row. */
static bool find_gigabytes(uint32_t count, uint32_t *out)
{
    const uint32_t start = (uint32_t)(space_random() % SPACE_GIGABYTES);

    for (uint32_t i = 0; i < SPACE_GIGABYTES; i++) {
        const uint32_t gigabyte = (start + i) % SPACE_GIGABYTES;
        if (gigabyte + divide_up(count, SLOTS_PER_GIGABYTE) > SPACE_GIGABYTES)
            continue;
        if (run_is_free(gigabyte * SLOTS_PER_GIGABYTE, count)) {
            *out = gigabyte * SLOTS_PER_GIGABYTE;
            return true;
        }
    }
    return false;
}

static bool find(uint32_t count, bool by_gigabyte, uint32_t home, uint32_t *out)
{
    if (by_gigabyte)
        return find_gigabytes(count, out);
    if (find_in_gigabyte(home, count, out))
        return true;
    const uint32_t start = (uint32_t)(space_random() % SPACE_GIGABYTES);
    for (uint32_t i = 0; i < SPACE_GIGABYTES; i++)
        if (find_in_gigabyte((start + i) % SPACE_GIGABYTES, count, out))
            return true;
    return false;
}

/* Make sure that the owner tables for these slots exist. */
static enum status owners_prepare(uint32_t slot, uint32_t count)
{
    for (uint32_t g = slot / SLOTS_PER_GIGABYTE; g <= (slot + count - 1) / SLOTS_PER_GIGABYTE;
         g++) {
        paddr_t address;
        if (owners[g] != NULL)
            continue;
        const enum status status = frame_allocate_zeroed(FRAME_TABLE, &address);
        if (status != STATUS_OK)
            return status;
        owners[g] = direct_map(address);
        table_frames++;
    }
    return STATUS_OK;
}

static uint16_t *owners_count(uint32_t gigabyte)
{
    return frame_count(direct_map_physical(owners[gigabyte]));
}

static void owner_set(uint32_t slot, struct segment *segment)
{
    owners[slot / SLOTS_PER_GIGABYTE][slot % SLOTS_PER_GIGABYTE] = segment;
}

/* Give back the owner tables, of those that these slots are in, that say nothing any more. */
static void owners_release(uint32_t slot, uint32_t count)
{
    for (uint32_t g = slot / SLOTS_PER_GIGABYTE; g <= (slot + count - 1) / SLOTS_PER_GIGABYTE;
         g++) {
        if (owners[g] == NULL || *owners_count(g) != 0)
            continue;
        frame_free_zeroed(direct_map_physical(owners[g]));
        owners[g] = NULL;
        table_frames--;
    }
}

enum status space_take(struct segment *segment, uint32_t count, bool by_gigabyte, uint32_t home,
                       uaddr_t *out)
{
    uint32_t slot;

    ASSERT(count > 0 && (by_gigabyte || count <= SLOTS_PER_GIGABYTE));
    if (resting_count > SPACE_SLOTS / 4)
        resting_release();
    if (!find(count, by_gigabyte, home, &slot)) {
        resting_release();
        if (!find(count, by_gigabyte, home, &slot))
            return STATUS_OUT_OF_SPACE;
    }
    const enum status status = owners_prepare(slot, count);
    if (status != STATUS_OK) {
        owners_release(slot, count);
        return status;
    }

    for (uint32_t i = 0; i < count; i++) {
        bit_set(taken, slot + i);
        owner_set(slot + i, segment);
        ++*owners_count((slot + i) / SLOTS_PER_GIGABYTE);
    }
    *out = (uaddr_t)slot << SLOT_SHIFT;
    return STATUS_OK;
}

void space_pass(uaddr_t address, uint32_t count, struct segment *to)
{
    for (uint32_t i = 0; i < count; i++)
        owner_set((uint32_t)(address >> SLOT_SHIFT) + i, to);
}

void space_give(uaddr_t address, uint32_t count)
{
    const uint32_t slot = (uint32_t)(address >> SLOT_SHIFT);

    for (uint32_t i = 0; i < count; i++) {
        bit_set(resting, slot + i);
        owner_set(slot + i, NULL);
        --*owners_count((slot + i) / SLOTS_PER_GIGABYTE);
    }
    owners_release(slot, count);
    resting_count += count;
}

struct segment *space_owner(uaddr_t address)
{
    const uint64_t slot = address >> SLOT_SHIFT;

    if (slot >= SPACE_SLOTS || owners[slot / SLOTS_PER_GIGABYTE] == NULL)
        return NULL;
    return owners[slot / SLOTS_PER_GIGABYTE][slot % SLOTS_PER_GIGABYTE];
}

uint64_t space_table_frames(void)
{
    return table_frames;
}

#include "domains/space.h"

#include "arch/mmu.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/path.h"
#include "domains/frame.h"

/* 512 bits: the slots of a gigabyte, or all gigabytes. */
enum { MAP_BITS = 512, MAP_WORDS = MAP_BITS / 64 };
_Static_assert((int)SLOTS_PER_GIGABYTE == MAP_BITS && (int)SPACE_GIGABYTES == MAP_BITS,
               "maps are of a size");

/* Behind a map that is looked for runs in lie zeroes: half of it is shifted in at the most. */
enum { RUN_WORDS = MAP_WORDS + MAP_WORDS / 2 + 1 };

enum { RELEASE_STEP = 4 }; /* gigabytes */

/*
 * A slot is taken from space_take() on; given up, it rests: it stays taken, of the present age.
 * When a quarter of the space rests, an age begins, and what rests of the one before is released,
 * a gigabyte at a time.  When there is no room, everything that rests is released, in steps.
 */
static uint64_t taken[SPACE_GIGABYTES][MAP_WORDS];
static uint64_t resting[2][SPACE_GIGABYTES][MAP_WORDS]; /* by age: now, before */
static uint64_t has_resting[2][MAP_WORDS];              /* gigabytes */
static unsigned now;                                    /* which age is the present one */
static uint32_t resting_now;                            /* slots */
static bool is_releasing;                               /* something rests of the age before */

static uint64_t is_begun[MAP_WORDS]; /* gigabytes of which something is taken */
static uint64_t is_full[MAP_WORDS];  /* gigabytes in which no slot was found, since a release */

/* Who owns a gigabyte's slots: one segment, or a frame says so for each, while anybody does. */
static struct segment *whole[SPACE_GIGABYTES];
static struct segment **owners[SPACE_GIGABYTES];
static uint16_t owned[SPACE_GIGABYTES]; /* slots, of those that `owners` is for */

static uint64_t random_state;
static uint64_t table_frames;

static void bit_set(uint64_t *map, uint32_t bit)
{
    map[bit / 64] |= BIT(bit % 64);
}

static void bit_clear(uint64_t *map, uint32_t bit)
{
    map[bit / 64] &= ~BIT(bit % 64);
}

/* Set `count` bits from `first` on. */
static void bits_set(uint64_t *map, uint32_t first, uint32_t count)
{
    while (count > 0) {
        const uint32_t room = 64 - first % 64;
        const uint32_t n = count < room ? count : room;
        map[first / 64] |= ~UINT64_C(0) >> (64 - n) << first % 64;
        first += n;
        count -= n;
    }
}

/* The first bit that is set in `map` exclusive or `flip`, from `from` on; MAP_BITS if none is. */
static uint32_t bit_next(const uint64_t *map, uint64_t flip, uint32_t from)
{
    uint64_t mask = ~UINT64_C(0) << from % 64;

    for (uint32_t word = from / 64; word < MAP_WORDS; word++, mask = ~UINT64_C(0)) {
        const uint64_t bits = (map[word] ^ flip) & mask;
        if (bits != 0)
            return word * 64 + bits_trailing_zeros(bits);
    }
    return MAP_BITS;
}

/* A bit is set in `out` where `count` bits in a row that are clear in `map` begin. */
static void runs_find(const uint64_t *map, uint32_t count, uint64_t out[RUN_WORDS])
{
    uint32_t step;

    for (unsigned i = 0; i < RUN_WORDS; i++)
        out[i] = i < MAP_WORDS ? ~map[i] : 0;
    for (uint32_t length = 1; length < count; length += step) {
        step = length < count - length ? length : count - length;
        const unsigned down = step % 64, up = 63 - down;
        const uint64_t *from = &out[step / 64];
        uint64_t *to = out;
        do {
            *to &= from[0] >> down | from[1] << 1 << up;
            from++;
        } while (++to != &out[MAP_WORDS]);
    }
}

void space_init(uint64_t seed)
{
    random_state = seed;
    /* The first gigabyte stays empty: small numbers taken for pointers must fault. */
    bits_set(taken[0], 0, MAP_BITS);
    bit_set(is_begun, 0);
    bit_set(is_full, 0);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t space_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void release(unsigned age, uint32_t gigabyte)
{
    uint64_t left = 0;

    for (unsigned i = 0; i < MAP_WORDS; i++) {
        taken[gigabyte][i] &= ~resting[age][gigabyte][i];
        resting[age][gigabyte][i] = 0;
        left |= taken[gigabyte][i];
    }
    if (left == 0)
        bit_clear(is_begun, gigabyte);
    bit_clear(is_full, gigabyte);
    bit_clear(has_resting[age], gigabyte);
}

/* What is to be done about slots that rest, each time that some are taken. */
static void rest_on(void)
{
    if (is_releasing) {
        const uint32_t gigabyte = bit_next(has_resting[1 - now], 0, 0);
        if (gigabyte < MAP_BITS)
            release(1 - now, gigabyte);
        else
            is_releasing = false;
    } else if (resting_now > SPACE_SLOTS / 4) {
        now = 1 - now;
        resting_now = 0;
        is_releasing = true;
    }
}

/* There is no room: release some of what rests, of whatever age; false if nothing does. */
static bool rest_ends_for_some(void)
{
    unsigned released;

    for (released = 0; released < RELEASE_STEP; released++) {
        unsigned age = 0;
        uint32_t gigabyte = bit_next(has_resting[age], 0, 0);
        if (gigabyte == MAP_BITS)
            gigabyte = bit_next(has_resting[++age], 0, 0);
        if (gigabyte == MAP_BITS)
            break;
        release(age, gigabyte);
    }
    if (released < RELEASE_STEP)
        resting_now = 0;
    return released > 0;
}

/* Where `count` bits in a row are clear, looked for from a random place on; MAP_BITS if nowhere. */
static uint32_t run_find(const uint64_t *map, uint32_t count)
{
    const uint32_t start = (uint32_t)(space_random() % MAP_BITS);
    uint64_t runs[RUN_WORDS];
    uint64_t flip = ~UINT64_C(0);

    if (count > 1) {
        runs_find(map, count, runs);
        map = runs;
        flip = 0;
    }
    const uint32_t bit = bit_next(map, flip, start);
    return bit == MAP_BITS ? bit_next(map, flip, 0) : bit;
}

/* Free slots in a row within one gigabyte. */
static bool find_in_gigabyte(uint32_t gigabyte, uint32_t count, uint32_t *out)
{
    const uint32_t slot = run_find(taken[gigabyte], count);

    if (slot == MAP_BITS && count == 1)
        bit_set(is_full, gigabyte);
    *out = gigabyte * SLOTS_PER_GIGABYTE + slot;
    return slot < MAP_BITS;
}

/* Away from home: a gigabyte that nobody is in, or one that has room, at random. */
OUT_OF_LINE static bool find_elsewhere(uint32_t count, uint32_t *out)
{
    uint32_t gigabyte = run_find(is_begun, 1);

    if (gigabyte == MAP_BITS)
        gigabyte = run_find(is_full, 1);
    return gigabyte < MAP_BITS && find_in_gigabyte(gigabyte, count, out);
}

/* The frame that says whose a gigabyte's slots are. */
static enum status owners_prepare(uint32_t gigabyte)
{
    paddr_t address;

    if (owners[gigabyte] != NULL)
        return STATUS_OK;
    const enum status status = frame_allocate_zeroed(FRAME_TABLE, &address);
    if (status != STATUS_OK)
        return status;
    owners[gigabyte] = direct_map(address);
    table_frames++;
    return STATUS_OK;
}

/* Two slots with one instruction: there may be hundreds. */
static void owner_set(uint32_t slot, uint32_t count, struct segment *segment)
{
    struct segment **owner = &owners[slot / SLOTS_PER_GIGABYTE][slot % SLOTS_PER_GIGABYTE];

    if (count % 2 != 0)
        *owner++ = segment;
    for (struct segment **const end = owner + count / 2 * 2; owner != end; owner += 2)
        owner[0] = owner[1] = segment;
}

static void take_gigabytes(struct segment *segment, uint32_t gigabyte, uint32_t count)
{
    for (uint32_t g = gigabyte; g < gigabyte + count; g++) {
        bits_set(taken[g], 0, MAP_BITS);
        whole[g] = segment;
    }
    bits_set(is_begun, gigabyte, count);
    bits_set(is_full, gigabyte, count);
}

static enum status no_room(void)
{
    return rest_ends_for_some() ? STATUS_WOULD_BLOCK : STATUS_OUT_OF_SPACE;
}

enum status space_take(struct segment *segment, uint32_t count, bool by_gigabyte, uint32_t home,
                       uaddr_t *out)
{
    uint32_t slot;

    ASSERT(count > 0 && count <= (by_gigabyte ? SPACE_SLOTS : SLOTS_PER_GIGABYTE));
    rest_on();
    if (by_gigabyte) {
        const uint32_t gigabytes = (uint32_t)divide_up(count, SLOTS_PER_GIGABYTE);
        const uint32_t first = run_find(is_begun, gigabytes);
        if (first == MAP_BITS)
            return no_room();
        take_gigabytes(segment, first, gigabytes);
        *out = (uaddr_t)first << LEVEL1_SHIFT;
        return STATUS_OK;
    }
    if (!find_in_gigabyte(home, count, &slot) && !find_elsewhere(count, &slot))
        return no_room();
    const uint32_t gigabyte = slot / SLOTS_PER_GIGABYTE;
    const enum status status = owners_prepare(gigabyte);
    if (status != STATUS_OK)
        return status;
    bits_set(taken[gigabyte], slot % SLOTS_PER_GIGABYTE, count);
    bit_set(is_begun, gigabyte);
    owner_set(slot, count, segment);
    owned[gigabyte] = (uint16_t)(owned[gigabyte] + count);
    *out = (uaddr_t)slot << SLOT_SHIFT;
    return STATUS_OK;
}

void space_pass(uaddr_t address, uint32_t count, struct segment *to)
{
    owner_set((uint32_t)(address >> SLOT_SHIFT), count, to);
}

/* The frame says nothing any more. */
OUT_OF_LINE static void owners_release(uint32_t gigabyte)
{
    frame_free_zeroed(direct_map_physical(owners[gigabyte]));
    owners[gigabyte] = NULL;
    table_frames--;
}

static void rest(uint32_t gigabyte, uint32_t first, uint32_t count)
{
    bits_set(resting[now][gigabyte], first, count);
    bit_set(has_resting[now], gigabyte);
    resting_now += count;
}

void space_give(uaddr_t address, uint32_t count)
{
    const uint32_t slot = (uint32_t)(address >> SLOT_SHIFT);
    const uint32_t gigabyte = slot / SLOTS_PER_GIGABYTE;

    if (whole[gigabyte] != NULL) {
        for (uint32_t g = gigabyte; g * SLOTS_PER_GIGABYTE < slot + count; g++) {
            whole[g] = NULL;
            rest(g, 0, MAP_BITS);
        }
        return;
    }
    rest(gigabyte, slot % SLOTS_PER_GIGABYTE, count);
    owner_set(slot, count, NULL);
    owned[gigabyte] = (uint16_t)(owned[gigabyte] - count);
    if (owned[gigabyte] == 0)
        owners_release(gigabyte);
}

struct segment *space_owner(uaddr_t address)
{
    const uint64_t gigabyte = address >> LEVEL1_SHIFT;

    if (gigabyte >= SPACE_GIGABYTES)
        return NULL;
    if (owners[gigabyte] == NULL)
        return whole[gigabyte];
    return owners[gigabyte][(address >> SLOT_SHIFT) % SLOTS_PER_GIGABYTE];
}

uint64_t space_table_frames(void)
{
    return table_frames;
}

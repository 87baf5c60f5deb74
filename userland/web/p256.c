/*
 * P-256 with 64-bit limbs and a comb.
 *
 * Field elements are four limbs, least significant first, in Montgomery form (times 2^256) and
 * always below p.  p is -1 modulo 2^64, so Montgomery's factor is the lowest limb itself; and
 * p = 2^256 - 2^224 + 2^192 + 2^96 - 1 leaves one real multiplication in each reduction step.
 *
 * Points are projective, and one formula adds any two of them, equal, opposite or neutral: there
 * is no special case that a scalar could be recognised by, and doubling is adding.
 *
 * The comb reads bits i, i+64, i+128 and i+192 of the scalar at once, so 64 doublings and 64
 * additions do, with a table of the 16 sums of G, 2^64 G, 2^128 G and 2^192 G.
 *
 * Source: FIPS 186-5 and SP 800-186 (the curve); Renes, Costello, Batina, "Complete addition
 * formulas for prime order elliptic curves", algorithm 4; Lim and Lee on combs.
 */
#include "p256.h"

#include <stdbool.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide_t;

enum { LIMBS = 4, TEETH = 4, SPACING = 64, TABLE = 1 << TEETH };

struct field {
    uint64_t limb[LIMBS];
};

struct point {
    struct field x, y, z;
};

static const struct field prime = {{0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001}};

/* 2^512 modulo p: multiplying by it makes the Montgomery form. */
static const struct field to_montgomery = {
    {0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd}};

static const struct field plain_one = {{1, 0, 0, 0}};

static const uint8_t curve_b[P256_BYTES] = {
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd, 0x55, 0x76, 0x98, 0x86, 0xbc,
    0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53, 0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b};

static const uint8_t base_x[P256_BYTES] = {
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96};

static const uint8_t base_y[P256_BYTES] = {
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

/* Written once, at the first call, before anything secret is touched. */
static struct field coefficient_b;
static struct point table[TABLE];
static bool table_is_made;

/* ---- the field ---- */

/* a - p if that isn't negative, else a; `carry` is the limb above a. */
static struct field reduce_once(struct field a, uint64_t carry)
{
    struct field r;
    uint64_t borrow = 0;

#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        wide_t d = (wide_t)a.limb[i] - prime.limb[i] - borrow;

        r.limb[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }

    uint64_t keep = 0 - (borrow & ~carry & 1); /* all ones: a was below p */

#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++)
        r.limb[i] = (a.limb[i] & keep) | (r.limb[i] & ~keep);
    return r;
}

static struct field add(struct field a, struct field b)
{
    uint64_t carry = 0;

#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        wide_t s = (wide_t)a.limb[i] + b.limb[i] + carry;

        a.limb[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
    return reduce_once(a, carry);
}

static struct field subtract(struct field a, struct field b)
{
    uint64_t borrow = 0;
    uint64_t carry = 0;

#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        wide_t d = (wide_t)a.limb[i] - b.limb[i] - borrow;

        a.limb[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    /* Add p back where it was negative. */
#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        wide_t s = (wide_t)a.limb[i] + (prime.limb[i] & (0 - borrow)) + carry;

        a.limb[i] = (uint64_t)s;
        carry = (uint64_t)(s >> 64);
    }
    return a;
}

/* a * b / 2^256 modulo p */
static struct field multiply(struct field a, struct field b)
{
    uint64_t t[LIMBS + 2] = {0};

#pragma GCC unroll 4
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;

#pragma GCC unroll 4
        for (int j = 0; j < LIMBS; j++) {
            wide_t s = (wide_t)a.limb[j] * b.limb[i] + t[j] + carry;

            t[j] = (uint64_t)s;
            carry = (uint64_t)(s >> 64);
        }
        wide_t top = (wide_t)t[4] + carry;

        /* Add m * p, whose lowest limb cancels t[0] and carries m into the next. */
        uint64_t m = t[0];
        wide_t s = (wide_t)t[1] + (m << 32);

        t[0] = (uint64_t)s;
        s = (wide_t)t[2] + (m >> 32) + (uint64_t)(s >> 64);
        t[1] = (uint64_t)s;
        s = (wide_t)m * prime.limb[3] + t[3] + (uint64_t)(s >> 64);
        t[2] = (uint64_t)s;
        top += (uint64_t)(s >> 64);
        t[3] = (uint64_t)top;
        t[4] = (uint64_t)(top >> 64);
    }
    return reduce_once((struct field){{t[0], t[1], t[2], t[3]}}, t[4]);
}

/* a to the p - 2, its inverse; the exponent is no secret. */
static struct field invert(struct field a)
{
    struct field r = a;

    for (int bit = 254; bit >= 0; bit--) {
        uint64_t limb = prime.limb[bit / 64] - (bit < 64 ? 2 : 0);

        r = multiply(r, r);
        if ((limb >> (bit % 64) & 1) != 0)
            r = multiply(r, a);
    }
    return r;
}

static struct field field_read(const uint8_t bytes[P256_BYTES])
{
    struct field a = {{0}};

    for (int i = 0; i < P256_BYTES; i++)
        a.limb[3 - i / 8] = a.limb[3 - i / 8] << 8 | bytes[i];
    return multiply(a, to_montgomery);
}

static void field_write(struct field a, uint8_t bytes[P256_BYTES])
{
    a = multiply(a, plain_one);
    for (int i = 0; i < P256_BYTES; i++)
        bytes[i] = (uint8_t)(a.limb[3 - i / 8] >> (56 - i % 8 * 8));
}

/* ---- points ---- */

static struct point point_add(const struct point *p, const struct point *q)
{
    struct field xx = multiply(p->x, q->x);
    struct field yy = multiply(p->y, q->y);
    struct field zz = multiply(p->z, q->z);
    struct field xy = subtract(multiply(add(p->x, p->y), add(q->x, q->y)), add(xx, yy));
    struct field yz = subtract(multiply(add(p->y, p->z), add(q->y, q->z)), add(yy, zz));
    struct field xz = subtract(multiply(add(p->x, p->z), add(q->x, q->z)), add(xx, zz));

    struct field d = subtract(xz, multiply(coefficient_b, zz));
    struct field d3 = add(add(d, d), d);
    struct field zz3 = add(add(zz, zz), zz);
    struct field e = subtract(subtract(multiply(coefficient_b, xz), zz3), xx);
    struct field e3 = add(add(e, e), e);
    struct field f = subtract(add(add(xx, xx), xx), zz3);
    struct field minus = subtract(yy, d3);
    struct field plus = add(yy, d3);

    return (struct point){
        .x = subtract(multiply(xy, plus), multiply(yz, e3)),
        .y = add(multiply(plus, minus), multiply(f, e3)),
        .z = add(multiply(yz, minus), multiply(xy, f)),
    };
}

/* Every entry is read, so the cache doesn't learn which one was wanted. */
static struct point table_select(uint64_t index)
{
    struct point chosen = {0};

    for (uint64_t i = 0; i < TABLE; i++) {
        uint64_t difference = i ^ index;
        uint64_t mask = ((difference | (0 - difference)) >> 63) - 1; /* all ones where equal */

#pragma GCC unroll 4
        for (int j = 0; j < LIMBS; j++) {
            chosen.x.limb[j] |= table[i].x.limb[j] & mask;
            chosen.y.limb[j] |= table[i].y.limb[j] & mask;
            chosen.z.limb[j] |= table[i].z.limb[j] & mask;
        }
    }
    return chosen;
}

static void table_make(void)
{
    struct field one = multiply(plain_one, to_montgomery);
    struct point tooth = {field_read(base_x), field_read(base_y), one};

    coefficient_b = field_read(curve_b);
    table[0] = (struct point){.y = one};
    for (unsigned first = 1; first < TABLE; first *= 2) {
        for (unsigned i = 0; i < first; i++)
            table[first + i] = point_add(&table[i], &tooth);
        for (int i = 0; i < SPACING; i++)
            tooth = point_add(&tooth, &tooth);
    }
    table_is_made = true;
}

/* Bits `at`, `at` + 64, ... of the scalar: one from each of its limbs. */
static uint64_t comb_read(const uint8_t scalar[P256_BYTES], int at)
{
    uint64_t index = 0;

    for (int tooth = 0; tooth < TEETH; tooth++) {
        int bit = at + tooth * SPACING;

        index |= (uint64_t)(scalar[P256_BYTES - 1 - bit / 8] >> (bit % 8) & 1) << tooth;
    }
    return index;
}

void p256_base_multiply(const uint8_t scalar[P256_BYTES], uint8_t x[P256_BYTES],
                        uint8_t y[P256_BYTES])
{
    if (!table_is_made)
        table_make();

    struct point sum = table[0];

    for (int at = SPACING - 1; at >= 0; at--) {
        struct point step = table_select(comb_read(scalar, at));

        sum = point_add(&sum, &sum);
        sum = point_add(&sum, &step);
    }

    struct field inverse = invert(sum.z);

    field_write(multiply(sum.x, inverse), x);
    field_write(multiply(sum.y, inverse), y);
}

/*
 * AES-GCM with the Arm crypto extensions, eight blocks at a time.
 *
 * mbedTLS has the instructions too, but takes one block after the other through several layers,
 * twelve instructions a byte.  Here they are under three, and AES-GCM is most of what a long
 * answer costs.  The linker sends mbedTLS's own one-call requests here (--wrap in CMakeLists.txt);
 * what this file isn't for (no such instructions, another cipher, an odd IV) goes where it always
 * went.
 *
 * GHASH works on polynomials with the bits of each byte reversed, so that bit i of a little-endian
 * 128-bit number is the coefficient of x^i; then multiplication is the processor's own, and
 * x^128 = x^7 + x^2 + x + 1.  Eight blocks share one reduction: they are multiplied by falling
 * powers of H and summed before.
 *
 * Source: NIST SP 800-38D; Gueron and Kounavis on aggregated reduction; Arm ARM, "AES" and "PMULL".
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rotunda_crypto_features.h>

enum { BLOCK = 16, LANES = 8, IV_BYTES = 12, ROUNDS_MAX = 14, POLYNOMIAL = 0x87 };

typedef uint8x16_t block_t;

/* A key's schedule, powers of H, and what has been hashed so far: all of one call. */
struct gcm {
    block_t round_key[ROUNDS_MAX + 1];
    int rounds;
    block_t power[LANES]; /* power[i] is H to the i+1 */
    block_t hash;
    block_t counter; /* IV and 32-bit block number, big-endian */
};

/* A product before its reduction: low and high half, and the middle that belongs between them. */
struct product {
    block_t low, middle, high;
};

/* ---- AES ---- */

static block_t encrypt(const struct gcm *g, block_t b)
{
    for (int i = 0; i < g->rounds - 1; i++)
        b = vaesmcq_u8(vaeseq_u8(b, g->round_key[i]));
    return veorq_u8(vaeseq_u8(b, g->round_key[g->rounds - 1]), g->round_key[g->rounds]);
}

static inline __attribute__((always_inline)) void encrypt_lanes(const struct gcm *g,
                                                                block_t b[LANES])
{
    for (int i = 0; i < g->rounds - 1; i++) {
        block_t key = g->round_key[i];

#pragma GCC unroll 8
        for (int lane = 0; lane < LANES; lane++)
            b[lane] = vaesmcq_u8(vaeseq_u8(b[lane], key));
    }

    block_t before_last = g->round_key[g->rounds - 1];
    block_t last = g->round_key[g->rounds];

#pragma GCC unroll 8
    for (int lane = 0; lane < LANES; lane++)
        b[lane] = veorq_u8(vaeseq_u8(b[lane], before_last), last);
}

/* The next counter block. */
static inline block_t counter_next(struct gcm *g)
{
    uint32x4_t words = vreinterpretq_u32_u8(g->counter);
    uint32_t number = __builtin_bswap32(vgetq_lane_u32(words, 3)) + 1;

    g->counter = vreinterpretq_u8_u32(vsetq_lane_u32(__builtin_bswap32(number), words, 3));
    return g->counter;
}

/* ---- GHASH ---- */

static inline block_t multiply_low(block_t a, block_t b)
{
    return vreinterpretq_u8_p128(vmull_p64(vgetq_lane_p64(vreinterpretq_p64_u8(a), 0),
                                           vgetq_lane_p64(vreinterpretq_p64_u8(b), 0)));
}

static inline block_t multiply_high(block_t a, block_t b)
{
    return vreinterpretq_u8_p128(vmull_high_p64(vreinterpretq_p64_u8(a), vreinterpretq_p64_u8(b)));
}

static inline block_t swap_halves(block_t a)
{
    return vextq_u8(a, a, 8);
}

static inline struct product product_add(struct product p, block_t a, block_t b)
{
    block_t swapped = swap_halves(b);

    p.low = veorq_u8(p.low, multiply_low(a, b));
    p.high = veorq_u8(p.high, multiply_high(a, b));
    p.middle = veorq_u8(p.middle, multiply_low(a, swapped));
    p.middle = veorq_u8(p.middle, multiply_high(a, swapped));
    return p;
}

static inline block_t reduce(struct product p)
{
    const block_t zero = vdupq_n_u8(0);
    const block_t r = vreinterpretq_u8_u64(vdupq_n_u64(POLYNOMIAL));
    block_t low = veorq_u8(p.low, vextq_u8(zero, p.middle, 8));
    block_t high = veorq_u8(p.high, vextq_u8(p.middle, zero, 8));
    /* The topmost 64 bits land 64 bits lower, partly in what is folded next. */
    block_t fold = multiply_high(high, r);

    low = veorq_u8(low, vextq_u8(zero, fold, 8));
    high = veorq_u8(high, vextq_u8(fold, zero, 8));
    return veorq_u8(low, multiply_low(high, r));
}

static inline block_t multiply(block_t a, block_t b)
{
    block_t zero = vdupq_n_u8(0);

    return reduce(product_add((struct product){zero, zero, zero}, a, b));
}

static void hash_block(struct gcm *g, block_t b)
{
    g->hash = multiply(veorq_u8(g->hash, vrbitq_u8(b)), g->power[0]);
}

static inline __attribute__((always_inline)) void hash_lanes(struct gcm *g, const block_t b[LANES])
{
    block_t zero = vdupq_n_u8(0);
    struct product sum = {zero, zero, zero};

    sum = product_add(sum, veorq_u8(g->hash, vrbitq_u8(b[0])), g->power[LANES - 1]);
#pragma GCC unroll 8
    for (int lane = 1; lane < LANES; lane++)
        sum = product_add(sum, vrbitq_u8(b[lane]), g->power[LANES - 1 - lane]);
    g->hash = reduce(sum);
}

static block_t load_part(const unsigned char *data, size_t size)
{
    unsigned char whole[BLOCK] = {0};

    memcpy(whole, data, size);
    return vld1q_u8(whole);
}

/* Hash bytes that aren't encrypted, the last block filled up with zeroes. */
static void hash_bytes(struct gcm *g, const unsigned char *data, size_t size)
{
    for (; size >= BLOCK; data += BLOCK, size -= BLOCK)
        hash_block(g, vld1q_u8(data));
    if (size > 0)
        hash_block(g, load_part(data, size));
}

/* ---- the whole ---- */

static void start(struct gcm *g, const mbedtls_aes_context *aes, const unsigned char *iv)
{
    unsigned char first[BLOCK] = {[BLOCK - 1] = 1};

    g->rounds = aes->nr;
    memcpy(g->round_key, aes->buf + aes->rk_offset, (size_t)(aes->nr + 1) * BLOCK);
    memcpy(first, iv, IV_BYTES);
    g->counter = vld1q_u8(first);
    g->hash = vdupq_n_u8(0);
    g->power[0] = vrbitq_u8(encrypt(g, vdupq_n_u8(0)));
}

/* Only long messages are worth the higher powers. */
static void powers_make(struct gcm *g)
{
    for (int i = 1; i < LANES; i++)
        g->power[i] = multiply(g->power[i - 1], g->power[0]);
}

static inline __attribute__((always_inline)) void crypt_lanes(struct gcm *g, bool encrypts,
                                                              const unsigned char *in,
                                                              unsigned char *out)
{
    block_t stream[LANES], text[LANES];

#pragma GCC unroll 8
    for (int lane = 0; lane < LANES; lane++)
        stream[lane] = counter_next(g);
    encrypt_lanes(g, stream);
#pragma GCC unroll 8
    for (int lane = 0; lane < LANES; lane++) {
        text[lane] = vld1q_u8(in + lane * BLOCK);
        stream[lane] = veorq_u8(stream[lane], text[lane]);
        vst1q_u8(out + lane * BLOCK, stream[lane]);
    }
    hash_lanes(g, encrypts ? stream : text);
}

static void crypt_block(struct gcm *g, bool encrypts, const unsigned char *in, unsigned char *out,
                        size_t size)
{
    unsigned char whole[BLOCK];
    block_t text = size == BLOCK ? vld1q_u8(in) : load_part(in, size);

    vst1q_u8(whole, veorq_u8(text, encrypt(g, counter_next(g))));
    memcpy(out, whole, size);
    /* What is hashed is the ciphertext, and nothing of the key stream behind its end. */
    hash_block(g, encrypts ? load_part(whole, size) : text);
}

static void crypt(struct gcm *g, bool encrypts, const unsigned char *in, unsigned char *out,
                  size_t size)
{
    if (size >= LANES * BLOCK)
        powers_make(g);
    for (; size >= LANES * BLOCK; size -= LANES * BLOCK) {
        crypt_lanes(g, encrypts, in, out);
        in += LANES * BLOCK;
        out += LANES * BLOCK;
    }
    while (size > 0) {
        size_t part = size < BLOCK ? size : BLOCK;

        crypt_block(g, encrypts, in, out, part);
        in += part;
        out += part;
        size -= part;
    }
}

static block_t tag_make(struct gcm *g, block_t mask, size_t add_size, size_t size)
{
    uint64x2_t lengths = {__builtin_bswap64((uint64_t)add_size * 8),
                          __builtin_bswap64((uint64_t)size * 8)};

    hash_block(g, vreinterpretq_u8_u64(lengths));
    return veorq_u8(mask, vrbitq_u8(g->hash));
}

static void run(const mbedtls_aes_context *aes, bool encrypts, const unsigned char *iv,
                const unsigned char *add, size_t add_size, const unsigned char *in,
                unsigned char *out, size_t size, unsigned char tag[BLOCK])
{
    struct gcm g;

    start(&g, aes, iv);

    block_t mask = encrypt(&g, g.counter);

    hash_bytes(&g, add, add_size);
    crypt(&g, encrypts, in, out, size);
    vst1q_u8(tag, tag_make(&g, mask, add_size, size));
    mbedtls_platform_zeroize(&g, sizeof(g));
}

/* ---- in mbedTLS's place ---- */

int __real_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                                     const unsigned char *iv, size_t iv_len,
                                     const unsigned char *add, size_t add_len,
                                     const unsigned char *input, unsigned char *output,
                                     size_t tag_len, unsigned char *tag);
int __wrap_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                                     const unsigned char *iv, size_t iv_len,
                                     const unsigned char *add, size_t add_len,
                                     const unsigned char *input, unsigned char *output,
                                     size_t tag_len, unsigned char *tag);
int __real_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length,
                                    const unsigned char *iv, size_t iv_len,
                                    const unsigned char *add, size_t add_len,
                                    const unsigned char *tag, size_t tag_len,
                                    const unsigned char *input, unsigned char *output);
int __wrap_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length,
                                    const unsigned char *iv, size_t iv_len,
                                    const unsigned char *add, size_t add_len,
                                    const unsigned char *tag, size_t tag_len,
                                    const unsigned char *input, unsigned char *output);

static bool is_ours(const mbedtls_gcm_context *ctx, size_t iv_len, size_t tag_len)
{
    const unsigned needed = CRYPTO_FEATURE_AES | CRYPTO_FEATURE_PMULL;
    mbedtls_cipher_type_t type = mbedtls_cipher_get_type(&ctx->cipher_ctx);

    return (rotunda_crypto_features() & needed) == needed && iv_len == IV_BYTES && tag_len <= BLOCK
           && (type == MBEDTLS_CIPHER_AES_128_ECB || type == MBEDTLS_CIPHER_AES_192_ECB
               || type == MBEDTLS_CIPHER_AES_256_ECB);
}

int __wrap_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
                                     const unsigned char *iv, size_t iv_len,
                                     const unsigned char *add, size_t add_len,
                                     const unsigned char *input, unsigned char *output,
                                     size_t tag_len, unsigned char *tag)
{
    unsigned char whole[BLOCK];

    if (!is_ours(ctx, iv_len, tag_len))
        return __real_mbedtls_gcm_crypt_and_tag(ctx, mode, length, iv, iv_len, add, add_len, input,
                                                output, tag_len, tag);
    run(ctx->cipher_ctx.cipher_ctx, mode == MBEDTLS_GCM_ENCRYPT, iv, add, add_len, input, output,
        length, whole);
    memcpy(tag, whole, tag_len);
    return 0;
}

int __wrap_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length,
                                    const unsigned char *iv, size_t iv_len,
                                    const unsigned char *add, size_t add_len,
                                    const unsigned char *tag, size_t tag_len,
                                    const unsigned char *input, unsigned char *output)
{
    unsigned char whole[BLOCK];
    unsigned char difference = 0;

    if (!is_ours(ctx, iv_len, tag_len))
        return __real_mbedtls_gcm_auth_decrypt(ctx, length, iv, iv_len, add, add_len, tag, tag_len,
                                               input, output);
    run(ctx->cipher_ctx.cipher_ctx, false, iv, add, add_len, input, output, length, whole);
    /* Every byte is looked at, whatever the others were: time must not tell how many agree. */
    for (size_t i = 0; i < tag_len; i++)
        difference |= tag[i] ^ whole[i];
    if (difference == 0)
        return 0;
    mbedtls_platform_zeroize(output, length);
    return MBEDTLS_ERR_GCM_AUTH_FAILED;
}

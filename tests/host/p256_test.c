/*
 * P-256: multiples of the base point against an independent implementation.
 *
 * The rows were computed with affine coordinates and arbitrary-precision integers: small scalars,
 * those at the teeth of the comb, those next to the order, and random ones.
 */
// source: userland/web/p256.c

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "userland/web/p256.h"

static const struct {
    const char *scalar, *x, *y;
} rows[] = {
    {"0000000000000000000000000000000000000000000000000000000000000001",
     "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"},
    {"0000000000000000000000000000000000000000000000000000000000000002",
     "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978",
     "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1"},
    {"0000000000000000000000000000000000000000000000000000000000000003",
     "5ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c",
     "8734640c4998ff7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032"},
    {"0000000000000000000000000000000000000000000000000000000000000004",
     "e2534a3532d08fbba02dde659ee62bd0031fe2db785596ef509302446b030852",
     "e0f1575a4c633cc719dfee5fda862d764efc96c3f30ee0055c42c23f184ed8c6"},
    {"000000000000000000000000000000000000000000000000000000000000000f",
     "f0454dc6971abae7adfb378999888265ae03af92de3a0ef163668c63e59b9d5f",
     "b5b93ee3592e2d1f4e6594e51f9643e62a3b21ce75b5fa3f47e59cde0d034f36"},
    {"0000000000000000000000000000000000000000000000000000000000000010",
     "76a94d138a6b41858b821c629836315fcd28392eff6ca038a5eb4787e1277c6e",
     "a985fe61341f260e6cb0a1b5e11e87208599a0040fc78baa0e9ddd724b8c5110"},
    {"0000000000000000000000000000000000000000000000010000000000000000",
     "0fa822bc2811aaa58492592e326e25de29493baaad651f7e90e75cb48e14db63",
     "bff44ae8f5dba80d6f4ad4bcb3df188b34b1a65050fe82f5e41124545f462ee7"},
    {"000000000000000000000000000000000000000000000000ffffffffffffffff",
     "fcb7116120d0174bc4191acf8423c0baff33d7071d3980926f3136898abf6bd1",
     "deeae37c8366664424aa32136e277d6a41f3c2388752102333192f74f86c5bd9"},
    {"0000000000000000000000000000000000000000000000010000000000000001",
     "300a4bbc89d6726fb257c0de95e02789e96c98fd0d35f1fa93391ce2097992af",
     "72aac7e0d09b46447f1ddb25ff1e3c6f5bb1eeada9d806a5aa54a291c08127a0"},
    {"0000000000000000000000000000000100000000000000000000000000000000",
     "447d739beedb5e67fb982fd588c6766efc35ff7dc297eac357c84fc9d789bd85",
     "2d4825ab834131eee12e9d953a4aaff73d349b95a7fae5000c7e33c972e25b32"},
    {"0000000000000001000000000000000000000000000000000000000000000000",
     "a6d39677a78492762736ff8344315fc596439591a3c6b94a6cf20ffb313728be",
     "674f84749b0b881666b8babd2d27ecdf824a920c2284059bf2bab833c357f5f4"},
    {"8000000000000000000000000000000000000000000000000000000000000000",
     "77b20a912e6b23135066e911891524bc4efe3560e3e92350b52dec8f375f2b54",
     "a3dc291825cea3f7f7b10bfcdd038a72df623da1e850e0f1caa801fcd6cc67ff"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
     "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
     "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
     "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978",
     "f888aaee24712fc0d6c26539608bcf244582521ac3167dd661fb4862dd878c2e"},
    {"7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
     "2afa386b3f2bdcdb83f4d83f8fa3874d7b74dcb454bd644fdd6bf3d1f2da8db6",
     "72184be1caa8563462b536f10852d665ae8a64fdf1eb8d4c946ad589796f729c"},
    {"fffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
     "55883aad1687026755cc13a0f1c9b939d72090c9e64c8e697209cadf1dda15dc",
     "79fa2f5064f37001712761dda6fa653b4ffcb44e0afa7cc025081ed522da1da3"},
    {"750b79840a35e888cea8684b60033cd65db233956ea88f4b4f72fd3f7d254db9",
     "b0a1f58fe3e991c56fb54053ded00cba1f1caef91b1009f2b37dcf58bca51935",
     "9d240905a3e6eb0b75bb669c3a2238d24487258e4dca0196ca1917a60ab603fc"},
    {"aacdabbb49c9c6072c54a01283037cadfde8ec5e3e1544596ebbec4cc598e828",
     "46eccbe9fa9b957f1a338c341e529480453f04f742bf4af271c2819731389a78",
     "6212760b85334c16ca8d8d36031b726385a7b2e872156d0fb76406a49606b397"},
    {"d2aeeaf914c7d3fd9a1ac067541b8ee6f0969fe15284b2bf8e56916a518a4445",
     "4e44c477e8811f72009c089ea65f3c681787db692d440f9e31b9001dd4ae7841",
     "af182e2b55132ad5e5dbd9f7b1cbdab3792ba61ef84486c4385fc5fe38efec76"},
    {"f09b30460cce5b3445fff12fb4d7a20d294b97d08e7981664997082c8b7e20c0",
     "a8456063ce46558f17d782609d65eea2825c35c090762c581c89fa9a35959d4c",
     "8a8564d84105daed2478419f2f7577755b608868472376d0babee06126465a96"},
    {"fde9c7e9675be2b6da6f2974beeb65d108c25300fecf0c9277eeb71d894a472c",
     "9d11d28b1ac56e4c3e8614fc7e956ba98a286db12a3e94806d00ce33f94f7ab7",
     "3bd7dbdd3dddcb7c242bc8234be10cf46ce9547d4b8000845c686c55c5a1ff81"},
    {"d7a7836fcaf25f54c66f555c240a97759009eb69b50f9ca5376f3052c49915f6",
     "467d9adc23cffe297b5743b6a8f6a38154c3e9efcc5bf3477004e99877537069",
     "61f34c1c7f637519378cb5076f8285f714f4deb6338550b43785ff38cb1fd056"},
    {"5e0466a76c3472ad2271615630ce9ba502f93eb042e9c091a7d0ba3f0605fca3",
     "5d2f90b6ed4388cb7f5449737072de4507b58bc49cae4a48abc5fe669843e62a",
     "2b022fdae2d569dfb6f4670aa2f889e8da5b177d1ef40d84f3673b6df738dc5f"},
    {"7a0e0583f37151c4d7bea6cd4808ebb5723bdd10f425233bff64e5945d64f7d7",
     "7aaeb00b480fbd3965a16dd9d0391213ab3e09b929c32684435b01ab054f5f47",
     "55a407c2d7a0e171255ce4807196c02c3652c8da44db075eebb6e1c1603d8e91"},
    {"4121f6bb4fd3386e8af6c3d82958f8e113b4655fe0629f22f3f763a8c9cc3e8b",
     "6497fb95d95ef76faf7cfee38ad425d4db6eeaf1f721c57ad7bb5c36e62c586e",
     "d3390cbcffca4d374cd01be8edde9c9599c7379803fea8b1cb0d509ff3cd763f"},
    {"e6fba31f1d6bd29b395698b7d6e88563b8e3469886f176c967728fccae594d42",
     "f1ef0b9cf136ca3cc32c0b5c5945b8d6788ec3e1495f7a6ba9a1cdf644753537",
     "1b86696998710c5948a6a725fd78d4c1a6beec18be23bf79beda4ea7b7f4e02d"},
    {"101d3e1b03d7fc1abef23d456d8c72afa9577aee91ae5d80d346ca86eee02c32",
     "a6357c9acb865e17258eba204ecdded4bc23ddf894f3ccbd0786c4e5088f45d0",
     "4a567eb16160dcce9ff3244a7f61d912fe0d2a4d59e096d6bd44a693cb2c8209"},
    {"1d325c79b2d0b22246056f6e2a38e8f7d9d30f57edbd46270aaacd1f58e9ecc4",
     "958c946d09ed45b8669ba17f266c63658542bff5147bc7c0088d18aee6b7e8ae",
     "759b3d960936144783eccedb0243ffe24cff1cb3bc4b7c758683791f496450f1"},
    {"359158e3c938976ef83bfbfbdfa1c7cc37fcebf3f0829571ea903395001fa86e",
     "8f3f6d1ce6a66136b585b7a7665960584fe1818ffa7636a41e712fcc9ebe39d1",
     "ade1eea421b38894b79e66f5802d04bbaf18c43653bda64ce149116f598a33d8"},
    {"31f1331691129c68da91d6a770e1dfced5eea2e33f3f2517679d98893acad029",
     "fd3d38268b49c219d6e5175c2cdfb12524fb0037262ade087c49a53602b8cf0a",
     "65247003f9458901b00e53490bd22024e3ad0c9cf651c994a3fb5b2866bfc91d"},
    {"9f5141d70c0aba9d6de83b825208d651b7667357aa2466fefb327819887bc59e",
     "786035601b375a8d28cfa707d77cf873585faf9636a0e7afc74c2f17627937d8",
     "5b19f78d60ecddd77d56374127be2d7bcb6b5dd6bf72784f2b4474ace5c0ff54"},
    {"f31c54e205bdb6d07cd6e193f9629dbf5cdf2e144bab75a8ba8693b97b648aaa",
     "18b5a740821478e281f0dfdf167d055135bebd95cca65423f30e0a991cd23f16",
     "93bace9c7a859043bc7be3efc4c44e9697453b7474657fe899ff4702abef7169"},
    {"8d7bf0747650c820efff2c059927ddd1ed179dadd60e6c738d9e0f0f716ab3c3",
     "48d0306487bfaa2c0656695dd4c1e1cff16594e6bebb72f68512396204ad867d",
     "d1e3eee96bf8ebfa58f67054a2798fd8b08a7ec1d82787e8f65a09078a2aa770"},
    {"7043c738fa8d42197a01f0c35f50c48ab22f45099b7fc13700ddeecdcdd35e6d",
     "5a0c2a6afdeef5c8028c6e4e95fc6535d2f3fa5f5d20afa883155ab9cf53504f",
     "f68495bc1d33b5d7ce512cd4f2a43815b0ed5cd88029103b0be1fb70f459c9bc"},
    {"02228a833bd25d5563313bbe1bfb554762850c0005371029cccd5dec04c6ad99",
     "99791a47d5dac0f6d0008f5a8d6f27eeaeed243b8066aa26e62a5d0fc804c19b",
     "fe8cec4a167da31ac24756d0bafdbaf3574c86f0eed371cac252fc5db60ce3d6"},
    {"b3f9bd898413fc1d9f8a4e4811e78d2e3a225ed9aed47e90a33fcc8147bfc061",
     "1a78b715381b6e793634d14bf253d3daccac16aed5ffed67f5a2f91e1b71520b",
     "2c5da63012d1dceed5234e42f2b4e4a15c378af4194d558858a857929414b40b"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void hex_read(const char *text, uint8_t out[P256_BYTES])
{
    for (int i = 0; i < P256_BYTES; i++) {
        unsigned byte;

        assert_int_equal(sscanf(text + i * 2, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

static void multiples_are_those_of_the_standard(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        uint8_t scalar[P256_BYTES], x[P256_BYTES], y[P256_BYTES];
        uint8_t own_x[P256_BYTES], own_y[P256_BYTES];

        hex_read(rows[i].scalar, scalar);
        hex_read(rows[i].x, x);
        hex_read(rows[i].y, y);
        p256_base_multiply(scalar, own_x, own_y);
        assert_memory_equal(own_x, x, P256_BYTES);
        assert_memory_equal(own_y, y, P256_BYTES);
    }
    print_message("%d multiples\n", (int)ROWS);
}

/* ---- slow arithmetic that shares nothing with the tested one: bytes and long division ---- */

enum { ROUNDS = 4000 };

__extension__ typedef unsigned __int128 wide_t;

struct number {
    uint64_t limb[4]; /* least significant first */
};

static const struct number field = {
    {0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001}};
static const struct number order = {
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}};
static const struct number curve_b = {
    {0x3bce3c3e27d2604b, 0x651d06b0cc53b0f6, 0xb3ebbd55769886bc, 0x5ac635d8aa3a93e7}};

static struct number number_read(const uint8_t bytes[P256_BYTES])
{
    struct number n = {{0}};

    for (int i = 0; i < P256_BYTES; i++)
        n.limb[(P256_BYTES - 1 - i) / 8] |= (uint64_t)bytes[i] << 8 * ((P256_BYTES - 1 - i) % 8);
    return n;
}

static void number_write(const struct number *n, uint8_t bytes[P256_BYTES])
{
    for (int i = 0; i < P256_BYTES; i++)
        bytes[P256_BYTES - 1 - i] = (uint8_t)(n->limb[i / 8] >> 8 * (i % 8));
}

/* a - b, and whether it borrowed. */
static bool number_subtract(const struct number *a, const struct number *b, struct number *out)
{
    uint64_t borrow = 0;

    for (int i = 0; i < 4; i++) {
        const wide_t d = (wide_t)a->limb[i] - b->limb[i] - borrow;
        out->limb[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) != 0;
    }
    return borrow != 0;
}

/* a + b modulo m, both below m. */
static struct number add(const struct number *a, const struct number *b, const struct number *m)
{
    struct number sum, less;
    wide_t carry = 0;

    for (int i = 0; i < 4; i++) {
        carry += (wide_t)a->limb[i] + b->limb[i];
        sum.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return number_subtract(&sum, m, &less) && carry == 0 ? sum : less;
}

/* a * b modulo m, a bit at a time. */
static struct number multiply(const struct number *a, const struct number *b,
                              const struct number *m)
{
    struct number product = {{0}};

    for (int bit = 255; bit >= 0; bit--) {
        product = add(&product, &product, m);
        if ((b->limb[bit / 64] >> bit % 64 & 1) != 0)
            product = add(&product, a, m);
    }
    return product;
}

/* y^2 + 3x = x^3 + b */
static void assert_on_curve(const struct number *x, const struct number *y)
{
    const struct number yy = multiply(y, y, &field);
    const struct number xx = multiply(x, x, &field);
    const struct number xxx = multiply(&xx, x, &field);
    const struct number right = add(&xxx, &curve_b, &field);
    const struct number twice = add(x, x, &field);
    const struct number thrice = add(&twice, x, &field);
    const struct number left = add(&yy, &thrice, &field);

    assert_memory_equal(&left, &right, sizeof left);
}

/* Scalars of all kinds: random ones, and ones with long runs of equal bits, where carries run. */
static struct number scalar_next(uint64_t *state, int round)
{
    struct number n;

    for (int i = 0; i < 4; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        const uint64_t high = *state >> 32;
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        n.limb[i] = high << 32 | *state >> 32;
        if (round % 4 != 0)
            n.limb[i] = (n.limb[i] & 1) != 0 ? ~UINT64_C(0) << (n.limb[i] >> 58)
                                             : ~UINT64_C(0) >> (n.limb[i] >> 58);
        if (round % 4 == 2 && (n.limb[i] & 6) != 0)
            n.limb[i] = 0;
    }
    n.limb[3] &= 0x7fffffffffffffff; /* below the order */
    n.limb[0] |= 1;                  /* not zero */
    return n;
}

static void any_multiple_is_on_the_curve_and_opposite_to_its_complement(void **state)
{
    uint64_t random = 20261122;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t bytes[P256_BYTES], x[P256_BYTES], y[P256_BYTES];
        uint8_t other_x[P256_BYTES], other_y[P256_BYTES];
        const struct number scalar = scalar_next(&random, round);
        struct number complement;

        number_write(&scalar, bytes);
        p256_base_multiply(bytes, x, y);
        const struct number px = number_read(x), py = number_read(y);
        assert_on_curve(&px, &py);

        assert_false(number_subtract(&order, &scalar, &complement));
        number_write(&complement, bytes);
        p256_base_multiply(bytes, other_x, other_y);
        const struct number qy = number_read(other_y);
        const struct number sum = add(&py, &qy, &field);
        const struct number zero = {{0}};
        assert_memory_equal(x, other_x, P256_BYTES);
        assert_memory_equal(&sum, &zero, sizeof sum);
    }
    print_message("%d scalars\n", (int)ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiples_are_those_of_the_standard),
        cmocka_unit_test(any_multiple_is_on_the_curve_and_opposite_to_its_complement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

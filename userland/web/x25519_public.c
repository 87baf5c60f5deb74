/*
 * X25519 public keys by the fast multiplication.
 *
 * mbedTLS has two of them: its own for all curves, and Everest's, proven and six times as fast.
 * TLS 1.3 asks for the public half of each handshake's key through PSA, which knows only the slow
 * one.  The linker sends that one request here (--wrap in CMakeLists.txt); everything else goes
 * where it always went.
 *
 * Source: RFC 7748 section 6.1: the public key is the secret times the point 9.
 */
#include <psa/crypto.h>
#include <stdint.h>
#include <string.h>

enum { KEY_BYTES = 32, KEY_BITS = 255 };

psa_status_t __real_mbedtls_psa_ecp_export_public_key(const psa_key_attributes_t *attributes,
                                                      const uint8_t *key, size_t key_size,
                                                      uint8_t *data, size_t size, size_t *length);
psa_status_t __wrap_mbedtls_psa_ecp_export_public_key(const psa_key_attributes_t *attributes,
                                                      const uint8_t *key, size_t key_size,
                                                      uint8_t *data, size_t size, size_t *length);

/* Everest's: out = secret * point, all little-endian.  Its header is not among the public ones. */
void Hacl_Curve25519_crypto_scalarmult(uint8_t *out, uint8_t *secret, uint8_t *point);

psa_status_t __wrap_mbedtls_psa_ecp_export_public_key(const psa_key_attributes_t *attributes,
                                                      const uint8_t *key, size_t key_size,
                                                      uint8_t *data, size_t size, size_t *length)
{
    const psa_key_type_t x25519 = PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY);
    uint8_t base[KEY_BYTES] = {9};
    uint8_t secret[KEY_BYTES];

    if (psa_get_key_type(attributes) != x25519 || psa_get_key_bits(attributes) != KEY_BITS
        || key_size != KEY_BYTES || size < KEY_BYTES)
        return __real_mbedtls_psa_ecp_export_public_key(attributes, key, key_size, data, size,
                                                        length);
    memcpy(secret, key, KEY_BYTES);
    Hacl_Curve25519_crypto_scalarmult(data, secret, base);
    explicit_bzero(secret, sizeof(secret));
    *length = KEY_BYTES;
    return PSA_SUCCESS;
}

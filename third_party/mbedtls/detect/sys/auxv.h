/*
 * How mbedTLS finds out whether this CPU has the cryptography instructions.
 *
 * It knows one way only, the capability word that Linux hands to a process.  This header has that
 * interface, and answers from rotunda_crypto_features(), which the program that links mbedTLS
 * defines: bit 0 AES, bit 1 PMULL, bit 2 SHA-256, as in struct info_machine.  Only the files that
 * detect are compiled with it.
 */
#pragma once

#include <mbedtls/rotunda_crypto_features.h>

enum { AT_HWCAP = 16 };

#define HWCAP_ASIMD (1u << 1)
#define HWCAP_AES   (1u << 3)
#define HWCAP_SHA2  (1u << 6)

static inline unsigned long getauxval(unsigned long type)
{
    unsigned features = type == AT_HWCAP ? rotunda_crypto_features() : 0;
    unsigned gcm = CRYPTO_FEATURE_AES | CRYPTO_FEATURE_PMULL;

    /* AES alone won't do: the same flag stands for GCM's multiplication. */
    return HWCAP_ASIMD | ((features & gcm) == gcm ? HWCAP_AES : 0)
           | (features & CRYPTO_FEATURE_SHA256 ? HWCAP_SHA2 : 0);
}

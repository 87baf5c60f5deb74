/*
 * What a program that links mbedTLS has to tell it about the CPU.
 */
#pragma once

enum {
    CRYPTO_FEATURE_AES = 1,
    CRYPTO_FEATURE_PMULL = 2,
    CRYPTO_FEATURE_SHA256 = 4,
};

/*
 * Say which cryptography instructions the CPU has, as a set of CRYPTO_FEATURE values.  The program
 * defines it; the kernel's info_machine has the same bits in has_crypto.  Called a few times, the
 * answer is kept.
 */
unsigned rotunda_crypto_features(void);

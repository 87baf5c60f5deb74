/*
 * Base-point multiplication in mbedTLS's place: most of what an ECDSA signature costs.
 *
 * mbedTLS multiplies with numbers of any length, ten times dearer than p256.c, which knows its
 * prime.  The linker sends its multiplications here (--wrap in CMakeLists.txt); what isn't a
 * multiple of P-256's own base point goes where it always went.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "p256.h"

int __real_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*f_rng)(void *, unsigned char *, size_t), void *p_rng,
                                       mbedtls_ecp_restart_ctx *rs_ctx);
int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*f_rng)(void *, unsigned char *, size_t), void *p_rng,
                                       mbedtls_ecp_restart_ctx *rs_ctx);

static int point_set(mbedtls_ecp_point *point, const uint8_t x[P256_BYTES],
                     const uint8_t y[P256_BYTES])
{
    int result = mbedtls_mpi_read_binary(&point->X, x, P256_BYTES);

    if (result == 0)
        result = mbedtls_mpi_read_binary(&point->Y, y, P256_BYTES);
    if (result == 0)
        result = mbedtls_mpi_lset(&point->Z, 1);
    return result;
}

int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*f_rng)(void *, unsigned char *, size_t), void *p_rng,
                                       mbedtls_ecp_restart_ctx *rs_ctx)
{
    uint8_t scalar[P256_BYTES], x[P256_BYTES], y[P256_BYTES];

    if (grp->id != MBEDTLS_ECP_DP_SECP256R1 || P != &grp->G)
        return __real_mbedtls_ecp_mul_restartable(grp, R, m, P, f_rng, p_rng, rs_ctx);

    int result = mbedtls_ecp_check_privkey(grp, m);

    if (result == 0)
        result = mbedtls_mpi_write_binary(m, scalar, sizeof(scalar));
    if (result == 0) {
        p256_base_multiply(scalar, x, y);
        result = point_set(R, x, y);
    }
    mbedtls_platform_zeroize(scalar, sizeof(scalar));
    return result;
}

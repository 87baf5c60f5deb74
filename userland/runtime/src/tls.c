/*
 * The template of thread-local storage, from the bounds that the linker script gives.
 */
#include "tls.h"

#include <string.h>

enum { TLS_HEADER_BYTES = 16, TLS_ALIGNMENT = 16 };

extern const unsigned char tls_data_start[] __asm__("__tdata_start");
extern const unsigned char tls_data_end[] __asm__("__tdata_end");
extern const unsigned char tls_block_end[] __asm__("__tls_end");

size_t tls_bytes(void)
{
    size_t bytes = TLS_HEADER_BYTES + (size_t)(tls_block_end - tls_data_start);

    return (bytes + TLS_ALIGNMENT - 1) & ~(size_t)(TLS_ALIGNMENT - 1);
}

void tls_init(void *base)
{
    memcpy((unsigned char *)base + TLS_HEADER_BYTES, tls_data_start,
           (size_t)(tls_data_end - tls_data_start));
}

/*
 * Thread-local storage: one block per stack, at its top.
 *
 * TPIDR_EL0 points 16 bytes below the block (the procedure call standard's variant 1); the block is
 * a copy of .tdata followed by zeroes, as program.ld lays it out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes from TPIDR_EL0 to the end of the block, a multiple of 16. */
size_t tls_bytes(void);

/* Fill the block of a thread whose TPIDR_EL0 will be `base`, 16-byte aligned, zeroed. */
void tls_init(void *base);

static inline void tls_install(void *base)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(base) : "memory");
}

/*
 * What a proof says to CBMC.
 *
 * A proof is a function `prove_*` without arguments: it takes any state that its assumptions allow,
 * calls the code that ships, and claims.  Each claim has a name, and tests/reason/prove.py asks for
 * a change to the code that breaks it, so a claim that can't fail is found.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CLAIM(condition, name) __CPROVER_assert(condition, "claim: " name)
#define ASSUME(condition)      __CPROVER_assume(condition)

void __CPROVER_assert(_Bool condition, const char *name);
void __CPROVER_assume(_Bool condition);

/* Any value at all: CBMC gives them a body. */
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);

/* Any number below `bound`. */
static inline uint32_t any_below(uint32_t bound)
{
    const uint32_t value = nondet_u32();

    ASSUME(value < bound);
    return value;
}

/* The kernel's own assertions hold. */
__attribute__((noreturn)) void assert_failed(const char *claim)
{
    (void)claim;
    __CPROVER_assert(false, "no assertion of the kernel fails");
    ASSUME(false);
    __builtin_unreachable();
}

/*
 * Registers: all that EL0 has, filled before an svc and looked at behind it.
 */
#pragma once

#include <stdint.h>

struct registers {
    uint64_t x[31];
    uint64_t nzcv;
    uint64_t q[32][2];
    uint64_t fpsr;
    uint64_t fpcr;
};
_Static_assert(sizeof(struct registers) == 784, "registers.S");

#define REGISTERS_HIDDEN __attribute__((visibility("hidden")))

/* Load everything from `r`, make the svc, store everything to `r`. */
void registers_call(struct registers *r) REGISTERS_HIDDEN;      /* svc #0 */
void registers_system(struct registers *r) REGISTERS_HIDDEN;    /* svc #2 */
void registers_call_with(struct registers *r) REGISTERS_HIDDEN; /* svc #3 */

/* The same with a loop of r->x[0] rounds instead of an svc; x0 ends as 0. */
void registers_spin(struct registers *r) REGISTERS_HIDDEN;

/* The same with an undefined instruction, which somebody must skip. */
void registers_undefined(struct registers *r) REGISTERS_HIDDEN;

/* svc #3 with the general registers and flags only: a thread that has no SIMD registers. */
void registers_pass(struct registers *r) REGISTERS_HIDDEN;

/*
 * A portal's entry.  Cookie: struct registers[2]; stores what it finds in the first, loads the
 * second and returns; _pass leaves SIMD out, _slow takes millions of instructions.  The others
 * store nothing, and never return: _fault runs into an undefined instruction, _spin into a loop,
 * _system makes the system call that it has loaded.
 */
void registers_entry(void) REGISTERS_HIDDEN;
void registers_entry_pass(void) REGISTERS_HIDDEN;
void registers_entry_slow(void) REGISTERS_HIDDEN;
void registers_entry_fault(void) REGISTERS_HIDDEN;
void registers_entry_spin(void) REGISTERS_HIDDEN;
void registers_entry_system(void) REGISTERS_HIDDEN;

/* Cookie: struct registers[4]; in between it calls with the second, and stores into the third. */
void registers_entry_nested(void) REGISTERS_HIDDEN;

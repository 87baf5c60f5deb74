/*
 * FP and SIMD registers: kept per thread, moved only when somebody needs them.
 *
 * The kernel uses none.  A thread's first FP instruction after a dispatch or a crossing traps;
 * then the registers get this thread's saved state, or zeroes.  They are saved when a thread that
 * used them is switched away from.  Across a portal call they are lost (abi/syscall.h), so the
 * crossing path only has to close access.
 */
#pragma once

#include "arch/crossing.h"

struct fp_registers {
    _Alignas(16) uint8_t v[32][16];
    uint64_t fpsr;
    uint64_t fpcr;
};

static inline bool fp_is_live(const struct cross_thread *thread)
{
    return (thread->fp_state & FP_STATE_LIVE) != 0;
}

/* Its registers are live: save them, and close access. */
void fp_save_live(struct cross_thread *thread, struct fp_registers *area);

/* The thread leaves this CPU: save its registers if it has live ones. */
static inline void fp_save(struct cross_thread *thread, struct fp_registers *area)
{
    if (fp_is_live(thread))
        fp_save_live(thread, area);
}

/* EL0 trapped on its first FP instruction: give it its own registers, or zeroes, and access. */
void fp_on_trap(struct cross_thread *thread, const struct fp_registers *area);

/* What it had when fp_save() was called for a fault's handler is its own again. */
void fp_restore(struct cross_thread *thread, uint64_t state);

/* A crossing in C: the registers' contents are lost to the thread, which runs here or nowhere. */
void fp_drop(struct cross_thread *thread);

/* The same of a thread that may run on another CPU, which closes access itself: fp_shut(). */
void fp_forget(struct cross_thread *thread);

/* This CPU's thread was thrown out of where it was, and has no FP registers any more. */
void fp_shut(void);

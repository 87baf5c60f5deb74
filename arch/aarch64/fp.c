#include "arch/fp.h"

#include "arch/cpu.h"

#include <stdbool.h>

/* fp_registers.S */
void fp_registers_store(struct fp_registers *area);
void fp_registers_load(const struct fp_registers *area);

_Static_assert(offsetof(struct fp_registers, fpsr) == 512, "fp_registers.S depends on this");

/* The word that the portal path looks at says whether the registers are live. */
static void fp_set_state(struct cross_thread *thread, uint64_t state)
{
    const unsigned depth = cross_depth(thread);

    thread->fp_state = state;
    cross_set_depth(thread, depth);
}

static void fp_close(struct cross_thread *thread, uint64_t state)
{
    SYSREG_WRITE(cpacr_el1, CPACR_TRAP_EL0); /* the eret to EL0 is the needed synchronisation */
    fp_set_state(thread, state);
}

void fp_save_live(struct cross_thread *thread, struct fp_registers *area)
{
    fp_registers_store(area);
    fp_close(thread, FP_STATE_SAVED);
}

void fp_on_trap(struct cross_thread *thread, const struct fp_registers *area)
{
    static const struct fp_registers zeroes;

    fp_registers_load(thread->fp_state == FP_STATE_SAVED ? area : &zeroes);
    SYSREG_WRITE(cpacr_el1, CPACR_OPEN); /* the eret to EL0 is the needed synchronisation */
    fp_set_state(thread, FP_STATE_LIVE | FP_STATE_CREDITS);
}

void fp_restore(struct cross_thread *thread, uint64_t state)
{
    fp_drop(thread);
    fp_set_state(thread, state);
}

void fp_drop(struct cross_thread *thread)
{
    /* The registers may be another's: a thread that doesn't run is thrown out of a call, too. */
    if (fp_is_live(thread))
        fp_close(thread, FP_STATE_NONE);
    else
        fp_set_state(thread, FP_STATE_NONE);
}

void fp_forget(struct cross_thread *thread)
{
    fp_set_state(thread, FP_STATE_NONE);
}

void fp_shut(void)
{
    SYSREG_WRITE(cpacr_el1, CPACR_TRAP_EL0); /* the eret to EL0 is the needed synchronisation */
}

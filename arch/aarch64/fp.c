#include "arch/fp.h"

#include "arch/cpu.h"

#include <stdbool.h>

/* fp_registers.S */
void fp_registers_store(struct fp_registers *area);
void fp_registers_load(const struct fp_registers *area);
void fp_registers_zero(void);

_Static_assert(offsetof(struct fp_registers, fpsr) == 512, "fp_registers.S depends on this");

static bool is_live(const struct cross_thread *thread)
{
    return (thread->fp_state & FP_STATE_LIVE) != 0;
}

static void fp_close(struct cross_thread *thread, uint64_t state)
{
    SYSREG_WRITE(cpacr_el1, CPACR_TRAP_EL0); /* the eret to EL0 is the needed synchronisation */
    thread->fp_state = state;
}

void fp_save(struct cross_thread *thread, struct fp_registers *area)
{
    if (!is_live(thread))
        return;
    fp_registers_store(area);
    fp_close(thread, FP_STATE_SAVED);
}

void fp_on_trap(struct cross_thread *thread, const struct fp_registers *area)
{
    if (thread->fp_state == FP_STATE_SAVED)
        fp_registers_load(area);
    else
        fp_registers_zero();
    SYSREG_WRITE(cpacr_el1, CPACR_OPEN); /* the eret to EL0 is the needed synchronisation */
    thread->fp_state = FP_STATE_LIVE | FP_STATE_CREDITS;
}

void fp_drop(struct cross_thread *thread)
{
    /* The registers may be another's: a thread that doesn't run is thrown out of a call, too. */
    if (is_live(thread))
        fp_close(thread, FP_STATE_NONE);
    thread->fp_state = FP_STATE_NONE;
}

/*
 * Timer: CNTV, the virtual counter and its compare register.
 *
 * The two ratios are set once on the boot CPU before anybody asks for the time.
 * Source: Arm ARM, "The Generic Timer in AArch64 state".
 */
#include "arch/timer.h"

#include "arch/cpu.h"
#include "base/ratio.h"

enum {
    CNTV_CTL_ENABLE = 1U << 0,
    CNTKCTL_EL0VCTEN = 1U << 1, /* EL0 may read CNTVCT_EL0 and CNTFRQ_EL0, nothing else */
    NSEC_PER_SEC = 1000000000,
};

static uint32_t frequency;
static struct ratio ns_per_tick;
static struct ratio ticks_per_ns;

bool timer_init(uint32_t frequency_hz)
{
    if (frequency_hz == 0)
        frequency_hz = (uint32_t)SYSREG_READ(cntfrq_el0);
    if (frequency_hz == 0)
        return false;

    ns_per_tick = ratio_make(NSEC_PER_SEC, frequency_hz);
    ticks_per_ns = ratio_make(frequency_hz, NSEC_PER_SEC);
    frequency = frequency_hz;
    return true;
}

void timer_cpu_init(void)
{
    SYSREG_WRITE(cntkctl_el1, CNTKCTL_EL0VCTEN);
    timer_stop();
}

uint32_t timer_frequency(void)
{
    return frequency;
}

uint64_t timer_now_ticks(void)
{
    /* Without it the counter may be read before what precedes the call has happened. */
    isb();
    return SYSREG_READ(cntvct_el0);
}

nsec_t timer_now_ns(void)
{
    return timer_ticks_to_ns(timer_now_ticks());
}

nsec_t timer_ticks_to_ns(uint64_t ticks)
{
    return ratio_apply(&ns_per_tick, ticks);
}

uint64_t timer_ns_to_ticks(nsec_t duration_ns)
{
    return ratio_invert(&ticks_per_ns, &ns_per_tick, duration_ns);
}

void timer_set_deadline(nsec_t when_ns)
{
    SYSREG_WRITE(cntv_cval_el0, timer_ns_to_ticks(when_ns));
    SYSREG_WRITE(cntv_ctl_el0, CNTV_CTL_ENABLE);
    /* The interrupt line follows before the caller goes on to end the interrupt. */
    isb();
}

void timer_stop(void)
{
    SYSREG_WRITE(cntv_ctl_el0, 0);
    isb();
}

/*
 * Timer: the generic timer's virtual counter and its one deadline per CPU.
 *
 * The virtual timer is used because it is the one that an EL1 kernel may always
 * touch, under a hypervisor or not.  A point in time is in nanoseconds since the
 * counter's zero, which user code can compute for itself.  There is no tick; the
 * scheduler sets the one deadline that comes next.
 * Source: Arm ARM, "The Generic Timer in AArch64 state".
 */
#pragma once

#include "abi/types.h"
#include "base/path.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Learn the counter's pace.  `frequency_hz` is the devicetree's clock-frequency, or 0 to believe
 * CNTFRQ_EL0.  Returns false, with nothing changed, if both are 0.
 * Context: boot CPU, once.  Until then timer_now_ns() is 0.
 */
BOOT_ONLY bool timer_init(uint32_t frequency_hz);

/* The calling CPU's part: deadline off, counter readable at EL0. */
BOOT_ONLY void timer_cpu_init(void);

/* Counter frequency in Hz. */
uint32_t timer_frequency(void);

/* The raw counter, as EL0 reads it from CNTVCT_EL0; not speculated ahead of the call. */
uint64_t timer_now_ticks(void);

/* The counter in nanoseconds. */
nsec_t timer_now_ns(void);

/* Duration conversions: ticks to ns rounds down, ns to ticks up, so that no wait is short. */
nsec_t timer_ticks_to_ns(uint64_t ticks);
uint64_t timer_ns_to_ticks(nsec_t duration_ns);

/* Interrupt this CPU when the counter reaches `when_ns`; at once if it has. */
void timer_set_deadline(nsec_t when_ns);

/* No deadline: the timer's interrupt line goes low. */
void timer_stop(void);

/*
 * The CPU on a host: system registers are words by name, and waiting for an interrupt is the
 * test's to define.
 */
#pragma once

#define wfi                cpu_wfi
#define cpu_is_interrupted cpu_has_interrupt
#include "arch/aarch64/include/arch/cpu.h"
#undef cpu_is_interrupted
#undef wfi

/* Implemented by the test that needs it. */
uint64_t *fake_sysreg(const char *name);
void wfi(void);
bool cpu_is_interrupted(void);

#undef SYSREG_READ
#undef SYSREG_WRITE
#define SYSREG_READ(name)         (*fake_sysreg(#name))
#define SYSREG_WRITE(name, value) (*fake_sysreg(#name) = (uint64_t)(value))

/*
 * The CPU on a host: system registers are words by name, and waiting for an interrupt is the
 * test's to define.
 */
#pragma once

#define wfi cpu_wfi
#include "arch/aarch64/include/arch/cpu.h"
#undef wfi

/* Implemented by the test that needs it. */
uint64_t *fake_sysreg(const char *name);
void wfi(void);

#undef SYSREG_READ
#undef SYSREG_WRITE
#define SYSREG_READ(name)         (*fake_sysreg(#name))
#define SYSREG_WRITE(name, value) (*fake_sysreg(#name) = (uint64_t)(value))

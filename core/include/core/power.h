/*
 * Power: the orderly ends of a machine's day.
 */
#pragma once

/* Off or over again, by PSCI; halts with a message where the firmware can do neither. */
__attribute__((noreturn)) void power_off(void);
__attribute__((noreturn)) void power_reboot(void);

#include "core/power.h"

#include "arch/cpu.h"
#include "arch/psci.h"
#include "core/cpu.h"
#include "core/log.h"

void power_off(void)
{
    cpus_stop();
    log_console_seize();
    log_info("power off");
    psci_system_off();
    log_info("the firmware has no power switch: it is safe to switch off now");
    cpu_halt();
}

void power_reboot(void)
{
    cpus_stop();
    log_console_seize();
    log_info("reboot");
    psci_system_reset();
    log_info("the firmware cannot reset this machine: halted");
    cpu_halt();
}

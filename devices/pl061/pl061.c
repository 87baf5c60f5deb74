/*
 * PL061 GPIO: the power button.
 *
 * One pin of the chip is the button; the program's argument in the manifest says which.  A press is
 * a rising edge; then the driver asks the launcher to switch the machine off, which its manifest
 * entry allows (`may-power-off`).
 *
 * docs/first-driver.md builds this file step by step.
 *
 * Source: Arm PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual, DDI 0190.
 */
#include <stddef.h>
#include <stdlib.h>

#include "rt/app.h"
#include "rt/interrupt.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/syscall.h"

enum { PIN_COUNT = 8 };

struct pl061_registers {
    uint32_t GPIODATA[256]; /* 0x000 the address's bits 9:2 select the pins */
    uint32_t GPIODIR;       /* 0x400 0: input */
    uint32_t GPIOIS;        /* 0x404 0: edge */
    uint32_t GPIOIBE;       /* 0x408 1: both edges */
    uint32_t GPIOIEV;       /* 0x40c 1: rising edge */
    uint32_t GPIOIE;        /* 0x410 1: interrupt */
    uint32_t GPIORIS;       /* 0x414 */
    uint32_t GPIOMIS;       /* 0x418 which pins have interrupted */
    uint32_t GPIOIC;        /* 0x41c 1 clears */
};
_Static_assert(offsetof(struct pl061_registers, GPIOIC) == 0x41c, "DDI 0190, table 3-1");

static struct {
    volatile struct pl061_registers *registers;
    handle_t interrupt;
    uint32_t pin_mask;
} button;

static void on_interrupt(void *context)
{
    (void)context;
    const uint32_t raised = button.registers->GPIOMIS;

    button.registers->GPIOIC = raised;
    interrupt_done(button.interrupt);
    if ((raised & button.pin_mask) == 0)
        return;
    log_line("the power button was pressed");
    enum status s = app_power_off();
    if (s != STATUS_OK)
        log_line("cannot switch off: %s", status_text(s));
}

static void chip_start(void)
{
    volatile struct pl061_registers *r = button.registers;

    r->GPIOIE = 0;
    r->GPIODIR = 0;
    r->GPIOIS = 0;
    r->GPIOIBE = 0;
    r->GPIOIEV = button.pin_mask;
    r->GPIOIC = UINT32_MAX;
    r->GPIOIE = button.pin_mask;
}

int main(void)
{
    const struct startup_device *device = startup_device_find("arm,pl061", 0);
    char *end;
    const unsigned long pin = strtoul(startup_get()->argument, &end, 10);

    if (device == NULL || device->register_count < 1 || device->interrupt_count < 1)
        log_die("no arm,pl061 with registers and an interrupt was claimed");
    if (*end != '\0' || end == startup_get()->argument || pin >= PIN_COUNT)
        log_die("the argument must be the button's pin, 0 to %d", PIN_COUNT - 1);
    button.registers = (volatile struct pl061_registers *)(uintptr_t)device->registers[0].address;
    button.interrupt = device->interrupt[0].handle;
    button.pin_mask = UINT32_C(1) << pin;

    chip_start();
    enum status s = interrupt_serve(button.interrupt, on_interrupt, NULL);
    if (s != STATUS_OK)
        log_die("%s can't start: %s", device->name, status_text(s));
    loop_run();
    return 0;
}

/*
 * Early UART: a PL011 that is written by polling and never configured.
 *
 * Firmware, or QEMU, has left it switched on.  It carries the kernel's log until
 * the console driver, a domain, takes the device over, and panics after that.
 * The base is whatever address reaches the registers now: physical before the
 * MMU, virtual after; nothing else about this module depends on the MMU.
 * Source: Arm DDI 0183, "PrimeCell UART (PL011)".
 */
#pragma once

#include "base/path.h"

#include <stddef.h>
#include <stdint.h>

/* Use the registers at `base`; 0 makes the UART swallow everything. */
BOOT_ONLY void early_uart_set_base(uintptr_t base);

/* Write one character as it is; gives up on a device that never drains. */
void early_uart_put(char character);

/* Write `length` characters, a carriage return before each newline. */
void early_uart_write(const char *text, size_t length);

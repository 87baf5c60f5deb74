/*
 * Early UART: two registers of a PL011.
 *
 * A transmitter that stays full for WAIT_LIMIT polls, far longer than a character
 * takes at any rate in use, is given up for good: a kernel that hangs on its own
 * messages would be worse than a silent one.
 * Mutable state: the base, written by the boot CPU before others run, or cleared.
 */
#include "arch/early_uart.h"

#include "arch/cpu.h"

enum {
    UARTDR = 0x000,
    UARTFR = 0x018,
    UARTFR_TXFF = 1U << 5, /* transmit FIFO full */
    WAIT_LIMIT = 1 << 20,
};

static uintptr_t registers;

void early_uart_set_base(uintptr_t base)
{
    registers = base;
}

void early_uart_put(char character)
{
    unsigned polls = 0;

    if (registers == 0)
        return;
    while ((mmio_read32(registers + UARTFR) & UARTFR_TXFF) != 0) {
        if (++polls == WAIT_LIMIT) {
            registers = 0;
            return;
        }
    }
    mmio_write32(registers + UARTDR, (unsigned char)character);
}

void early_uart_write(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            early_uart_put('\r');
        early_uart_put(text[i]);
    }
}

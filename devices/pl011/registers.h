/*
 * Registers of the PL011 UART.
 *
 * Source: Arm PrimeCell UART (PL011) Technical Reference Manual, DDI 0183, chapter 3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pl011_registers {
    uint32_t DR;  /* 0x00 data: one place of either FIFO */
    uint32_t RSR; /* 0x04 */
    uint32_t reserved_08[4];
    uint32_t FR; /* 0x18 flags */
    uint32_t reserved_1c;
    uint32_t ILPR;  /* 0x20 */
    uint32_t IBRD;  /* 0x24 baud rate, whole part */
    uint32_t FBRD;  /* 0x28 and fraction */
    uint32_t LCR_H; /* 0x2c line control */
    uint32_t CR;    /* 0x30 control */
    uint32_t IFLS;  /* 0x34 FIFO levels that interrupt */
    uint32_t IMSC;  /* 0x38 interrupt mask: 1 enables */
    uint32_t RIS;   /* 0x3c raw */
    uint32_t MIS;   /* 0x40 masked */
    uint32_t ICR;   /* 0x44 clear */
};
_Static_assert(offsetof(struct pl011_registers, FR) == 0x18, "DDI 0183, table 3-1");
_Static_assert(offsetof(struct pl011_registers, ICR) == 0x44, "DDI 0183, table 3-1");

enum pl011_data {
    DR_BREAK = 1U << 10,   /* with the byte that was read */
    DR_OVERRUN = 1U << 11, /* a byte before this one was lost */
};

enum pl011_flag {
    FR_RXFE = 1U << 4, /* receive FIFO empty */
    FR_TXFF = 1U << 5, /* transmit FIFO full */
    FR_TXFE = 1U << 7, /* transmit FIFO empty */
};

enum { PL011_FIFO_BYTES = 16 }; /* at least, of either FIFO */

enum pl011_line {
    LCR_H_FEN = 1U << 4, /* FIFOs on */
    LCR_H_WLEN_8 = 3U << 5,
};

enum pl011_control {
    CR_UARTEN = 1U << 0,
    CR_TXE = 1U << 8,
    CR_RXE = 1U << 9,
    CR_RTSEN = 1U << 14, /* the chip holds RTS back while its FIFO is full */
};

enum pl011_level {
    IFLS_TX_EIGHTH = 0U << 0, /* interrupt when 2 of 16 places are left to send */
    IFLS_RX_HALF = 2U << 3,   /* interrupt when 8 of 16 have been received, or by timeout */
};

enum pl011_interrupt {
    INTERRUPT_RX = 1U << 4,
    INTERRUPT_TX = 1U << 5,
    INTERRUPT_RT = 1U << 6, /* receive timeout: some bytes wait below the level */
    INTERRUPT_OE = 1U << 10,
};

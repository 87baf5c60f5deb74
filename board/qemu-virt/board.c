/*
 * QEMU's virt machine.
 *
 * Source: QEMU, hw/arm/virt.c, the memory map; PL011 number 0 has not moved since 2013.
 */
#include "board/board.h"

const struct board board = {
    .name = "QEMU virt",
    .fallback_uart = 0x09000000,
};

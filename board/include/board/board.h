/*
 * Board: what must be known before the devicetree can be believed.
 *
 * Each board's folder defines the one `board`; the build picks the folder.  Anything
 * that the devicetree can say does not belong here.
 */
#pragma once

#include "abi/types.h"

struct board {
    const char *name;

    /*
     * Physical address of a PL011 that firmware has switched on, 0 if there is none:
     * where to say why a devicetree cannot be used, when it does not even name a UART.
     */
    paddr_t fallback_uart;
};

extern const struct board board;

/*
 * Boot: from the first C instruction to the launcher's first.
 *
 *     head.S -> boot_greet (MMU off) -> kernel_start -> first_domain_create -> boot_end
 */
#pragma once

#include "abi/boot.h"
#include "core/machine.h"
#include "domains/domain.h"

enum { DEVICETREE_MAX = 2 * 1024 * 1024 }; /* bytes, as Linux' boot protocol says */

/*
 * Say hello on the UART that the devicetree names.  Context: MMU off, physical addresses: no
 * pointer constants, no log, no words but at their alignment (cmake/kernel.cmake).
 */
void boot_greet(paddr_t devicetree, uint64_t exception_level);

/* Where that UART is; 0: the tree names none.  Written by boot_greet(). */
extern paddr_t boot_uart;

__attribute__((noreturn)) void kernel_start(paddr_t devicetree, paddr_t image,
                                            uint64_t exception_level);

/* What the first domain is made from. */
struct first_domain_source {
    paddr_t archive; /* the boot archive, in RAM that the direct map shows */
    uint64_t archive_bytes;
    paddr_t devicetree; /* a copy without secrets, page-aligned */
    uint64_t devicetree_bytes;
};

/*
 * Load the program "launcher" from the archive into a domain that holds the factory, and make
 * its first thread ready.  Errors: BAD_DATA or NOT_FOUND (the archive), OUT_OF_MEMORY.
 */
CHECK_RESULT enum status first_domain_create(const struct first_domain_source *source,
                                             struct domain **out);

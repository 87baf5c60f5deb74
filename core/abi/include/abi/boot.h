/*
 * What the kernel hands to the launcher: the first thread starts with x0 = address
 * of this record (in the launcher's stack segment).
 */
#pragma once

#include "abi/types.h"

struct boot_record {
    handle_t factory;
    handle_t archive; /* segment: the boot archive, readable, already in the view */
    uaddr_t archive_address;
    uint64_t archive_bytes;
    handle_t devicetree; /* segment: the machine's devicetree, readable, in the view */
    uaddr_t devicetree_address;
    uint64_t devicetree_bytes;
    handle_t own_domain;
    handle_t own_data; /* segment: data and bss of the launcher */
    handle_t own_stack;
    uint64_t
        random[4]; /* from the devicetree's rng-seed and the counter: address randomisation only */
};

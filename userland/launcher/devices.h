/*
 * Devices: what the machine's devicetree says about hardware that a domain may claim.
 *
 * A claim names a compatible string; what the domain gets is the matching node's
 * registers, as physical addresses the CPU can use, and its interrupts, as the
 * interrupt controller counts them.  Nodes that are disabled don't exist.
 *
 * Pure: reads the tree, calls nobody.  The tree is the firmware's, so nothing in it is
 * trusted: what can't be made sense of gives an error that names node and property.
 */
#pragma once

#include "property.h"
#include "tree_index.h"

#include "abi/status.h"
#include "abi/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEVICE_REGISTERS_MAX = 2,
    DEVICE_INTERRUPTS_MAX = 4,
};

struct device_registers {
    paddr_t base;
    uint64_t size;
};

struct device_interrupt {
    uint32_t number; /* as the GIC counts: shared ones from 32, private ones from 16 */
    uint32_t flags;  /* set of enum interrupt_flag */
};

struct device {
    int node;               /* its number in the index: the device's identity */
    const char *name;       /* of its node: "pl011@9000000" */
    const char *compatible; /* the string that matched */
    struct device_registers registers[DEVICE_REGISTERS_MAX];
    uint32_t register_count;
    struct device_interrupt interrupts[DEVICE_INTERRUPTS_MAX];
    uint32_t interrupt_count;
    uint32_t clock_hz; /* 0: not said */
    bool is_coherent;  /* its DMA sees the CPU's caches */
};

/*
 * Find the next device with this compatible string behind the node `after` (-1: from the
 * start).  Ownership: `*out` keeps pointers into the tree.
 * Errors: NOT_FOUND (no more); BAD_DATA (`error` says what is wrong with which node;
 * `out->node` is set, so the search can go on behind it).
 */
CHECK_RESULT enum status device_find(const struct tree_index *index, const char *compatible,
                                     int after, struct device *out, struct property_error *error);

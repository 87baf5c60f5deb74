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

#include "abi/status.h"
#include "abi/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEVICE_REGISTERS_MAX = 2,
    DEVICE_INTERRUPTS_MAX = 4,
    DEVICE_NODES_MAX = 1024,
};

/* A node of the tree, so far as finding it and its relatives needs. */
struct device_node {
    int offset; /* libfdt's */
    int parent; /* its number in the index; -1: none */
    uint32_t phandle;
    uint32_t compatible_bytes;
    const char *compatible; /* list of strings, each ended; NULL: none */
};

/* All nodes, in the tree's order: the tree is walked once, not once for each question. */
struct device_index {
    const void *tree;
    struct device_node nodes[DEVICE_NODES_MAX];
    int node_count;
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
 * Make the index of the tree at `tree`, 8-byte aligned and `tree_bytes` long.
 * Ownership: `*out` keeps pointers into the tree.
 * Errors: BAD_DATA (no devicetree, or one with more nodes than the index holds); `*why` says so.
 */
CHECK_RESULT enum status device_index_read(const void *tree, size_t tree_bytes,
                                           struct device_index *out, const char **why);

/*
 * Find the next device with this compatible string behind the node `after` (-1: from the
 * start).  Ownership: `*out` keeps pointers into the tree.
 * Errors: NOT_FOUND (no more); BAD_DATA (`error` says what is wrong with which node;
 * `out->node` is set, so the search can go on behind it).
 */
CHECK_RESULT enum status device_find(const struct device_index *index, const char *compatible,
                                     int after, struct device *out, struct property_error *error);

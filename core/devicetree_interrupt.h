/*
 * Devicetree interrupts: which input of which controller.
 *
 * "interrupts" means the controller that the nearest "interrupt-parent" above names;
 * "interrupts-extended" names one in each entry.  How many cells an entry has, its
 * controller says.
 * Source: Devicetree Specification 0.4, section 2.4.
 */
#pragma once

#include "devicetree.h"

enum { DEVICETREE_INTERRUPT_CELLS_MAX = 4 };

struct devicetree_interrupt {
    struct devicetree_node controller;
    uint32_t cells[DEVICETREE_INTERRUPT_CELLS_MAX];
    unsigned cell_count;
};

/*
 * Entry `index` of "interrupts-extended" or "interrupts", with the controller it is for.
 * `likely` is a controller that is tried before the tree is searched, or NULL.
 * Errors: NOT_FOUND, BAD_DATA, NOT_SUPPORTED.
 */
CHECK_RESULT enum status devicetree_interrupt(const struct devicetree_node *node,
                                              const struct devicetree_node *likely, unsigned index,
                                              struct devicetree_interrupt *out);

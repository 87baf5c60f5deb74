/*
 * Machine GIC: where the interrupt controller is and what a device's interrupt is to it.
 *
 * Source: kernel.org bindings arm,gic and arm,gic-v3.
 */
#pragma once

#include "devicetree.h"

/* The registers of a GIC of this version, 2 or 3.  Errors: NOT_FOUND, BAD_DATA, NOT_SUPPORTED. */
CHECK_RESULT enum status machine_gic_read(const struct devicetree_node *node, unsigned version,
                                          struct machine_gic *gic);

/*
 * The interrupt number of `node`'s entry `index`, wired to the controller `gic`.
 * Errors: NOT_FOUND, BAD_DATA, NOT_SUPPORTED (wired to something else).
 */
CHECK_RESULT enum status machine_irq_read(const struct devicetree_node *gic,
                                          const struct devicetree_node *node, unsigned index,
                                          struct machine_irq *out);

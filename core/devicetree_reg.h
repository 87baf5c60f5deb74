/*
 * Devicetree addresses: what "reg" means to the CPU.
 *
 * A "reg" is written in the words of the bus that the node sits on.  Each bus above
 * translates it through its "ranges" until the root's words, physical addresses, are
 * reached; a bus without that property leads nowhere.
 * Source: Devicetree Specification 0.4, sections 2.3.5 to 2.3.8.
 */
#pragma once

#include "devicetree.h"

/* How many entries "reg" has; 0 without one.  Errors: BAD_DATA, NOT_SUPPORTED. */
CHECK_RESULT enum status devicetree_reg_count(const struct devicetree_node *node, unsigned *out);

/* The address of "reg" entry `index` as it stands, for nodes whose parent is not a bus. */
CHECK_RESULT enum status devicetree_reg_number(const struct devicetree_node *node, unsigned index,
                                               uint64_t *out);

/*
 * Entry `index` of "reg" as physical addresses, translated through each bus's "ranges".
 * The size may be 0; the sum never wraps.
 * Errors: NOT_FOUND (no such entry, or no way to its addresses), BAD_DATA, NOT_SUPPORTED.
 */
CHECK_RESULT enum status devicetree_reg(const struct devicetree_node *node, unsigned index,
                                        struct machine_range *out);

/*
 * Machine memory: what the tree says about RAM.
 *
 * Each call adds to the machine's lists; ranges in `memory` never overlap, those in
 * `reserved` may.
 */
#pragma once

#include "devicetree.h"

/* A node with device_type "memory". */
CHECK_RESULT enum status machine_memory_read(const struct devicetree_node *node,
                                             struct machine *machine);

/* A child of /reserved-memory; one without "reg" asks for memory anywhere, which we ignore. */
CHECK_RESULT enum status machine_reserved_read(const struct devicetree_node *node,
                                               struct machine *machine);

/* The frames of the tree itself, and the reservation block that stands before its nodes. */
CHECK_RESULT enum status machine_reservations_read(const struct devicetree_node *root,
                                                   paddr_t fdt_physical, struct machine *machine);

/*
 * Machine CPUs: one node of /cpus each.
 */
#pragma once

#include "devicetree.h"

/* Add the CPU; no two have one name.  Those beyond MACHINE_CPU_MAX are left asleep. */
CHECK_RESULT enum status machine_cpu_read(const struct devicetree_node *node,
                                          struct machine *machine);

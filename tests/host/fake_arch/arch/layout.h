/*
 * The kernel's layout on a host: RAM's kernel addresses lie where a process can have memory.
 * Everything else is as on the machine.
 */
#pragma once

#include "arch/aarch64/include/arch/layout.h"

#undef DIRECT_MAP_BASE
#define DIRECT_MAP_BASE 0x200000000000

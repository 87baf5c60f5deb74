/*
 * Addresses are CBMC's own: the direct map starts at 0, so frames are objects of a proof.
 */
#pragma once

#include "arch/aarch64/include/arch/layout.h"

#undef DIRECT_MAP_BASE
#define DIRECT_MAP_BASE 0

/*
 * Four handles a chunk instead of 128, so that few slots are several chunks.
 */
#pragma once

#include "arch/aarch64/include/arch/crossing.h"

#undef CHUNK_SLOTS_LOG2
#define CHUNK_SLOTS_LOG2 2

/*
 * A page is as long as the slots of a scaled chunk; see arch/crossing.h beside this.
 */
#pragma once

#include "core/abi/include/abi/types.h"

#define PAGE_BYTES 128

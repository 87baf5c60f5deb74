/*
 * Handles: whose they are.
 */
#pragma once

#include "abi/rights.h"

/*
 * The id of the domain that made the object which `h` names, if it is of this type; 0: it isn't, or
 * the domain is gone, or `h` is no handle of ours.
 */
uint32_t handle_owner(handle_t h, enum object_type type);

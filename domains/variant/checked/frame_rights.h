/*
 * Frame rights: which frames some view can write, and which some view can execute.
 *
 * A sweep over all views adds up what their leaves give.  A frame that would end up in both sets
 * has a writable and an executable alias, by whatever segments and in whatever views.
 */
#pragma once

#include "abi/rights.h"
#include "abi/types.h"

#include <stdbool.h>

/* Start a sweep: nobody can do anything. */
void frame_rights_clear(void);

/* Some view has `rights` to these bytes; false if another has what must not go with them. */
CHECK_RESULT bool frame_rights_add(paddr_t base, uint64_t bytes, rights_t rights);

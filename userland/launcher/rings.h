/*
 * Rings: finding connections in the views, and reading how full they are.
 */
#pragma once

#include "listing.h"

/* Fill `listing` with struct inspect_ring.  Errors: none so far. */
CHECK_RESULT enum status rings_list(struct listing *listing);

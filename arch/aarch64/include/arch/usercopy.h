/*
 * The checked copy: the only way in which the kernel touches a domain's memory by an address that
 * the domain says.  It zeroes frames before they are anybody's, and sets the bits of events, whose
 * words' frames it holds on to (core/event.h), through the direct map.
 *
 * Unprivileged loads and stores try each access with the rights that the current view gives
 * EL0, so the hardware does the checking, once, at the access itself.  What the view does not
 * allow ends the copy with an error, not the kernel.
 *
 * Source: Arm ARM, "LDTR", "STTR".
 */
#pragma once

#include "abi/status.h"
#include "abi/types.h"

/*
 * Copy between kernel memory and the current view.  Errors: BAD_ADDRESS; part of the
 * destination may have been written then.
 */
CHECK_RESULT enum status usercopy_from(void *to, uaddr_t from, size_t size);
CHECK_RESULT enum status usercopy_to(uaddr_t to, const void *from, size_t size);

/* One aligned word, read once.  Errors: BAD_ADDRESS (also if misaligned). */
CHECK_RESULT enum status usercopy_load32(uaddr_t from, uint32_t *out);
CHECK_RESULT enum status usercopy_load64(uaddr_t from, uint64_t *out);

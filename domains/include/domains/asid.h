/*
 * ASIDs: a cache of address-space numbers over any number of domains.
 *
 * A domain gets one when it is entered and has none: the next, round robin, that no CPU executes
 * under.  If another domain has it, that loses it, and the TLB forgets it.  Entering costs the
 * same however many domains there are; nothing ever walks all of them, be it to find a free one.
 *
 * A domain's TTBR value doubles as the sign that it has an ASID: 0 sends the portal path to the
 * slow path, which comes here.
 *
 * Locking: the kernel lock.
 */
#pragma once

#include "base/path.h"
#include "domains/domain.h"

enum { ASID_COUNT_MAX = 1 << 16 };

/* How many ASIDs this build uses of those that the hardware has. */
BOOT_ONLY uint32_t asid_limit(unsigned hardware_bits);

/* ASIDs 1 to `count` - 1; 0 belongs to no domain.  `count` is at most ASID_COUNT_MAX. */
BOOT_ONLY void asids_init(uint32_t count);

/* Tell whether some CPU executes in the domain; its ASID stays. */
typedef bool asid_is_pinned_fn(const struct domain *domain);
BOOT_ONLY void asids_set_pinned(asid_is_pinned_fn *is_pinned);

/* Until the kernel lock is dropped no other CPU enters a domain.  NULL: there is none. */
typedef void asid_hold_fn(void);
BOOT_ONLY void asids_set_hold(asid_hold_fn *hold);

/* Give `domain` an ASID and so a TTBR value, if it has none. */
void asid_assign(struct domain *domain);

/* The domain goes: its ASID is free, and the TLB empty of it. */
void asid_release(struct domain *domain);

/* 0 if it has none at the moment. */
asid_t asid_of(const struct domain *domain);

struct asid_totals {
    uint32_t in_use;
    uint64_t taken_away;
};

COLD struct asid_totals asid_totals(void);

/*
 * Claim: what must hold of a view, and where it does not.
 */
#pragma once

#include "arch/pagetable.h"
#include "domains/domain.h"

/* Panics: `what` is broken at `address` of this domain's view, where the tables say `entry`. */
__attribute__((noreturn, cold)) void claim_broken(const char *what, const struct domain *domain,
                                                  uaddr_t address, pte_t entry);

static inline void claim(bool holds, const char *what, const struct domain *domain, uaddr_t address,
                         pte_t entry)
{
    if (!holds)
        claim_broken(what, domain, address, entry);
}

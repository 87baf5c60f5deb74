#include "domains/audit.h"

#include "arch/tlb.h"

void audit_view_made(const struct domain *domain)
{
    (void)domain;
}

void audit_view_ending(const struct domain *domain)
{
    (void)domain;
}

void audit_view_changed(const struct domain *domain, const struct segment *segment, rights_t rights)
{
    (void)domain;
    (void)segment;
    (void)rights;
}

void audit_asid_given(const struct domain *domain)
{
    (void)domain;
}

void audit_asid_taken(asid_t asid)
{
    (void)asid;
}

void audit_forbid(paddr_t base, uint64_t bytes)
{
    (void)base;
    (void)bytes;
}

void kernel_on_tlb_invalidation(asid_t asid, uaddr_t address, uint64_t pages)
{
    (void)asid;
    (void)address;
    (void)pages;
}

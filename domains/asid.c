#include "domains/asid.h"

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "base/assert.h"
#include "domains/audit.h"

/*
 * owners[a] is the domain that has ASID a, NULL while it is free.  Invariant: the TLB holds
 * nothing tagged with a free ASID.  For its size it lies at the end of the image (kernel.ld).
 */
static struct domain *owners[ASID_COUNT_MAX] __attribute__((section(".bss.last")));
static uint32_t asid_count;
static uint32_t next; /* where to look first: the ASID that was given longest ago */
static asid_is_pinned_fn *pinned;
static asid_hold_fn *hold_others; /* NULL: there are none */
static struct asid_totals totals;

void asids_init(uint32_t count)
{
    ASSERT(count >= 2 && count <= ASID_COUNT_MAX);
    asid_count = count;
    next = 1;
    totals = (struct asid_totals){0};
}

void asids_set_pinned(asid_is_pinned_fn *is_pinned)
{
    pinned = is_pinned;
}

void asids_set_hold(asid_hold_fn *hold)
{
    hold_others = hold;
}

asid_t asid_of(const struct domain *domain)
{
    return (asid_t)(domain->cross.ttbr >> 48);
}

static uint32_t after(uint32_t asid)
{
    return asid + 1 < asid_count ? asid + 1 : 1;
}

void asid_release(struct domain *domain)
{
    const asid_t asid = asid_of(domain);

    if (asid == 0)
        return;
    mmu_leave(domain->cross.ttbr); /* or speculative walks would fill the TLB again */
    domain->cross.ttbr = 0;
    owners[asid] = NULL;
    tlb_invalidate_asid(asid);
    totals.in_use--;
    audit_asid_taken(asid);
}

void asid_assign(struct domain *domain)
{
    if (domain->cross.ttbr != 0)
        return;
    if (owners[next] != NULL && hold_others != NULL)
        hold_others(); /* or a CPU might be about to enter the victim */
    /* At most one ASID per CPU is pinned, so this ends after a few steps. */
    while (owners[next] != NULL && pinned(owners[next]))
        next = after(next);
    if (owners[next] != NULL) {
        asid_release(owners[next]);
        totals.taken_away++;
    }

    owners[next] = domain;
    domain->cross.ttbr = mmu_ttbr(direct_map_physical(domain->root), (asid_t)next);
    next = after(next);
    totals.in_use++;
    audit_asid_given(domain);
}

struct asid_totals asid_totals(void)
{
    return totals;
}

#include "domains/audit.h"

#include "arch/tlb.h"
#include "claim.h"
#include "domains/asid.h"
#include "frame_rights.h"
#include "tlb_ledger.h"
#include "view_audit.h"

enum {
    VIEWS_MAX = 16384,
    NEIGHBOURS_MAX = 4, /* other views of a segment that are looked at when one of them changes */
};

static const struct domain *views[VIEWS_MAX];
static unsigned view_count;
static unsigned changes; /* since the last sweep */

/*
 * All views, one after another, as one set.  With few domains after every change; with many so
 * rarely that a change costs four views on average.
 */
static void sweep(void)
{
    if (++changes < view_count / NEIGHBOURS_MAX)
        return;
    changes = 0;
    frame_rights_clear();
    for (unsigned i = 0; i < view_count; i++)
        view_audit(views[i], true);
}

void audit_view_made(const struct domain *domain)
{
    ASSERT(view_count < VIEWS_MAX);
    views[view_count++] = domain;
    view_audit(domain, false);
}

void audit_view_ending(const struct domain *domain)
{
    unsigned i = 0;

    while (i < view_count && views[i] != domain)
        i++;
    claim(i < view_count && list_is_empty(&domain->mappings) && asid_of(domain) == 0,
          "a view that ends shows nothing to nobody", domain, 0, domain->cross.ttbr);
    view_audit(domain, false);
    views[i] = views[--view_count];
}

void audit_view_changed(const struct domain *domain, const struct segment *segment)
{
    unsigned neighbours = 0;

    tlb_ledger_settle(domain);
    view_audit(domain, false);
    LIST_FOR_EACH (node, &segment->mappings) {
        const struct domain *other = LIST_ENTRY(node, struct mapping, segment_node)->domain;
        if (neighbours++ == NEIGHBOURS_MAX)
            break;
        if (other != domain)
            view_audit(other, false);
    }
    sweep();
}

void audit_asid_given(const struct domain *domain)
{
    tlb_ledger_give(asid_of(domain), domain);
}

void audit_asid_taken(asid_t asid)
{
    tlb_ledger_take(asid);
}

void audit_forbid(paddr_t base, uint64_t bytes)
{
    view_audit_forbid(base, bytes);
}

void kernel_on_tlb_invalidation(asid_t asid, uaddr_t address, uint64_t pages)
{
    tlb_ledger_forget(asid, address, pages);
}

void claim_broken(const char *what, const struct domain *domain, uaddr_t address, pte_t entry)
{
    panic("audit: not so: %s (domain %u, address 0x%lx, entry 0x%lx)", what,
          domain == NULL ? 0 : domain->id, address, entry);
}

#include "domains/audit.h"

#include "arch/tlb.h"
#include "claim.h"
#include "domains/asid.h"
#include "frame_rights.h"
#include "grants.h"
#include "tlb_ledger.h"
#include "view_audit.h"
#include "walk.h"

enum {
    VIEWS_MAX = 1 << 17,
    SWEEP_SCALE = 32 * 32, /* up to 32 views: always */
};

/* A view, and how many entries are granted to it (of level 2, or of 1 for large segments). */
struct audited {
    const struct domain *domain;
    uint32_t entries;
};

static struct audited views[VIEWS_MAX];
static unsigned view_count;
static uint32_t places[VIEWS_MAX]; /* by a domain's id: where in `views` it was put */
static unsigned changes;           /* since the last sweep */

static void view_put(unsigned place, struct audited view)
{
    views[place] = view;
    places[view.domain->id % VIEWS_MAX] = place;
}

/* Where the domain is; VIEWS_MAX if nowhere. */
static unsigned place_of(const struct domain *domain)
{
    const unsigned place = places[domain->id % VIEWS_MAX];

    if (place < view_count && views[place].domain == domain)
        return place;
    for (unsigned i = 0; i < view_count; i++)
        if (views[i].domain == domain)
            return i;
    return VIEWS_MAX;
}

/*
 * All views, one after another, as one set.  With few domains after every change; with many more
 * rarely, and the more there are the less it costs a change.
 */
static bool sweep_is_due(void)
{
    return ++changes >= (uint64_t)view_count * view_count / SWEEP_SCALE;
}

static void sweep(void)
{
    changes = 0;
    frame_rights_clear();
    for (unsigned i = 0; i < view_count; i++)
        view_audit(views[i].domain, views[i].entries, true);
}

void audit_view_made(const struct domain *domain)
{
    ASSERT(view_count < VIEWS_MAX);
    view_put(view_count++, (struct audited){.domain = domain});
    view_audit(domain, 0, false);
}

void audit_view_ending(const struct domain *domain)
{
    const unsigned place = place_of(domain);

    claim(place < VIEWS_MAX && views[place].entries == 0 && asid_of(domain) == 0,
          "a view that ends shows nothing to nobody", domain, 0, domain->cross.ttbr);
    view_audit(domain, 0, false);
    view_put(place, views[--view_count]);
}

/* What is in the view, by the calls that say so. */
static void grant_note(struct audited *view, const struct segment *segment, rights_t rights)
{
    const bool was_there = grants_find(view->domain, segment) != 0;

    if (!was_there && rights != 0)
        view->entries += segment->entry_count;
    if (was_there && rights == 0)
        view->entries -= segment->entry_count;
    grants_set(view->domain, segment, rights);
}

void audit_view_changed(const struct domain *domain, const struct segment *segment, rights_t rights)
{
    const unsigned place = place_of(domain);

    claim(place < VIEWS_MAX, "a view is known from its beginning", domain, 0, 0);
    grant_note(&views[place], segment, rights);
    tlb_ledger_settle(domain);
    if (sweep_is_due()) {
        sweep();
        return;
    }
    view_audit(domain, views[place].entries, false);
    const struct audited *other = &views[walk_chance(view_count)];
    view_audit(other->domain, other->entries, false);
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

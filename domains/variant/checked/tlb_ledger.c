#include "tlb_ledger.h"

#include "base/bits.h"
#include "claim.h"
#include "domains/asid.h"
#include "walk.h"

enum {
    ITEMS = 8192,
    ASIDS = 1 << 16,
};

/* What may be remembered of one entry of level 1 or 2 under one ASID. */
struct item {
    struct item *next;
    uaddr_t address; /* the first that the entry translates */
    pte_t entry;     /* as it was then */
    uint8_t level;
    bool is_step; /* the entry itself, as a step of the walk */
    bool is_found;
    struct walk_valid below; /* translations that went through it; of a block, the first stands
                                for all */
};

struct ledger {
    const struct domain *owner; /* NULL: nobody has the ASID */
    struct item *items;
    bool is_overflowing; /* there were too many to write down: only "everything" empties it */
};

static struct item pool[ITEMS];
static unsigned pool_used;
static struct item *pool_free;
static struct ledger ledgers[ASIDS];

static struct item *item_take(void)
{
    struct item *item = pool_free;

    if (item == NULL)
        return pool_used < ITEMS ? &pool[pool_used++] : NULL;
    pool_free = item->next;
    return item;
}

/* Drop the items that hold nothing any more, or all. */
static void items_drop(struct ledger *ledger, bool all)
{
    struct item **at = &ledger->items;

    while (*at != NULL) {
        struct item *item = *at;
        uint64_t held = item->is_step ? 1 : 0;
        for (unsigned i = 0; i < TABLE_ENTRIES / 64; i++)
            held |= item->below.bits[i];
        if (held != 0 && !all) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        item->next = pool_free;
        pool_free = item;
    }
}

static struct item *item_find(const struct ledger *ledger, const struct walk_step *step)
{
    struct item *item = ledger->items;

    while (item != NULL && (item->address != step->address || item->level != step->level))
        item = item->next;
    return item;
}

/* What the TLB can read below this entry at this moment. */
static void step_read(const struct walk_step *step, struct walk_valid *out)
{
    *out = (struct walk_valid){0};
    if (step->below == NULL)
        out->bits[0] = 1;
    else if (step->level == 2 || step->limits != 0)
        walk_find_valid(step->below, out);
    /* A table of the view's own gives steps of level 2, which are items of their own. */
}

struct filling {
    struct ledger *ledger;
    bool is_settled; /* what is remembered from before must be there now */
};

static void on_step(const struct walk_step *step, void *context)
{
    const struct filling *filling = context;
    struct walk_valid now;

    if (step->is_shared)
        return;
    step_read(step, &now);
    struct item *item = item_find(filling->ledger, step);
    if (item == NULL) {
        item = item_take();
        if (item == NULL) {
            filling->ledger->is_overflowing = true;
            return;
        }
        *item = (struct item){.next = filling->ledger->items,
                              .address = step->address,
                              .entry = step->entry,
                              .level = (uint8_t)step->level};
        filling->ledger->items = item;
    }
    item->is_found = true;
    if (filling->is_settled)
        claim(item->entry == step->entry, "no TLB holds an entry that was changed", step->domain,
              step->address, item->entry);
    if (item->entry != step->entry)
        return; /* the old one stays remembered until somebody has it forgotten */
    for (unsigned i = 0; i < TABLE_ENTRIES / 64; i++) {
        if (filling->is_settled)
            claim((item->below.bits[i] & ~now.bits[i]) == 0,
                  "no TLB holds a translation whose leaf is gone", step->domain, step->address,
                  step->entry);
        item->below.bits[i] |= now.bits[i];
    }
    item->is_step = true;
}

static void fill(struct ledger *ledger, bool is_settled)
{
    struct filling filling = {ledger, is_settled};

    for (struct item *item = ledger->items; item != NULL; item = item->next)
        item->is_found = false;
    walk_view(ledger->owner, on_step, &filling);
    for (struct item *item = ledger->items; item != NULL && is_settled; item = item->next)
        claim(item->is_found, "no TLB holds what the view does not show", ledger->owner,
              item->address, item->entry);
}

void tlb_ledger_settle(const struct domain *domain)
{
    const asid_t asid = asid_of(domain);

    if (asid == 0)
        return;
    claim(ledgers[asid].owner == domain, "an ASID has one owner", domain, 0, domain->cross.ttbr);
    fill(&ledgers[asid], true);
}

static void item_forget(struct item *item, uaddr_t address, uint64_t pages)
{
    const uint64_t span = item->level == 1 ? BIT(LEVEL1_SHIFT) : SLOT_BYTES;
    const uaddr_t end = address + pages * PAGE_BYTES;

    if (address >= item->address + span || end <= item->address)
        return;
    item->is_step = false;
    if (!pte_is_table(item->entry))
        item->below.bits[0] = 0; /* one address of a block is all of it */
    if (!pte_is_table(item->entry) || item->level == 1)
        return;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        const uaddr_t page = item->address + (uaddr_t)i * PAGE_BYTES;
        if (page >= address && page < end)
            item->below.bits[i / 64] &= ~BIT(i % 64);
    }
}

void tlb_ledger_forget(asid_t asid, uaddr_t address, uint64_t pages)
{
    struct ledger *ledger = &ledgers[asid];

    if (pages == 0)
        ledger->is_overflowing = false;
    else
        for (struct item *item = ledger->items; item != NULL; item = item->next)
            item_forget(item, address, pages);
    items_drop(ledger, pages == 0);
    /* A CPU may walk again the moment after, as long as the ASID goes with the root. */
    if (ledger->owner != NULL && asid_of(ledger->owner) == asid)
        fill(ledger, false);
}

void tlb_ledger_give(asid_t asid, const struct domain *domain)
{
    struct ledger *ledger = &ledgers[asid];

    claim(ledger->owner == NULL && ledger->items == NULL && !ledger->is_overflowing,
          "nothing is left in a TLB since the ASID's last owner", domain, 0, domain->cross.ttbr);
    ledger->owner = domain;
    fill(ledger, false);
}

void tlb_ledger_take(asid_t asid)
{
    struct ledger *ledger = &ledgers[asid];
    const struct domain *owner = ledger->owner;

    ledger->owner = NULL;
    claim(owner != NULL && ledger->items == NULL && !ledger->is_overflowing,
          "whoever loses an ASID leaves nothing in a TLB", owner, 0, asid);
}

#include "domains/view.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/tlb.h"
#include "base/assert.h"
#include "base/bits.h"
#include "base/path.h"
#include "domains/asid.h"
#include "domains/audit.h"
#include "domains/frame.h"
#include "domains/quota.h"
#include "domains/space.h"

/*
 * An entry of the root that leads to a level 2 table of the view's own knows, in bits that the
 * hardware ignores, how many entries there are in use, and in which eighths of the table segments
 * may begin.  An entry that is a segment's, for a GiB, is narrowed; that tells the two apart.
 */
enum { COUNT_SHIFT = 2, COUNT_BITS = 10, EIGHTHS_SHIFT = 51, EIGHTH_ENTRIES = TABLE_ENTRIES / 8 };
_Static_assert(TABLE_ENTRIES < 1 << COUNT_BITS, "all of a table's entries can be counted");
#define COUNT_ONE  BIT(COUNT_SHIFT)
#define COUNT_MASK BITS(COUNT_SHIFT + COUNT_BITS - 1, COUNT_SHIFT)
#define SPACE_END  BIT(SHARED_SPACE_BITS)

/* A table of the view's own, empty and charged. */
static enum status table_take(struct domain *domain, paddr_t *out)
{
    enum status status = quota_take(domain, QUOTA_FRAMES, 1);

    if (status != STATUS_OK)
        return status;
    status = frame_allocate_zeroed(FRAME_TABLE, out);
    if (status != STATUS_OK)
        quota_give(domain, QUOTA_FRAMES, 1);
    else
        domain->table_frames++;
    return status;
}

static void table_give(struct domain *domain, paddr_t table)
{
    frame_free_zeroed(table);
    domain->table_frames--;
    quota_give(domain, QUOTA_FRAMES, 1);
}

static void root_use(struct domain *domain, uint32_t gigabyte)
{
    domain->root_used[gigabyte / 64] |= BIT(gigabyte % 64);
}

enum status view_create(struct domain *domain)
{
    paddr_t root;
    const enum status status = table_take(domain, &root);

    if (status != STATUS_OK)
        return status;
    domain->root = direct_map(root);
    domain->root_used[TABLE_ENTRIES / 64] = 1;
    /* Not the first gigabyte, which stays empty. */
    domain->home_gigabyte = 1 + (uint32_t)(space_random() % (SPACE_GIGABYTES - 1));
    audit_view_made(domain);
    return STATUS_OK;
}

void view_destroy(struct domain *domain)
{
    audit_view_ending(domain);
    table_give(domain, direct_map_physical(domain->root));
    domain->root = NULL;
}

static uint32_t gigabyte_of(uaddr_t address)
{
    return (uint32_t)(address >> LEVEL1_SHIFT);
}

static pte_t *level2_of(pte_t above)
{
    return direct_map(pte_address(above));
}

static bool leads_to_own_table(pte_t above)
{
    return (above & PTE_PXN_TABLE) == 0;
}

static bool is_counted_empty(pte_t above)
{
    return (above & COUNT_MASK) == 0;
}

static void root_unuse(struct domain *domain, uint32_t gigabyte)
{
    domain->root_used[gigabyte / 64] &= ~BIT(gigabyte % 64);
}

/* The first entry of the root in use from `from` on; TABLE_ENTRIES, which says so, if none is. */
static uint32_t root_next(const struct domain *domain, uint32_t from)
{
    uint64_t used = domain->root_used[from / 64] & (~UINT64_C(0) << (from % 64));

    for (from = (uint32_t)align_down(from, 64); used == 0;)
        used = domain->root_used[(from += 64) / 64];
    return from + (uint32_t)__builtin_ctzll(used);
}

/* The first entry in use from `at` on, or `end`, which is the end of its eighth of the table. */
static const pte_t *entry_in_eighth(const pte_t *at, const pte_t *end)
{
    for (; (uintptr_t)at % (8 * sizeof *at) != 0; at++)
        if (*at != 0)
            return at;
    while (at < end && (at[0] | at[1] | at[2] | at[3] | at[4] | at[5] | at[6] | at[7]) == 0)
        at += 8;
    while (at < end && *at == 0)
        at++;
    return at;
}

/* The first entry of a table from `from` on with which a segment may begin. */
static uint32_t entry_next(pte_t above, uint32_t from)
{
    const pte_t *table = level2_of(above);
    uint64_t eighths =
        bits_field(above, EIGHTHS_SHIFT, 8) & (~UINT64_C(0) << (from / EIGHTH_ENTRIES));

    for (; eighths != 0; eighths &= eighths - 1) {
        const uint32_t begin = bits_trailing_zeros(eighths) * EIGHTH_ENTRIES;
        const pte_t *end = &table[begin + EIGHTH_ENTRIES];
        const pte_t *at = entry_in_eighth(&table[from > begin ? from : begin], end);
        if (at < end)
            return (uint32_t)(at - table);
    }
    return TABLE_ENTRIES;
}

/* A level 2 table of the view's own. */
static enum status table_make(struct domain *domain, uint32_t gigabyte)
{
    paddr_t table;
    const enum status status = table_take(domain, &table);

    if (status != STATUS_OK)
        return status;
    tlb_publish(); /* empty, before a table walk can find it */
    domain->root[gigabyte] = pte_table(table);
    root_use(domain, gigabyte);
    return STATUS_OK;
}

/* The level 2 table shows nothing any more. */
COLD static void table_release(struct domain *domain, uint32_t gigabyte)
{
    const paddr_t table = pte_address(domain->root[gigabyte]);

    domain->root[gigabyte] = 0;
    if (asid_of(domain) != 0)
        tlb_invalidate_pages(asid_of(domain), (uaddr_t)gigabyte << LEVEL1_SHIFT, 1);
    root_unuse(domain, gigabyte);
    table_give(domain, table);
}

/* Borrowed: the view's first entry for the segment; NULL if its table is missing. */
static pte_t *entries_of(const struct domain *domain, const struct segment *segment)
{
    pte_t *above = &domain->root[gigabyte_of(segment->address)];

    if (segment->by_gigabyte)
        return above;
    return pte_is_valid(*above) ? level2_of(*above) + level2_index(segment->address) : NULL;
}

/* Write the view's entries for the segment, narrowed to `rights`, which are not none. */
static void entries_write(pte_t *at, const struct segment *segment, rights_t rights)
{
    for (uint32_t i = 0; i < segment->entry_count; i++)
        at[i] = pte_narrow(segment->entries[i], rights);
}

OUT_OF_LINE static void entries_clear_more(pte_t *at, uint32_t count)
{
    for (; count >= 4; count -= 4, at += 4)
        at[0] = at[1] = at[2] = at[3] = 0;
    for (; count > 0; count--)
        *at++ = 0;
}

static void entries_clear(pte_t *at, uint32_t count)
{
    *at = 0;
    if (count > 1)
        entries_clear_more(at + 1, count - 1);
}

static void tlb_forget(const struct domain *domain, const struct segment *segment)
{
    const asid_t asid = asid_of(domain);
    const uint64_t pages = segment->length / PAGE_BYTES;

    if (asid == 0)
        return; /* the TLB was emptied of it when the ASID was taken away */
    if (pages <= TLB_PAGES_MAX)
        tlb_invalidate_pages(asid, segment->address, pages);
    else
        tlb_invalidate_asid(asid);
}

static enum status rights_check(const struct segment *segment, rights_t rights)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;

    if ((rights & RIGHT_READ) == 0 || (rights & ~(rights_t)RIGHTS_MEMORY) != 0
        || (rights & w_and_x) == w_and_x)
        return STATUS_BAD_ARGUMENT;
    return (rights & ~segment->widest) == 0 ? STATUS_OK : STATUS_NO_RIGHT;
}

/* One more entry of a level 2 table is in use, or several; a segment begins with the first. */
static pte_t counted(pte_t above, uaddr_t first, uint32_t entries)
{
    return (above + COUNT_ONE * entries)
           | BIT(EIGHTHS_SHIFT + level2_index(first) / EIGHTH_ENTRIES);
}

/* A segment comes to be in the view. */
static void segment_enter(struct domain *domain, struct segment *segment)
{
    const uint32_t gigabyte = gigabyte_of(segment->address);
    pte_t *above = &domain->root[gigabyte];

    object_get(&segment->object);
    segment->object.uses++;
    if (segment->by_gigabyte)
        for (uint32_t i = 0; i < segment->entry_count; i++)
            root_use(domain, gigabyte + i);
    else
        *above = counted(*above, segment->address, segment->entry_count);
}

enum status view_grant(struct domain *domain, struct segment *segment, rights_t rights)
{
    const uint32_t gigabyte = gigabyte_of(segment->address);

    if (domain->state >= DOMAIN_STATE_STOPPED)
        return STATUS_PEER_DEAD;
    enum status status = rights_check(segment, rights);
    if (status == STATUS_OK && !segment->by_gigabyte && !pte_is_valid(domain->root[gigabyte]))
        status = table_make(domain, gigabyte);
    if (status != STATUS_OK)
        return status;
    pte_t *at = entries_of(domain, segment);
    const bool is_new = !pte_is_valid(*at);
    if (is_new)
        segment_enter(domain, segment);
    entries_write(at, segment, rights); /* what they lead to was published when it was whole */
    if (is_new)
        tlb_publish();
    else
        tlb_forget(domain, segment);
    audit_view_changed(domain, segment, rights);
    return STATUS_OK;
}

bool view_grant_usual(struct domain *domain, struct segment *segment, rights_t rights)
{
    const uint32_t gigabyte = gigabyte_of(segment->address);
    pte_t *above = &domain->root[gigabyte];
    pte_t *at = above;

    if ((rights & RIGHT_READ) == 0 || (rights & ~segment->widest) != 0 || segment->entry_count != 1)
        return false;
    if (!segment->by_gigabyte) {
        if (!pte_is_valid(*above))
            return false;
        at = level2_of(*above) + level2_index(segment->address);
    }
    if (pte_is_valid(*at))
        return false;
    object_get(&segment->object);
    segment->object.uses++;
    if (segment->by_gigabyte)
        root_use(domain, gigabyte);
    else
        *above = counted(*above, segment->address, 1);
    *at = pte_narrow(segment->entries[0], rights);
    tlb_publish();
    audit_view_changed(domain, segment, rights);
    return true;
}

/* `at` is the view's first entry for the segment, which is there. */
static void segment_remove(struct domain *domain, struct segment *segment, pte_t *at)
{
    const uint32_t gigabyte = gigabyte_of(segment->address);
    pte_t *above = &domain->root[gigabyte];

    entries_clear(at, segment->entry_count);
    tlb_forget(domain, segment);
    if (segment->by_gigabyte) {
        for (uint32_t i = 0; i < segment->entry_count; i++)
            root_unuse(domain, gigabyte + i);
    } else {
        *above -= COUNT_ONE * segment->entry_count;
        if (is_counted_empty(*above))
            table_release(domain, gigabyte);
    }
    audit_view_changed(domain, segment, 0);
    segment->object.uses--;
    object_put(&segment->object);
}

enum status view_revoke(struct domain *domain, struct segment *segment)
{
    pte_t *at = domain->root == NULL ? NULL : entries_of(domain, segment);

    if (at == NULL || !pte_is_valid(*at))
        return STATUS_NOT_FOUND;
    segment_remove(domain, segment, at);
    return STATUS_OK;
}

rights_t view_granted(const struct domain *domain, const struct segment *segment)
{
    const pte_t *at = domain->root == NULL ? NULL : entries_of(domain, segment);

    return at == NULL ? 0 : pte_narrowed(*at);
}

rights_t view_rights_at(const struct domain *domain, uaddr_t address)
{
    const struct segment *segment = space_owner(address);

    if (segment == NULL || address - segment->address >= segment->length || domain->root == NULL)
        return 0;
    const pte_t above = domain->root[gigabyte_of(address)];
    if (!pte_is_valid(above))
        return 0;
    const pte_t leaf = segment_leaf(segment, address - segment->address);
    if (segment->by_gigabyte)
        return pte_rights(above, leaf);
    return pte_rights(level2_of(above)[level2_index(address)], leaf);
}

/*
 * The first slot from `from` on at which a segment of the view begins, or where to look next: one
 * table at a time.  SPACE_END when there is nothing.
 */
static uaddr_t slot_next(const struct domain *domain, uaddr_t from)
{
    const uint32_t gigabyte = root_next(domain, gigabyte_of(from));
    const uaddr_t base = (uaddr_t)gigabyte << LEVEL1_SHIFT;

    if (from < base)
        from = base;
    if (gigabyte == TABLE_ENTRIES || !leads_to_own_table(domain->root[gigabyte]))
        return from;
    const uint32_t slot = entry_next(domain->root[gigabyte], level2_index(from));
    if (slot < TABLE_ENTRIES)
        return base + (uaddr_t)slot * SLOT_BYTES;
    return (uaddr_t)root_next(domain, gigabyte + 1) << LEVEL1_SHIFT;
}

struct segment *view_next(const struct domain *domain, uaddr_t from, uaddr_t *next)
{
    if (domain->root == NULL || from >= SPACE_END)
        return NULL;
    struct segment *segment = space_owner(from);
    if (segment == NULL || view_granted(domain, segment) == 0) {
        const uaddr_t at = slot_next(domain, slot_next(domain, from));
        if (at == SPACE_END)
            return NULL;
        segment = space_owner(at);
    }
    const uaddr_t after =
        slot_next(domain, segment->address + (uaddr_t)segment->slots * SLOT_BYTES);
    *next = after == SPACE_END ? 0 : after;
    return segment;
}

/* One table is looked through, and its entries cleared, at the most: that bounds a step. */
bool view_drain(struct domain *domain, unsigned budget)
{
    const uint32_t gigabyte = root_next(domain, 0);
    uaddr_t at = (uaddr_t)gigabyte << LEVEL1_SHIFT;

    for (; budget > 0 && gigabyte_of(at) == gigabyte && gigabyte < TABLE_ENTRIES; budget--) {
        at = slot_next(domain, at);
        struct segment *segment = space_owner(at);
        ASSERT(segment != NULL && segment->address == at);
        at += (uaddr_t)segment->slots * SLOT_BYTES;
        segment_remove(domain, segment, entries_of(domain, segment));
        if (domain->root[gigabyte] == 0 || cpu_is_interrupted())
            break;
    }
    return root_next(domain, 0) == TABLE_ENTRIES;
}

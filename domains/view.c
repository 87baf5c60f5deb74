#include "domains/view.h"

#include "arch/mmu.h"
#include "arch/tlb.h"
#include "arch/zero.h"
#include "base/bits.h"
#include "domains/asid.h"
#include "domains/audit.h"
#include "domains/frame.h"
#include "domains/pool.h"
#include "domains/space.h"

enum { BUCKETS = 1024 };

static struct pool mapping_pool;
static struct mapping *buckets[BUCKETS]; /* all mappings, by domain and segment */

void views_init(void)
{
    pool_init(&mapping_pool, sizeof(struct mapping));
}

enum status view_create(struct domain *domain)
{
    paddr_t root;
    enum status status = quota_take(domain, 1, 0, 0);

    if (status == STATUS_OK)
        status = frame_allocate(0, FRAME_TABLE, &root);
    if (status != STATUS_OK)
        return status;
    domain->root = direct_map(root);
    zero_page(domain->root);
    domain->table_frames = 1;
    list_init(&domain->mappings);
    /* Not the first gigabyte, which stays empty. */
    domain->home_gigabyte = 1 + (uint32_t)(space_random() % (SPACE_GIGABYTES - 1));
    audit_view_made(domain);
    return STATUS_OK;
}

void view_destroy(struct domain *domain)
{
    audit_view_ending(domain);
    frame_free(direct_map_physical(domain->root));
    domain->root = NULL;
    domain->table_frames = 0;
    quota_give(domain, 1, 0, 0);
}

static struct mapping **bucket_of(const struct domain *domain, const struct segment *segment)
{
    const uint64_t hash = (uintptr_t)segment / 32 ^ (uint64_t)domain->id * 31;

    return &buckets[hash % BUCKETS];
}

struct mapping *view_find(const struct domain *domain, const struct segment *segment)
{
    for (struct mapping *m = *bucket_of(domain, segment); m != NULL; m = m->next_in_bucket)
        if (m->domain == domain && m->segment == segment)
            return m;
    return NULL;
}

static uint32_t gigabyte_of(uaddr_t address)
{
    return (uint32_t)(address >> LEVEL1_SHIFT);
}

static pte_t *level2_of(const struct domain *domain, uint32_t gigabyte)
{
    return direct_map(pte_address(domain->root[gigabyte]));
}

/* The level 2 tables that the segment's slots need.  Those made stay if a later one fails. */
static enum status tables_prepare(struct domain *domain, const struct segment *segment)
{
    if (segment->by_gigabyte)
        return STATUS_OK;
    const uint32_t last = gigabyte_of(segment->address + segment->length - 1);
    for (uint32_t g = gigabyte_of(segment->address); g <= last; g++) {
        paddr_t table;
        if (pte_is_valid(domain->root[g]))
            continue;
        enum status status = quota_take(domain, 1, 0, 0);
        if (status != STATUS_OK)
            return status;
        status = frame_allocate(0, FRAME_TABLE, &table);
        if (status != STATUS_OK) {
            quota_give(domain, 1, 0, 0);
            return status;
        }
        zero_page(direct_map(table));
        tlb_publish(); /* empty, before a table walk can find it */
        domain->root[g] = pte_table(table);
        domain->table_frames++;
    }
    return STATUS_OK;
}

/* A level 2 table that shows nothing any more is the domain's to give back. */
static void tables_release(struct domain *domain, const struct segment *segment)
{
    if (segment->by_gigabyte)
        return;
    const uint32_t last = gigabyte_of(segment->address + segment->length - 1);
    for (uint32_t g = gigabyte_of(segment->address); g <= last; g++) {
        if (!pte_is_valid(domain->root[g]))
            continue;
        const paddr_t table = pte_address(domain->root[g]);
        if (*frame_count(table) > 0)
            continue;
        domain->root[g] = 0;
        if (asid_of(domain) != 0)
            tlb_invalidate_pages(asid_of(domain), (uaddr_t)g << LEVEL1_SHIFT, 1);
        frame_free(table);
        domain->table_frames--;
        quota_give(domain, 1, 0, 0);
    }
}

/* Write the view's entries for the segment: narrowed to `rights`, or none. */
static void entries_write(struct domain *domain, const struct segment *segment, rights_t rights)
{
    for (uint32_t i = 0; i < segment->entry_count; i++) {
        const pte_t entry = pte_narrow(segment->entries[i], rights);
        if (segment->by_gigabyte) {
            domain->root[gigabyte_of(segment->address) + i] = entry;
            continue;
        }
        const uaddr_t address = segment->address + (uaddr_t)i * SLOT_BYTES;
        level2_of(domain, gigabyte_of(address))[level2_index(address)] = entry;
    }
}

/* How many of the view's level 2 entries are in use, table by table. */
static void entries_count(const struct domain *domain, const struct segment *segment, int change)
{
    if (segment->by_gigabyte)
        return;
    for (uint32_t i = 0; i < segment->entry_count; i++) {
        const uaddr_t address = segment->address + (uaddr_t)i * SLOT_BYTES;
        uint16_t *count = frame_count(pte_address(domain->root[gigabyte_of(address)]));
        *count = (uint16_t)(*count + change);
    }
}

static void tlb_forget(const struct domain *domain, const struct segment *segment)
{
    const uint64_t pages = segment->length / PAGE_BYTES;

    if (asid_of(domain) == 0)
        return; /* the TLB was emptied of it when the ASID was taken away */
    if (pages <= TLB_PAGES_MAX)
        tlb_invalidate_pages(asid_of(domain), segment->address, pages);
    else
        tlb_invalidate_asid(asid_of(domain));
}

static enum status rights_check(const struct segment *segment, rights_t rights)
{
    const rights_t w_and_x = RIGHT_WRITE | RIGHT_EXECUTE;

    if ((rights & RIGHT_READ) == 0 || (rights & ~(rights_t)RIGHTS_MEMORY) != 0
        || (rights & w_and_x) == w_and_x)
        return STATUS_BAD_ARGUMENT;
    return (rights & ~segment->widest) == 0 ? STATUS_OK : STATUS_NO_RIGHT;
}

static void mapping_link(struct mapping *mapping, struct domain *domain, struct segment *segment)
{
    struct mapping **bucket = bucket_of(domain, segment);

    mapping->segment = segment;
    mapping->domain = domain;
    object_get(&segment->object);
    list_push_back(&segment->mappings, &mapping->segment_node);
    list_push_back(&domain->mappings, &mapping->domain_node);
    mapping->next_in_bucket = *bucket;
    *bucket = mapping;
    segment->view_count++;
    domain->view_slots += segment->slots;
}

enum status view_grant(struct domain *domain, struct segment *segment, rights_t rights)
{
    void *memory;
    enum status status = rights_check(segment, rights);

    if (status != STATUS_OK)
        return status;
    struct mapping *mapping = view_find(domain, segment);
    if (mapping != NULL) {
        mapping->rights = rights;
        entries_write(domain, segment, rights);
        tlb_forget(domain, segment);
        audit_view_changed(domain, segment, rights);
        return STATUS_OK;
    }
    status = pool_take(&mapping_pool, &memory);
    if (status != STATUS_OK)
        return status;
    status = tables_prepare(domain, segment);
    if (status != STATUS_OK) {
        tables_release(domain, segment);
        pool_return(&mapping_pool, memory);
        return status;
    }

    mapping = memory;
    mapping->rights = rights;
    mapping_link(mapping, domain, segment);
    entries_count(domain, segment, 1);
    tlb_publish(); /* the segment's tables, before the entries that lead to them */
    entries_write(domain, segment, rights);
    tlb_publish();
    audit_view_changed(domain, segment, rights);
    return STATUS_OK;
}

static void mapping_remove(struct mapping *mapping)
{
    struct domain *domain = mapping->domain;
    struct segment *segment = mapping->segment;
    struct mapping **at = bucket_of(domain, segment);

    entries_write(domain, segment, 0);
    tlb_forget(domain, segment);
    entries_count(domain, segment, -1);
    tables_release(domain, segment);

    while (*at != mapping)
        at = &(*at)->next_in_bucket;
    *at = mapping->next_in_bucket;
    list_remove(&mapping->segment_node);
    list_remove(&mapping->domain_node);
    segment->view_count--;
    domain->view_slots -= segment->slots;
    audit_view_changed(domain, segment, 0);
    pool_return(&mapping_pool, mapping);
    object_put(&segment->object);
}

enum status view_revoke(struct domain *domain, struct segment *segment)
{
    struct mapping *mapping = view_find(domain, segment);

    if (mapping == NULL)
        return STATUS_NOT_FOUND;
    mapping_remove(mapping);
    return STATUS_OK;
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
    return pte_rights(level2_of(domain, gigabyte_of(address))[level2_index(address)], leaf);
}

bool view_drain(struct domain *domain, unsigned budget)
{
    for (; budget > 0 && !list_is_empty(&domain->mappings); budget--)
        mapping_remove(LIST_ENTRY(list_first(&domain->mappings), struct mapping, domain_node));
    return list_is_empty(&domain->mappings);
}

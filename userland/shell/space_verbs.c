/*
 * Verbs about the shared address space: who holds what, who sees what, where memory went.
 */
#include "listing.h"
#include "record_text.h"
#include "table.h"
#include "unit.h"
#include "words.h"

#include "abi/rights.h"

#include <inttypes.h>
#include <stdio.h>

/* Translated by TTBR1, which no domain's view is part of. */
static const uint64_t KERNEL_HALF = 0xffff000000000000;

/* 0: its maker has gone, and others still have it. */
static void owner_cell(struct table *table, uint32_t domain_id)
{
    if (domain_id == 0)
        table_cell(table, "gone");
    else
        table_cell(table, "%" PRIu32, domain_id);
}

static void handle_detail(struct table *table, const struct info_handle *handle)
{
    switch ((enum object_type)handle->type) {
    case OBJECT_SEGMENT:
    case OBJECT_PORTAL:
        table_cell(table, "at 0x%" PRIx64, handle->detail);
        break;
    case OBJECT_INTERRUPT:
        table_cell(table, "number %" PRIu64, handle->detail);
        break;
    case OBJECT_DOMAIN:
    case OBJECT_THREAD:
        table_cell(table, "id %" PRIu64, handle->detail);
        break;
    default:
        table_cell(table, "%s", "");
        break;
    }
}

void verb_handles(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"handle", true}, {"kind", false},     {"rights", false},
        {"badge", true},  {"of domain", true}, {"what", false},
    };
    struct table table;
    struct listing listing;

    (void)count;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_HANDLES, arguments[0]);
    for (const struct info_handle *handle; (handle = listing_next(&listing)) != NULL;) {
        table_cell(&table, "0x%" PRIx64, handle->handle);
        table_cell(&table, "%s", text_of_object_type(handle->type));
        table_cell(&table, "%s", text_of_rights(handle->rights).text);
        table_cell(&table, "0x%" PRIx64, handle->badge);
        if (handle->type == OBJECT_SEGMENT)
            owner_cell(&table, handle->owner_domain_id);
        else
            table_cell(&table, "%" PRIu32, handle->owner_domain_id);
        handle_detail(&table, handle);
    }
    if (table.cell_count > 0)
        puts("rights: r read, w write, x execute, m DMA, c call, s signal, a wait, g manage,\n"
             "        i inspect, d duplicate, t transfer");
    listing_print(&listing, &table);
}

static void map_domain(struct shell *shell, const char *name)
{
    static const struct table_column columns[] = {
        {"address", true},   {"length", true},   {"view", false},
        {"widest", false},   {"label", false},   {"views", true},
        {"of domain", true}, {"physical", true}, {"kind", false},
    };
    struct table table;
    struct listing listing;

    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    listing_init(&listing, shell, INSPECT_VIEW, name);
    for (const struct info_view *view; (view = listing_next(&listing)) != NULL;) {
        table_cell(&table, "0x%" PRIx64, view->address);
        table_cell(&table, "%s", unit_bytes(view->length).text);
        table_cell(&table, "%s", text_of_access(view->rights).text);
        table_cell(&table, "%s", text_of_access(view->widest).text);
        table_cell(&table, "%s", text_of_name(view->label).text);
        table_cell(&table, "%" PRIu32, view->view_count);
        owner_cell(&table, view->owner_domain_id);
        /* A guard page has none. */
        if (view->physical == 0)
            table_cell(&table, "-");
        else
            table_cell(&table, "0x%" PRIx64, view->physical);
        table_cell(&table, "%s", view->is_device != 0 ? "device" : "memory");
    }
    listing_print(&listing, &table);
}

static void print_access(const struct inspect_address *found)
{
    uint32_t listed = found->access_count;

    for (uint32_t i = 0; i < listed && i < INSPECT_ACCESS_MAX; i++)
        printf("  %s  %s\n", text_of_access(found->access[i].rights).text,
               text_of_name(found->access[i].domain).text);
    if (found->view_count > listed)
        printf("  and %" PRIu32 " more views\n", found->view_count - listed);
}

static void map_address(struct shell *shell, uint64_t address)
{
    struct inspect *inspect = verb_inspect(shell);
    struct inspect_address found;

    if (inspect == NULL
        || verb_failed(inspect_address(inspect, address, &found), "cannot look the address up"))
        return;
    if (found.segment == 0) {
        printf("0x%" PRIx64 " belongs to %s: any access to it is a fault\n", address,
               address >= KERNEL_HALF ? "the kernel" : "nobody");
        return;
    }
    printf("0x%" PRIx64 " is byte %" PRIu64 " of segment \"%s\" of %s\n", address,
           address - found.segment, text_of_name(found.label).text, text_of_name(found.owner).text);
    printf("  at 0x%" PRIx64 ", %s of %s, physical 0x%" PRIx64 ", at most %s\n", found.segment,
           unit_bytes(found.length).text, found.is_device != 0 ? "device registers" : "memory",
           found.physical, text_of_access(found.widest).text);
    if (found.symbol[0] != '\0')
        printf("  %.*s\n", (int)sizeof found.symbol, found.symbol);
    printf("Who sees it:\n");
    print_access(&found);
}

/* A domain's name may begin with a digit, too. */
static bool is_meant_as_number(struct shell *shell, const char *word)
{
    return ((word[0] >= '0' && word[0] <= '9') || word[0] == '-')
           && listing_find_domain(shell, word) == NULL;
}

void verb_map(struct shell *shell, int count, char **arguments)
{
    uint64_t address;

    (void)count;
    if (words_number(arguments[0], &address))
        map_address(shell, address);
    else if (is_meant_as_number(shell, arguments[0]))
        printf("no address \"%s\": up to 64 bits, like 0x1000 or 4096\n", arguments[0]);
    else
        map_domain(shell, arguments[0]);
}

static void mem_row(struct table *table, const char *what, uint64_t frames, uint64_t total)
{
    table_cell(table, "%s", what);
    table_cell(table, "%s", unit_count(frames).text);
    table_cell(table, "%s", unit_bytes(frames * PAGE_BYTES).text);
    table_cell(table, "%s", unit_share(frames, total).text);
}

void verb_mem(struct shell *shell, int count, char **arguments)
{
    static const struct table_column columns[] = {
        {"memory", false},
        {"frames", true},
        {"size", true},
        {"share", true},
    };
    struct inspect *inspect = verb_inspect(shell);
    struct info_memory memory;
    struct table table;

    (void)count;
    (void)arguments;
    if (inspect == NULL
        || verb_failed(inspect_get(inspect, INSPECT_MEMORY, NULL, &memory, sizeof memory),
                       "cannot ask for memory"))
        return;
    uint64_t total = memory.total_frames;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    mem_row(&table, "all", total, total);
    mem_row(&table, "free", memory.free_frames, total);
    mem_row(&table, "in use", total - memory.free_frames, total);
    mem_row(&table, "  kernel, archive", memory.kernel_frames, total);
    mem_row(&table, "  segments", memory.segment_frames, total);
    mem_row(&table, "  tables", memory.table_frames, total);
    mem_row(&table, "  kernel objects", memory.object_frames, total);
    table_print(&table);
    printf("kernel image %s, boot archive %s\n", unit_bytes(memory.image_bytes).text,
           unit_bytes(memory.archive_bytes).text);
}

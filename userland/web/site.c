/*
 * Site blob: checked once when it is opened, trusted afterwards.
 */

#include "site.h"

static const char magic[8] = {'R', 'O', 'T', 'S', 'I', 'T', 'E', '1'};

static bool range_is_inside(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

static bool string_is_inside(struct site_string string, uint64_t size)
{
    return range_is_inside(string.offset, string.size, size);
}

static bool variant_is_valid(const struct site_variant *v, uint64_t size)
{
    return range_is_inside(v->body_offset, v->body_size, size) && string_is_inside(v->etag, size)
           && string_is_inside(v->version_lines, size) && string_is_inside(v->content_lines, size);
}

static bool entry_is_valid(const struct site_entry *e, uint64_t size)
{
    return string_is_inside(e->path, size) && e->path.size > 0
           && variant_is_valid(&e->variant[SITE_PLAIN], size)
           && variant_is_valid(&e->variant[SITE_GZIP], size)
           && e->variant[SITE_PLAIN].etag.size > 0;
}

/* Order of the table: byte by byte, the shorter first. */
static int path_compare(struct text a, struct text b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static bool entries_are_valid(const struct site *site, uint64_t size)
{
    for (size_t i = 0; i < site->count; i++) {
        if (!entry_is_valid(&site->entries[i], size))
            return false;
        if (i > 0
            && path_compare(site_text(site, site->entries[i - 1].path),
                            site_text(site, site->entries[i].path))
                   >= 0)
            return false;
    }
    return true;
}

bool site_open(struct site *site, const void *blob, size_t size)
{
    const struct site_header *header = blob;

    if (size < sizeof(*header) || (uintptr_t)blob % _Alignof(struct site_header) != 0)
        return false;
    if (memcmp(header->magic, magic, sizeof(magic)) != 0 || header->size > size)
        return false;
    if (header->entries_offset % _Alignof(struct site_entry) != 0
        || header->entries_count > size / sizeof(struct site_entry)
        || !range_is_inside(header->entries_offset,
                            header->entries_count * sizeof(struct site_entry), size)
        || !string_is_inside(header->policy_line, size))
        return false;

    struct site opened = {.blob = blob, .count = (size_t)header->entries_count};

    opened.entries =
        (const struct site_entry *)(const void *)(opened.blob + header->entries_offset);
    opened.policy_line = site_text(&opened, header->policy_line);
    if (!entries_are_valid(&opened, size))
        return false;
    *site = opened;
    return true;
}

const struct site_entry *site_find(const struct site *site, struct text path)
{
    size_t low = 0;
    size_t high = site->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = path_compare(path, site_text(site, site->entries[middle].path));

        if (order == 0)
            return &site->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct site_variant *site_variant_choose(const struct site_entry *entry,
                                               enum site_coding coding)
{
    return &entry->variant[entry->variant[coding].etag.size > 0 ? coding : SITE_PLAIN];
}

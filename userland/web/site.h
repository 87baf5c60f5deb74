/*
 * Site: the files to serve, packed into one read-only blob by pack_site.py.
 *
 * All decisions that depend on a file alone were taken when it was packed: its
 * type, its entity tags, whether a gzip variant pays, even the field lines
 * that go with it.  Serving is a binary search and a pointer to bytes that
 * nobody copies.
 *
 *      header | entries, sorted by path | strings | bodies
 *
 * Numbers are little-endian.  Offsets count from the start of the blob, which
 * must lie on an 8-byte boundary.
 */

#pragma once

#include "text.h"

struct site_string {
    uint32_t offset;
    uint32_t size;
};

enum site_coding { SITE_PLAIN, SITE_GZIP, SITE_CODINGS };

/* One form in which a file can be sent. */
struct site_variant {
    uint64_t body_offset;
    uint64_t body_size;
    struct site_string etag;          /* with its quotes; empty when there is no such variant */
    struct site_string version_lines; /* ETag, Last-Modified, Cache-Control, Vary */
    struct site_string content_lines; /* Content-Type, Content-Encoding, Accept-Ranges */
};

struct site_entry {
    struct site_string path; /* "/docs/index.html" */
    uint64_t modified;       /* Unix seconds */
    struct site_variant variant[SITE_CODINGS];
};

struct site_header {
    char magic[8];
    uint64_t size; /* of the whole blob */
    uint64_t entries_offset;
    uint64_t entries_count;
    struct site_string policy_line; /* Content-Security-Policy of every page */
    uint64_t reserved[2];
};

_Static_assert(sizeof(struct site_variant) == 40, "pack_site.py writes 40 bytes");
_Static_assert(sizeof(struct site_entry) == 96, "pack_site.py writes 96 bytes");
_Static_assert(sizeof(struct site_header) == 56, "pack_site.py writes 56 bytes");

struct site {
    const char *blob; /* borrowed for as long as anything is served from it */
    const struct site_entry *entries;
    size_t count;
    struct text policy_line;
};

/* Check a blob from end to end; false unless everything it points to lies inside it. */
bool site_open(struct site *site, const void *blob, size_t size);

/* The file at `path`, or NULL. */
const struct site_entry *site_find(const struct site *site, struct text path);

/* The variant in `coding` if there is one, else the plain file. */
const struct site_variant *site_variant_choose(const struct site_entry *entry,
                                               enum site_coding coding);

static inline struct text site_text(const struct site *site, struct site_string string)
{
    return (struct text){site->blob + string.offset, string.size};
}

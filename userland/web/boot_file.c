/*
 * Boot files: a search in the archive's table, all offsets checked.
 */
#include "boot_file.h"

#include "abi/archive.h"
#include "rt/startup.h"

static const struct text nothing = {NULL, 0};

/* The bytes from `offset` on, if they lie inside the archive; else nothing. */
static struct text part(struct text archive, uint64_t offset, uint64_t size)
{
    if (offset > archive.size || size > archive.size - offset)
        return nothing;
    return (struct text){archive.data + offset, (size_t)size};
}

static struct text archive_text(void)
{
    const struct startup_segment *segment = &startup_get()->archive;

    if (segment->handle == 0 || segment->length_bytes < sizeof(struct archive_header))
        return nothing;
    return (struct text){(const char *)(uintptr_t)segment->address, (size_t)segment->length_bytes};
}

struct text boot_file_find(const char *name)
{
    struct text archive = archive_text();

    if (archive.size == 0)
        return nothing;

    const struct archive_header *header = (const void *)archive.data;

    if (header->magic != ARCHIVE_MAGIC || header->version != ARCHIVE_VERSION
        || header->file_count > archive.size / sizeof(struct archive_file))
        return nothing;

    struct text table =
        part(archive, header->files_offset, header->file_count * sizeof(struct archive_file));
    const struct archive_file *files = (const void *)table.data;

    for (size_t i = 0; table.size > 0 && i < header->file_count; i++) {
        struct text found =
            part(archive, header->strings_offset + files[i].name_offset, files[i].name_bytes);

        if (text_equals(found, text_of(name)))
            return part(archive, files[i].offset, files[i].bytes);
    }
    return nothing;
}

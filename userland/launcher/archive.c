/*
 * Archive: checking it, and finding things in it.
 */
#include "archive.h"

#include <stdbool.h>
#include <string.h>

static const void *at(const struct archive *archive, uint64_t offset)
{
    return archive->start + offset;
}

/* Whether `count` things of `each` bytes fit between `offset` and `limit`. */
static bool fits(uint64_t offset, uint64_t count, uint64_t each, uint64_t limit)
{
    return offset <= limit && count <= (limit - offset) / each;
}

static bool is_page_aligned(uint64_t value)
{
    return value % ARCHIVE_PAGE_BYTES == 0;
}

static const char *check_header(const struct archive_header *header, uint64_t bytes)
{
    if (bytes < sizeof *header || header->magic != ARCHIVE_MAGIC)
        return "it has no archive header";
    if (header->version != ARCHIVE_VERSION)
        return "it has another version";
    if (header->total_bytes > bytes || !is_page_aligned(header->total_bytes))
        return "it is cut off";
    if (!fits(header->programs_offset, header->program_count, sizeof(struct archive_program),
              header->total_bytes)
        || header->programs_offset % 8 != 0)
        return "its list of programs lies outside";
    if (!fits(header->files_offset, header->file_count, sizeof(struct archive_file),
              header->total_bytes)
        || header->files_offset % 8 != 0)
        return "its list of files lies outside";
    if (!fits(header->manifest_offset, header->manifest_bytes, 1, header->total_bytes)
        || header->manifest_offset % 8 != 0)
        return "its manifest lies outside";
    if (!fits(header->strings_offset, header->strings_bytes, 1, header->total_bytes)
        || header->strings_bytes == 0)
        return "its names lie outside";
    return NULL;
}

static const char *check_symbols(const struct archive *archive,
                                 const struct archive_program *program)
{
    if (!fits(program->symbols_offset, program->symbol_count, sizeof(struct archive_symbol),
              archive->header->total_bytes)
        || program->symbols_offset % 4 != 0)
        return "the symbols of a program lie outside";

    const struct archive_symbol *symbols = at(archive, program->symbols_offset);
    for (uint64_t i = 0; i < program->symbol_count; i++) {
        if (symbols[i].name_offset >= archive->header->strings_bytes)
            return "the name of a symbol lies outside";
        if (i != 0 && symbols[i].address_offset < symbols[i - 1].address_offset)
            return "the symbols of a program are out of order";
    }
    return NULL;
}

/* Sizes are held against the archive one by one first, so that no sum can wrap. */
static const char *check_program(const struct archive *archive,
                                 const struct archive_program *program)
{
    const uint64_t total = archive->header->total_bytes;
    const uint64_t front = program->text_bytes + program->rodata_bytes;

    if (memchr(program->name, '\0', sizeof program->name) == NULL || program->name[0] == '\0')
        return "the name of a program is broken";
    if (program->text_bytes > total || program->rodata_bytes > total
        || !fits(program->text_offset, front, 1, total))
        return "the text of a program lies outside";
    if (!is_page_aligned(program->text_offset) || !is_page_aligned(program->text_bytes)
        || !is_page_aligned(program->rodata_bytes))
        return "the text of a program is not made of pages";
    if (program->spare_offset != 0
        && (!fits(program->spare_offset, front, 1, total)
            || !is_page_aligned(program->spare_offset)))
        return "the spare text of a program lies outside";
    if (!fits(program->data_offset, program->data_file_bytes, 1, total)
        || program->data_file_bytes > program->data_memory_bytes
        || program->data_memory_bytes > UINT32_MAX)
        return "the data of a program lies outside";
    if (program->data_address_offset % ARCHIVE_DATA_ALIGNMENT != 0
        || program->data_address_offset > UINT32_MAX
        || (program->data_memory_bytes != 0 && program->data_address_offset < front))
        return "the data of a program has no slot of its own";
    if (program->text_bytes != 0 && program->entry_offset >= program->text_bytes)
        return "the entry of a program is outside its text";
    return check_symbols(archive, program);
}

static const char *check(const struct archive *archive)
{
    const struct archive_header *header = archive->header;

    /* The last name ends inside, and so each of them. */
    if (archive->strings[header->strings_bytes - 1] != '\0')
        return "its last name does not end";
    for (uint32_t i = 0; i < header->program_count; i++) {
        const char *why = check_program(archive, &archive->programs[i]);
        if (why != NULL)
            return why;
    }
    return NULL;
}

enum status archive_open(const void *start, uint64_t bytes, struct archive *out, const char **why)
{
    struct archive archive = {.start = start, .header = start};
    const char *wrong = check_header(archive.header, bytes);

    if (wrong == NULL) {
        archive.programs = at(&archive, archive.header->programs_offset);
        archive.strings = at(&archive, archive.header->strings_offset);
        wrong = check(&archive);
    }
    if (wrong != NULL) {
        *why = wrong;
        return STATUS_BAD_DATA;
    }
    *out = archive;
    return STATUS_OK;
}

const struct archive_program *archive_find(const struct archive *archive, const char *name)
{
    for (uint32_t i = 0; i < archive->header->program_count; i++) {
        if (strcmp(archive->programs[i].name, name) == 0)
            return &archive->programs[i];
    }
    return NULL;
}

bool archive_is_sound(const struct archive *archive, uint64_t offset, uint64_t bytes,
                      uint64_t checksum)
{
    const uint64_t *words = at(archive, offset);
    uint64_t sum = ARCHIVE_CHECKSUM_START;

    for (uint64_t i = 0; i < bytes / sizeof *words; i++)
        sum = archive_checksum_add(sum, words[i]);
    return sum == checksum;
}

static bool is_sound(const struct archive *archive, const struct archive_program *program,
                     uint64_t offset)
{
    return archive_is_sound(archive, offset, program->text_bytes + program->rodata_bytes,
                            program->checksum);
}

enum status archive_sound_text(const struct archive *archive, const struct archive_program *program,
                               uint64_t *offset)
{
    *offset = program->text_offset;
    if (program->spare_offset == 0 || is_sound(archive, program, program->text_offset))
        return STATUS_OK;
    if (!is_sound(archive, program, program->spare_offset))
        return STATUS_BAD_DATA;
    *offset = program->spare_offset;
    return STATUS_OK;
}

enum status archive_symbolise(const struct archive *archive, const struct archive_program *program,
                              uint64_t offset, struct archive_place *out)
{
    const struct archive_symbol *symbols = at(archive, program->symbols_offset);
    uint64_t low = 0;
    uint64_t high = program->symbol_count;

    /* symbols[0..low) start at or in front of `offset`, symbols[high..] behind it. */
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (symbols[middle].address_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return STATUS_NOT_FOUND;
    out->function = archive->strings + symbols[low - 1].name_offset;
    out->offset = offset - symbols[low - 1].address_offset;
    return STATUS_OK;
}

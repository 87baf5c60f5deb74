/*
 * Boot archive: everything that the kernel image carries besides the kernel.
 *
 * tools/pack appends it, page-aligned, to the kernel's own bytes: programs unpacked to the layout
 * they run in, the compiled manifest, plain files, and the function names for backtraces.  All
 * numbers are little-endian; every `_offset` counts from the start of the archive unless its
 * comment says otherwise; names are NUL-terminated and their offsets count from `strings_offset`.
 *
 * The packer is trusted (it built the kernel too); readers check bounds all the same.
 */
#pragma once

#include <stdint.h>

#define ARCHIVE_MAGIC UINT64_C(0x3148435241544f52) /* "ROTARCH1" read as bytes */

enum {
    ARCHIVE_VERSION = 1,
    ARCHIVE_PAGE_BYTES = 4096,
    ARCHIVE_DATA_ALIGNMENT = 0x200000, /* of a program's data, seen from its text */
    ARCHIVE_NAME_BYTES = 32,
};

struct archive_header {
    uint64_t magic;
    uint32_t version;
    uint32_t program_count; /* entries of struct archive_program, the kernel's included */
    uint64_t total_bytes;   /* of the archive, a multiple of the page size */
    uint64_t programs_offset;
    uint64_t files_offset; /* entries of struct archive_file, sorted by name */
    uint64_t file_count;
    uint64_t manifest_offset; /* the compiled devicetree, 8-byte aligned */
    uint64_t manifest_bytes;
    uint64_t strings_offset;
    uint64_t strings_bytes;
    uint64_t reserved[6];
};

/*
 * One program.  Its text and read-only data lie in the archive page by page as they are to be
 * mapped; its data is a template to copy.  The entry named "kernel" has symbols only, its
 * text_bytes are zero and its addresses count from the kernel's link address.
 */
struct archive_program {
    char name[ARCHIVE_NAME_BYTES];
    uint64_t text_offset;         /* page-aligned */
    uint64_t text_bytes;          /* read and execute; a multiple of the page size */
    uint64_t rodata_bytes;        /* read only, follows the text; a multiple of the page size */
    uint64_t data_offset;         /* of the initialised data, 64-byte aligned */
    uint64_t data_file_bytes;     /* to copy; the rest up to data_memory_bytes is zero */
    uint64_t data_memory_bytes;   /* to reserve, bss included */
    uint64_t data_address_offset; /* address of the data minus address of the text */
    uint64_t entry_offset;        /* from the start of the text */
    uint64_t symbols_offset;      /* entries of struct archive_symbol, sorted by address */
    uint64_t symbol_count;
    uint64_t spare_offset; /* page-aligned: text and read-only data once more; 0: only once */
    uint64_t checksum;     /* of either copy, as archive_checksum_add() has it; 0 without a spare */
};

/* A function; it reaches to the next one. */
struct archive_symbol {
    uint32_t address_offset; /* from the start of the text */
    uint32_t name_offset;
};

/* A plain file, page-aligned, the rest of its last page zero. */
struct archive_file {
    uint64_t offset;
    uint64_t bytes;
    uint64_t modified_s;  /* Unix time */
    uint32_t name_offset; /* "site/index.html" */
    uint32_t name_bytes;  /* without the NUL */
};

#define ARCHIVE_CHECKSUM_START UINT64_C(0xcbf29ce484222325)

/*
 * Take eight bytes more into a checksum.  Each step can be undone, so any damage within eight bytes
 * is found, and other damage but for one in 2^64.
 */
static inline uint64_t archive_checksum_add(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

_Static_assert(sizeof(struct archive_header) == 128, "archive header layout");
_Static_assert(sizeof(struct archive_program) == 128, "archive program layout");
_Static_assert(sizeof(struct archive_symbol) == 8, "archive symbol layout");
_Static_assert(sizeof(struct archive_file) == 32, "archive file layout");

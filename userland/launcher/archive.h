/*
 * Archive: the programs, symbols and files that came with the kernel.
 *
 * abi/archive.h describes the bytes.  They are checked once, completely, when the
 * archive is opened; from then on every offset in it can be trusted, and what is found
 * here points straight into it.
 *
 * Pure: reads memory, calls nobody.
 */
#pragma once

#include "abi/archive.h"
#include "abi/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive {
    const uint8_t *start;
    const struct archive_header *header;
    const struct archive_program *programs;
    const char *strings;
};

/* A function and how far into it an address is. */
struct archive_place {
    const char *function;
    uint64_t offset;
};

/*
 * Check the archive at `start`, page-aligned, of which `bytes` may be read.
 * Ownership: `*out` points into it.
 * Errors: BAD_DATA; `*why` says what is wrong with it.
 */
CHECK_RESULT enum status archive_open(const void *start, uint64_t bytes, struct archive *out,
                                      const char **why);

/* The program of that name; NULL if there is none. */
const struct archive_program *archive_find(const struct archive *archive, const char *name);

/* Whether these bytes at `offset` are what they were when the image was made. */
bool archive_is_sound(const struct archive *archive, uint64_t offset, uint64_t bytes,
                      uint64_t checksum);

/*
 * Where the text of `program` is as it was packed: in its usual place, or in its spare one.
 * Errors: BAD_DATA (it isn't in either; `*offset` is the usual place).
 */
CHECK_RESULT enum status archive_sound_text(const struct archive *archive,
                                            const struct archive_program *program,
                                            uint64_t *offset);

/*
 * The function of `program` that the byte at `offset` from its text belongs to.
 * Errors: NOT_FOUND (no symbols, or in front of the first).
 */
CHECK_RESULT enum status archive_symbolise(const struct archive *archive,
                                           const struct archive_program *program, uint64_t offset,
                                           struct archive_place *out);

/*
 * Property: typed values out of a devicetree, or a sentence that says what is wrong.
 *
 * A reader stands at one node.  Each function reads one property of that node and
 * leaves `*out` alone when the node doesn't have it, so the caller's default stays.
 * All errors are BAD_DATA, with the sentence in the reader's `error`.
 */
#pragma once

#include "abi/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROPERTY_ERROR_BYTES = 192 };

struct property_error {
    char text[PROPERTY_ERROR_BYTES]; /* "node: property: what is wrong", without a newline */
};

struct property_reader {
    const void *tree;
    int node;
    const char *where; /* the node's name, for the sentence */
    struct property_error *error;
};

/* Write the sentence; `property` may be empty.  Always BAD_DATA. */
__attribute__((format(printf, 3, 4))) enum status property_refuse(
    const struct property_reader *reader, const char *property, const char *format, ...);

/* Exactly `count` numbers. */
CHECK_RESULT enum status property_cells(const struct property_reader *reader, const char *property,
                                        uint32_t count, uint32_t *out);

/* One number from `least` to `most`. */
CHECK_RESULT enum status property_number(const struct property_reader *reader, const char *property,
                                         uint32_t least, uint32_t most, uint32_t *out);

/* The same, and a multiple of the page size. */
CHECK_RESULT enum status property_size(const struct property_reader *reader, const char *property,
                                       uint32_t least, uint32_t most, uint32_t *out);

/* A property whose presence is its value. */
CHECK_RESULT enum status property_flag(const struct property_reader *reader, const char *property,
                                       bool *out);

/*
 * Up to `most` texts, each up to `longest` characters; none is empty unless `most` is 1.
 * Ownership: `out` gets pointers into the tree.
 */
CHECK_RESULT enum status property_strings(const struct property_reader *reader,
                                          const char *property, uint32_t most, size_t longest,
                                          const char **out, uint32_t *count);

CHECK_RESULT enum status property_string(const struct property_reader *reader, const char *property,
                                         size_t longest, const char **out);

/* One word out of a few; `*out` becomes its position in `words`. */
CHECK_RESULT enum status property_word(const struct property_reader *reader, const char *property,
                                       const char *const *words, uint32_t word_count,
                                       uint32_t *out);

/* Refuse a property that `known` doesn't list: most likely it is misspelt. */
CHECK_RESULT enum status property_check(const struct property_reader *reader,
                                        const char *const *known, size_t known_count);

/* Why the header of the tree at `tree` is wrong for `tree_bytes`; NULL: it is sound. */
const char *property_check_header(const void *tree, size_t tree_bytes);

/* Why the `tree_bytes` at `tree`, 8-byte aligned, are no sound devicetree; NULL: they are. */
const char *property_check_tree(const void *tree, size_t tree_bytes);
